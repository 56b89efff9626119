# Copyright (c) temporal_corr authors. All rights reserved.
from pathlib import Path

import cv2
import mmpose
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmpose.apis import inference_topdown
from mmpose.registry import DATASETS
from mmpose.structures import merge_data_samples

from projects.temporal_corr.apis import (DEFAULT_MODEL, FollowedPerson,
                                         VideoPoseInferencer, released_models)
from projects.temporal_corr.apis.video_pose_inferencer import as_bgr
from projects.temporal_corr.smoothing import OneEuroFilter

BOX = [8., 6., 56., 42.]
OTHER = [20., 2., 60., 40.]
NAN = float('nan')


def keypoints(samples):
    """Keypoints of all people in shape (N, K, 2)."""
    return np.concatenate([s.pred_instances.keypoints for s in samples])


def scores(samples):
    """Their scores in shape (N, K)."""
    rows = [s.pred_instances.keypoint_scores for s in samples]
    return np.concatenate(rows or [np.zeros((0, 15))])


@pytest.mark.parametrize('temporal, flip_test', [('correlation', False),
                                                 ('correlation', True),
                                                 ('heatmap', False),
                                                 (None, False)])
def test_stream_equals_the_test_of_the_data_set(make_inferencer, predict_all,
                                                temporal, flip_test):
    """Frame by frame from arrays as from files by VideoSampler."""
    inferencer = make_inferencer(temporal, flip_test)
    dataset = DATASETS.build(inferencer.cfg.test_dataloader.dataset)
    expected = predict_all(inferencer.model, dataset)
    assert len(expected) == 20
    for _, items in dataset.videos:
        inferencer.reset()
        for number, item in enumerate(items):
            info = dataset.get_data_info(int(item))
            sample, = inferencer(cv2.imread(info['img_path']), info['bbox'])
            instances = expected[info['img_path']].pred_instances
            for name in ('keypoints', 'keypoint_scores', 'bboxes'):
                np.testing.assert_array_equal(sample.pred_instances[name],
                                              instances[name])
            assert sample.frame_index == number


@pytest.mark.parametrize('temporal, flip_test', [('correlation', False),
                                                 ('correlation', True),
                                                 ('heatmap', True)])
def test_people_carry_their_own_values(make_inferencer, video, temporal,
                                       flip_test):
    """Two who come and go, in any order, are each as if alone."""
    inferencer = make_inferencer(temporal, flip_test)
    boxes = {7: BOX, 3: OTHER}
    visits = [(7, ), (3, 7), (7, ), (), (7, 3), (3, ), (3, 7)]
    together = {7: [], 3: []}
    for frame, ids in zip(video, visits):
        samples = inferencer(frame, [boxes[i] for i in ids], ids)
        assert [sample.track_id for sample in samples] == list(ids)
        for track_id, score in zip(ids, scores(samples)):
            together[track_id].append(score)
    for track_id, box in boxes.items():
        inferencer.reset()
        alone = []
        for frame, ids in zip(video, visits):
            if track_id in ids:
                alone.extend(scores(inferencer(frame, [box], [track_id])))
        # one batch or two: float32 sums in another order
        np.testing.assert_allclose(together[track_id], alone, atol=1e-4)


@pytest.mark.parametrize('gap, remembered', [(0, True), (2, True),
                                             (3, False)])
def test_who_is_gone_too_long_starts_anew(make_inferencer, video, gap,
                                          remembered):
    inferencer = make_inferencer(max_age=2)
    inferencer(video[0], [BOX], [5])
    for _ in range(gap):
        inferencer(video[2], [OTHER], [1])
    again = scores(inferencer(video[1], [BOX], [5]))
    inferencer.reset()
    alone = scores(inferencer(video[1], [BOX], [5]))
    assert np.array_equal(again, alone) != remembered


def test_memory_does_not_grow(make_inferencer, video):
    """A new person in every frame, two values each with a flip test."""
    inferencer = make_inferencer(flip_test=True, max_age=3)
    for number in range(12):
        inferencer(video[0], [BOX], [number])
    assert inferencer.track_ids == [8, 9, 10, 11]
    assert len(inferencer.model.memory) == 4 * 2
    # Nobody gives way who is waited for; that of an evaluation has room for
    # 1024.
    assert inferencer.model.memory.max_tracks > 10**6
    for _ in range(4):
        assert inferencer(video[0], []) == []
    assert inferencer.track_ids == [] and len(inferencer.model.memory) == 0


@pytest.mark.parametrize('thr', [-9., 9.], ids=['followed', 'never found'])
def test_one_person_is_followed_without_boxes(thr, make_inferencer, video,
                                              monkeypatch):
    """As when :class:`FollowedPerson` gives the boxes and nothing is
    remembered of a frame without a person; the first crop is the frame."""
    *others, _, _, share = FollowedPerson.__init__.__defaults__
    monkeypatch.setattr(FollowedPerson.__init__, '__defaults__',
                        (*others, thr, thr, share))
    inferencer, given = make_inferencer(), make_inferencer()
    names = list(given.dataset_meta['keypoint_id2name'].values())
    person = FollowedPerson(names, padding=given.box_padding)
    for frame in video[:4]:
        sample, = inferencer(frame)
        wanted, = given(frame, person.box((64, 48))[None])
        pose = wanted.pred_instances
        if not person.follow(pose.keypoints[0], pose.keypoint_scores[0],
                             (64, 48)):
            given.take_back([0])
        for name in ('keypoints', 'bboxes'):
            np.testing.assert_array_equal(sample.pred_instances[name],
                                          pose[name])
        assert sample.track_id == 0
        if thr > 0 or sample.frame_index == 0:
            np.testing.assert_allclose(sample.pred_instances.bboxes,
                                       [[6.4, 4.8, 57.6, 43.2]])


@pytest.mark.parametrize('flip_test', [False, True])
@pytest.mark.parametrize('bad', [0, 2])
def test_a_frame_that_is_taken_back(make_inferencer, video, bad, flip_test):
    """As if that person had not been in it; the others were."""
    inferencer = make_inferencer(flip_test=flip_test)

    def stream(shown, take_back=False):
        inferencer.reset()
        for number, track_ids in enumerate(shown):
            samples = inferencer(video[number], [BOX, OTHER][:len(track_ids)],
                                 track_ids)
            if take_back and number == bad:
                inferencer.take_back([1])
        return keypoints(samples)

    together = [[7, 1]] * 4
    found = stream(together, take_back=True)
    without = [[7] if i == bad else [7, 1] for i in range(4)]
    np.testing.assert_array_equal(found, stream(without))
    assert not np.array_equal(found, stream(together))
    inferencer.reset()
    inferencer(video[0], [BOX, OTHER], [7, 1])
    inferencer.take_back([1])
    assert inferencer.track_ids == [7]


@pytest.mark.parametrize('max_age', [30, 2])
def test_smoothing(make_inferencer, video, max_age):
    """Memory does not know of it; who is forgotten starts anew."""
    plain = make_inferencer(max_age=max_age)
    smooth = make_inferencer(
        max_age=max_age, smoothing=dict(type='OneEuro', fps=20))
    visits = [(7, 3), (3, ), (7, 3), (3, ), (3, ), (3, ), (3, 7), (7, )]
    filters = {7: OneEuroFilter(fps=20), 3: OneEuroFilter(fps=20)}
    for index, (frame, ids) in enumerate(zip(video, visits)):
        if index == 6 and max_age == 2:  # away in frames 3, 4, 5
            filters[7] = OneEuroFilter(fps=20)
        pair = [model(frame, [BOX] * len(ids), ids)
                for model in (plain, smooth)]  # yapf: disable
        for ours, theirs in zip(*pair):
            a, b = ours.pred_instances, theirs.pred_instances
            np.testing.assert_array_equal(a.keypoint_scores, b.keypoint_scores)
            assert a.keypoints.dtype == b.keypoints.dtype
            np.testing.assert_allclose(
                b.keypoints[0],
                filters[ours.track_id](a.keypoints[0], index),
                rtol=1e-5)
    plain.reset()
    smooth.reset()
    np.testing.assert_array_equal(
        keypoints(plain(video[0], [BOX])), keypoints(smooth(video[0], [BOX])))
    with pytest.raises(ValueError, match='OneEuro'):
        make_inferencer(smoothing=dict(type='Gaussian'))


def test_samples_are_those_of_mmpose(make_inferencer, video):
    inferencer = make_inferencer()
    inferencer.model.test_cfg['output_heatmaps'] = True
    frame, boxes = video[0].copy(), np.array([BOX, OTHER])
    samples = inferencer(frame, boxes, bbox_scores=[0.5, 0.25])
    merged = merge_data_samples(samples)
    assert merged.pred_instances.keypoints.shape == (2, 15, 2)
    assert merged.pred_instances.bbox_scores.tolist() == [0.5, 0.25]
    assert merged.pred_fields.heatmaps.shape == (15, 48, 64)
    # What is given stays as it is.
    np.testing.assert_array_equal(frame, video[0])
    np.testing.assert_array_equal(boxes, [BOX, OTHER])


def test_model_of_mmpose_equals_its_own_inference(video):
    """A config of MMPose as it is, but smaller, with its flip test."""
    path = (
        Path(mmpose.__file__).parent / '.mim/configs/body_2d_keypoint/'
        'topdown_heatmap/coco/td-hm_res50_8xb64-210e_coco-256x192.py')
    cfg = Config.fromfile(path)
    cfg.model.backbone.update(
        depth=18, base_channels=8, stem_channels=8, init_cfg=None)
    cfg.model.head.update(
        in_channels=64,
        deconv_out_channels=(16, 16),
        deconv_kernel_sizes=(4, 4))
    cfg.model.head.decoder.heatmap_size = (24, 32)
    inferencer = VideoPoseInferencer(cfg)
    model = inferencer.model
    model.cfg, model.dataset_meta = cfg, inferencer.dataset_meta
    boxes = np.array([BOX, OTHER], dtype=np.float32)
    samples = inferencer(video[0], boxes, [4, 2])
    expected = inference_topdown(model, video[0], boxes)
    np.testing.assert_array_equal(keypoints(samples), keypoints(expected))
    np.testing.assert_array_equal(scores(samples), scores(expected))
    assert [sample.track_id for sample in samples] == [4, 2]


def test_config_and_checkpoint(tiny_model_files, video):
    config, checkpoint = tiny_model_files()
    cfg = Config.fromfile(config)
    before = cfg.to_dict()
    loaded = VideoPoseInferencer(
        cfg, checkpoint, cfg_options={'model.test_cfg.output_heatmaps': True})
    assert cfg.to_dict() == before  # it is the caller's
    saved = torch.load(checkpoint, weights_only=True)['state_dict']
    weights = loaded.model.state_dict()
    assert all(torch.equal(weights[key], saved[key]) for key in saved)
    assert 'pred_fields' in loaded(video[0])[0]
    with pytest.raises(RuntimeError, match='does not belong'):
        VideoPoseInferencer(tiny_model_files('heatmap')[0], checkpoint)
    # A released name with another checkpoint is not quietly the released one.
    with pytest.raises(FileNotFoundError, match='none.pth'):
        VideoPoseInferencer(DEFAULT_MODEL, 'none.pth')
    pipeline = cfg.test_dataloader.dataset.pipeline
    pipeline[-1] = dict(type='PackPoseInputs')
    with pytest.raises(ValueError, match='end with PackClipInputs'):
        VideoPoseInferencer(cfg)(video[0])
    with pytest.raises(ValueError, match='max_age'):
        VideoPoseInferencer(config, max_age=-1)


@pytest.mark.parametrize('name', released_models())
def test_a_released_name_is_config_and_checkpoint(name):
    config, checkpoint = released_models()[name]
    named = VideoPoseInferencer(name).model.state_dict()
    saved = torch.load(checkpoint, weights_only=True)['state_dict']
    assert all(torch.equal(named[key], saved[key]) for key in saved)
    assert Path(config).name in Path(checkpoint).with_name(
        f'{name}.md').read_text()
    assert DEFAULT_MODEL in released_models()


@pytest.mark.parametrize('convert', [
    lambda grey: grey,
    lambda grey: grey[..., None],
    lambda grey: np.dstack([grey, grey, grey, grey // 2]),
    lambda grey: np.asfortranarray(np.stack([grey] * 3, axis=-1)),
    lambda grey: np.stack([grey[:, ::-1]] * 3, axis=-1)[:, ::-1],
], ids=['grey', 'grey 1', 'bgra', 'column-major', 'a view'])
def test_kinds_of_images(video, convert):
    grey = video[0, ..., 0]
    found = as_bgr(convert(grey))
    np.testing.assert_array_equal(found, np.stack([grey] * 3, axis=-1))
    assert found.flags.c_contiguous


@pytest.mark.parametrize('change, message', [
    (dict(frame='a.jpg'), 'str.*cv2.imread'),
    (dict(frame=np.zeros((0, 4, 3), np.uint8)), r'\(0, 4, 3\)'),
    (dict(frame=np.zeros((48, 64, 3))), 'float64.*uint8'),
    (dict(frame=np.zeros((3, 48, 64), np.uint8)), 'channels last'),
    (dict(frame=np.zeros((1, 4, 4, 3), np.uint8)), r'\(1, 4, 4, 3\)'),
    (dict(bboxes=[BOX, [0, 0, np.inf, 9]]), r'bboxes\[1\].*finite'),
    (dict(bboxes=[[9, 9, 9, 20]]), 'area.*xywh2xyxy'),
    (dict(bboxes=[BOX + [0.9]]), r'\(1, 5\).*bbox_scores'),
    (dict(bboxes=BOX), r'\(4,\); it must be \(N, 4\)'),
    (dict(bboxes=[BOX, [1, 2]]), 'inhomogeneous|sequence'),
    (dict(bboxes='all'), 'could not convert'),
    (dict(bboxes=[BOX, OTHER], track_ids=[4, 4]), r'\[4, 4\].*different'),
    (dict(bboxes=[BOX, OTHER], track_ids=[4]), '2 different'),
    (dict(bboxes=[BOX], track_ids=[0.5]), 'integers'),
    (dict(bboxes=[BOX], track_ids=[NAN]), 'integers'),
    (dict(bboxes=[BOX], bbox_scores=[1, 1]), r'\(2,\), but there are 1'),
    (dict(bboxes=[], track_ids=[1]), '0 different'),
])
def test_bad_input_is_refused(make_inferencer, video, change, message):
    inferencer = make_inferencer()
    arguments = dict(dict(frame=video[0], bboxes=[BOX]), **change)
    with pytest.raises(ValueError, match=message):
        inferencer(**arguments)
    # It does not count.
    assert inferencer(video[0], [BOX])[0].frame_index == 0
