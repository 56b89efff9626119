# Copyright (c) temporal_corr authors. All rights reserved.
"""A labelled frame guides the frames around it."""
import json

import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from mmpose.registry import DATASETS

from projects.temporal_corr.apis import (CocoPoses, FrameSource, Label,
                                         LabelFile, LabelledPeople, Prompts,
                                         predict_frame)
from projects.temporal_corr.datasets import VideoCocoDataset
from projects.temporal_corr.models.offline_exemplars import ExemplarCollector

#: As of a data set.
META = dict(
    keypoint_id2name=dict(enumerate('abcdefghijklmno')),
    skeleton_links=[(0, 2), (2, 14)])


@pytest.fixture
def labelled(make_inferencer):
    """An inferencer and its data set; the items of the longest video."""
    inferencer = make_inferencer()
    dataset = DATASETS.build(inferencer.cfg.test_dataloader.dataset)
    _, items = max(dataset.videos, key=lambda video: len(video[1]))
    return inferencer, dataset, [int(item) for item in items]


def show(inferencer, info, **kwargs):
    """Prompt with the annotation of an item."""
    inferencer.prompt(
        cv2.imread(info['img_path']), info['keypoints'], info['bbox'],
        **kwargs)


@pytest.mark.parametrize('positions', [[0], [3], [5, 1]],
                         ids=['first', 'middle', 'two, out of order'])
def test_equals_the_two_passes_of_the_data_set(labelled, positions):
    """The front end and the evaluation are guided alike, to the last bit."""
    inferencer, dataset, items = labelled
    model = inferencer.model
    collector = ExemplarCollector()
    for position in sorted(positions):
        batch = pseudo_collate([dataset[items[position]]])
        batch = model.data_preprocessor(batch, False)
        collector.add(*model.extract_exemplars(**batch, labelled=True))
    model.offline = collector.finish()
    wanted = []
    with torch.no_grad():
        for item in items:
            sample, = model.test_step(pseudo_collate([dataset[item]]))
            wanted.append(sample.pred_instances.keypoints)

    inferencer.reset()
    assert not model.offline
    for position in positions:
        show(
            inferencer,
            dataset.get_data_info(items[position]),
            frame_index=position)
    for item, keypoints in zip(items, wanted):
        info = dataset.get_data_info(item)
        sample, = inferencer(cv2.imread(info['img_path']), info['bbox'])
        np.testing.assert_array_equal(sample.pred_instances.keypoints,
                                      keypoints)


def test_a_label_matters_from_the_frame_on(labelled):
    """While streaming: before it nothing changes, behind it something."""
    inferencer, dataset, items = labelled
    infos = [dataset.get_data_info(item) for item in items]

    def stream(prompted):
        inferencer.reset()
        found = []
        for position, info in enumerate(infos):
            if position == prompted:
                show(inferencer, info)
            sample, = inferencer(cv2.imread(info['img_path']), info['bbox'])
            found.append(sample.pred_instances.keypoint_scores)
        return np.concatenate(found)

    plain, guided = stream(None), stream(3)
    assert (plain[:3] == guided[:3]).all()
    assert (plain[3:] != guided[3:]).any()


@pytest.mark.parametrize('change, message', [
    (dict(keypoints=np.zeros((1, 14, 2))), 'shape'),
    (dict(keypoints=np.full((1, 15, 2), np.nan)), 'no label at all'),
    (dict(bboxes=[[0, 0, 9, 9], [1, 1, 9, 9]]), 'of 1 people'),
    (dict(track_ids=[1, 2]), 'track_ids'),
])
def test_refusals(labelled, change, message):
    inferencer = labelled[0]
    arguments = dict(
        frame=np.zeros((48, 64, 3), np.uint8),
        keypoints=np.random.default_rng(0).uniform(5, 40, (1, 15, 2)))
    with pytest.raises(ValueError, match=message):
        inferencer.prompt(**{**arguments, **change})


def test_models_without_exemplars_take_no_labels(make_inferencer):
    with pytest.raises(ValueError, match="type='ExemplarCorrelation'"):
        make_inferencer('heatmap').prompt(
            np.zeros((48, 64, 3), np.uint8), np.ones((15, 2)))


@pytest.fixture
def folder(tmp_path):
    """Five images, and labels of two people in them."""
    path = tmp_path / 'clip'
    path.mkdir()
    rng = np.random.default_rng(0)
    for index in range(5):
        cv2.imwrite(
            str(path / f'{index}.png'),
            rng.integers(0, 256, (48, 64, 3), dtype=np.uint8))
    keypoints = np.full((2, 15, 3), 2.)
    keypoints[..., :2] = rng.uniform(8, 40, (2, 15, 2)).round(2)
    keypoints[1, 4] = 0
    content = dict(
        images=[dict(id=7, file_name='1.png'),
                dict(id=9, frame_index=3)],
        annotations=[
            dict(image_id=7, track_id=0, keypoints=keypoints[0].ravel()
                 .tolist(), bbox=[2, 3, 40, 41]),
            dict(image_id=9, track_id=0, keypoints=keypoints[1].ravel()
                 .tolist()),
            dict(image_id=9, track_id=5, keypoints=keypoints[0].ravel()
                 .tolist()),
        ],
        categories=[dict(id=1, name='person', keypoints=list('abcdefghijklmno'
                                                             ))])
    return path, content, keypoints


def read(folder, content, tmp_path):
    path = tmp_path / 'labels.json'
    path.write_text(json.dumps(content))
    return LabelFile(
        str(path), FrameSource(str(folder)), list('abcdefghijklmno'))


def test_what_comes_out_goes_in_again(folder, tmp_path, make_inferencer):
    """Only labels are labels; what is corrected and marked becomes one."""
    path, content, keypoints = folder
    labels = read(path, content, tmp_path)
    inferencer = make_inferencer()
    source = FrameSource(str(path))
    people = LabelledPeople(labels.frames)
    out = tmp_path / 'out.json'
    Prompts(labels.frames, FrameSource(str(path))).show(inferencer, 0, None)
    with CocoPoses(str(out), source, META) as coco:
        for frame in source:
            samples = predict_frame(inferencer, people, frame, labels.frames)
            coco.write(frame.image, samples)
    written = json.loads(out.read_text())
    assert len(written['images']) == 5 and len(written['annotations']) == 10
    assert written['categories'][0]['skeleton'] == [[1, 3], [3, 15]]
    again = read(path, written, tmp_path)
    assert list(again.frames) == [1, 3]
    np.testing.assert_allclose(again.frames[1][0].keypoints,
                               keypoints[0, :, :2])
    # what a label leaves open is not a label when it comes back
    assert np.isnan(again.frames[3][0].keypoints[4]).all()
    corrected = next(a for a in written['annotations'] if a['image_id'] == 5)
    corrected.update(
        labelled=True, keypoints=content['annotations'][0]['keypoints'])
    assert list(read(path, written, tmp_path).frames) == [1, 3, 4]


def test_labels_of_frames_that_were_not_reached(folder, tmp_path):
    """After an interruption, and without a pose: no label is lost."""
    path, content, _ = folder
    labels = read(path, content, tmp_path)
    out = tmp_path / 'out.json'
    with CocoPoses(
            str(out), FrameSource(str(path)), META, labels.frames) as coco:
        for _ in range(2):
            coco.write(np.zeros((48, 64, 3), np.uint8), [])
    again = read(path, json.loads(out.read_text()), tmp_path).frames
    assert list(again) == [1, 3]
    for frame, found in labels.frames.items():
        for label, other in zip(found, again[frame]):
            assert label.track_id == other.track_id
            np.testing.assert_array_equal(label.keypoints, other.keypoints)
            np.testing.assert_allclose(label.bbox, other.bbox, rtol=1e-6)


def test_a_corrected_file_trains(folder, tmp_path, repo_root):
    """It has the fields of a data set of videos, one person a frame."""
    path, _, keypoints = folder
    info = repo_root / 'configs/_base_/datasets/sub_jhmdb.py'
    meta = VideoCocoDataset._load_metainfo(dict(from_file=str(info)))
    out = tmp_path / 'out.json'
    points = keypoints[0, :, :2]
    with CocoPoses(
            str(out), FrameSource(str(path)), meta,
            {i: [Label(0, points + i, np.array([2., 3, 42, 44]))]
             for i in range(5)}) as coco:  # yapf: disable
        for image in FrameSource(str(path)):
            coco.write(image.image, [])
    dataset = VideoCocoDataset(
        str(out),
        data_prefix=dict(img=str(path)),
        metainfo=dict(from_file=str(info)))
    assert len(dataset) == 5
    for i in range(5):
        frame = dataset.get_data_info(i)
        assert frame['frame_index'] == i
        np.testing.assert_allclose(frame['keypoints'][0], points + i)


def test_a_label_of_no_frame(folder, tmp_path, make_inferencer):
    """A video may end before its header tells."""
    path, content, _ = folder
    labels = read(path, content, tmp_path)
    labels.frames[12] = labels.frames.pop(3)
    with pytest.raises(ValueError, match='frame 12 is labelled'):
        Prompts(labels.frames, FrameSource(str(path))).show(
            make_inferencer(), 0, None)


def test_demo(folder, tmp_path, tiny_config, make_inferencer, demo):
    """The command, with a cut between the two labelled frames."""
    path, content, keypoints = folder
    inferencer = make_inferencer()
    names = list(inferencer.dataset_meta['keypoint_id2name'].values())
    content['categories'][0]['keypoints'] = names
    (tmp_path / 'labels.json').write_text(json.dumps(content))
    checkpoint = tmp_path / 'random.pth'
    torch.save(
        dict(state_dict=inferencer.model.state_dict(), meta={}), checkpoint)
    out = str(tmp_path / 'out')
    assert demo.main([
        str(tiny_config), str(checkpoint), '--input', str(path), '--prompt',
        str(tmp_path / 'labels.json'), '--cuts', '2', '--pred-out-dir', out,
        '--vis-out-dir', out
    ]) == 0  # yapf: disable
    written = json.loads((tmp_path / 'out/clip_coco.json').read_text())
    assert [len([a for a in written['annotations'] if a['image_id'] == i])
            for i in range(1, 6)] == [2] * 5
    assert sum(a['labelled'] for a in written['annotations']) == 3
    assert written['categories'][0]['keypoints'] == names
    # The answer to a labelled keypoint is its label, here as there.
    frames = json.loads((tmp_path / 'out/clip.json').read_text())
    frames = frames['instance_info']
    assert [['labelled' in person for person in frame['instances']]
            for frame in frames] == [[False] * 2, [True, False], [False] * 2,
                                     [True] * 2, [False] * 2]
    for person, points in zip(frames[3]['instances'], keypoints[::-1]):
        known = points[:, 2] > 0
        assert person['labelled'] == known.tolist()
        np.testing.assert_allclose(
            np.array(person['keypoints'])[known], points[known, :2])
        assert (np.array(person['keypoint_scores'])[known] == 1).all()
