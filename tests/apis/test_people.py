# Copyright (c) temporal_corr authors. All rights reserved.
"""A labelled frame guides the frames around it."""
import json

import cv2
import numpy as np
import pytest
from mmengine.dataset import pseudo_collate
from mmpose.registry import DATASETS

from projects.temporal_corr.apis import (CocoPoses, FrameSource, Label,
                                         LabelFile, LabelledPeople, Prompts,
                                         predict_frame)
from projects.temporal_corr.datasets import VideoCocoDataset

NAMES = list('abcdefghijklmno')
META = dict(
    keypoint_id2name=dict(enumerate(NAMES)),
    skeleton_links=[(0, 2), (2, 14)])


def values(sample):
    """x, y and score of the keypoints of a person."""
    pose = sample.pred_instances
    return np.c_[pose.keypoints[0], pose.keypoint_scores[0]]


@pytest.mark.parametrize('positions', [[0], [3], [5, 1]],
                         ids=['first', 'middle', 'two, out of order'])
def test_equals_the_test_of_the_data_set(make_inferencer, predict_all,
                                         positions):
    """The front end and the evaluation are guided alike, to the last bit."""
    inferencer = make_inferencer()
    model = inferencer.model
    dataset = DATASETS.build(inferencer.cfg.test_dataloader.dataset)
    items = max((items for _, items in dataset.videos), key=len)
    infos = [dataset.get_data_info(int(item)) for item in items]
    images = [cv2.imread(info['img_path']) for info in infos]

    def stream():
        return [
            values(inferencer(image, info['bbox'])[0])
            for image, info in zip(images, infos)
        ]

    plain = stream()
    inferencer.reset()
    model.offline = {}
    for position in positions:
        batch = pseudo_collate([dataset[int(items[position])]])
        batch = model.data_preprocessor(batch, False)
        (row, ), (exemplars, ) = model.extract_exemplars(**batch)
        model.offline.setdefault(row.key, {})[position] = exemplars
    tested = predict_all(model, dataset)
    inferencer.reset()
    assert not model.offline
    for position in positions:
        info = infos[position]
        inferencer.prompt(images[position], info['keypoints'], info['bbox'],
                          frame_index=position)  # yapf: disable
    guided = stream()
    np.testing.assert_array_equal(
        guided, [values(tested[info['img_path']]) for info in infos])
    assert not np.array_equal(guided, plain)


@pytest.mark.parametrize('temporal, change, message', [
    ('correlation', dict(keypoints=np.zeros((1, 14, 2))), r'\(1, 14, 2\)'),
    ('correlation', dict(keypoints=np.full((1, 15, 2), np.nan)),
     'keypoints.*each person'),
    ('correlation', dict(bboxes=[[0, 0, 9, 9], [1, 1, 9, 9]]), 'of 1 people'),
    ('correlation', dict(track_ids=[1, 2]), 'track_ids'),
    ('heatmap', {}, "type='ExemplarCorrelation'"),
])  # yapf: disable
def test_labels_that_are_refused(make_inferencer, temporal, change, message):
    arguments = dict(
        frame=np.zeros((48, 64, 3), np.uint8), keypoints=np.ones((1, 15, 2)))
    with pytest.raises(ValueError, match=message):
        make_inferencer(temporal).prompt(**{**arguments, **change})


@pytest.fixture
def folder(write_images, video):
    """Images, labels of two people in them, and their keypoints."""
    path = write_images({f'{i}.png': image for i, image in enumerate(video)},
                        'clip')
    keypoints = np.full((2, 15, 3), 2.)
    keypoints[..., :2] = np.random.default_rng(0).uniform(
        8, 40, (2, 15, 2)).round(2)
    keypoints[1, 4] = 0
    first, second = (pose.ravel().tolist() for pose in keypoints)
    content = dict(
        images=[dict(id=7, file_name='1.png'),
                dict(id=9, frame_index=3)],
        annotations=[
            dict(image_id=7, track_id=0, keypoints=first, bbox=[2, 3, 40, 41]),
            dict(image_id=9, track_id=0, keypoints=second),
            dict(image_id=9, track_id=5, keypoints=first),
        ],
        categories=[dict(id=1, name='person', keypoints=NAMES)])
    return path, content, keypoints


def read(folder, content, tmp_path):
    path = tmp_path / 'labels.json'
    path.write_text(json.dumps(content))
    return LabelFile(str(path), FrameSource(folder), NAMES)


def test_what_comes_out_goes_in_again(folder, tmp_path, make_inferencer):
    """Only labels are labels; what is corrected and marked becomes one."""
    path, content, keypoints = folder
    labels = read(path, content, tmp_path)
    inferencer, people = make_inferencer(), LabelledPeople(labels.frames)
    source, out = FrameSource(path), tmp_path / 'out.json'
    Prompts(labels.frames, FrameSource(path)).show(inferencer, 0, None)
    with CocoPoses(str(out), source, META) as coco:
        for frame in source:
            samples = predict_frame(inferencer, people, frame, labels.frames)
            coco.write(frame.image, samples)
    written = json.loads(out.read_text())
    assert len(written['images']) == 8 and len(written['annotations']) == 16
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
            str(out), FrameSource(path), META, labels.frames) as coco:
        for _ in range(2):
            coco.write(np.zeros((48, 64, 3), np.uint8), [])
    again = read(path, json.loads(out.read_text()), tmp_path).frames
    assert list(again) == [1, 3]
    for frame, found in labels.frames.items():
        for label, other in zip(found, again[frame]):
            assert label.track_id == other.track_id
            np.testing.assert_array_equal(label.keypoints, other.keypoints)
            np.testing.assert_allclose(label.bbox, other.bbox, rtol=1e-6)
    # A video may end before its header tells.
    labels.frames[12] = labels.frames.pop(3)
    with pytest.raises(ValueError, match='frame 12 is labelled'):
        Prompts({12: labels.frames[12]},
                FrameSource(path)).show(None, 0, None)


def test_a_corrected_file_trains(folder, tmp_path, repo_root):
    """It has the fields of a data set of videos, one person a frame."""
    path, _, keypoints = folder
    info = dict(
        from_file=str(repo_root / 'configs/_base_/datasets/sub_jhmdb.py'))
    out, points = str(tmp_path / 'out.json'), keypoints[0, :, :2]
    labels = {
        i: [Label(0, points + i, np.array([2., 3, 42, 44]))]
        for i in range(8)
    }
    with CocoPoses(out, FrameSource(path),
                   VideoCocoDataset._load_metainfo(info), labels) as coco:
        for image in FrameSource(path):
            coco.write(image.image, [])
    dataset = VideoCocoDataset(
        out, data_prefix=dict(img=path), metainfo=info)
    assert len(dataset) == 8
    for i in range(8):
        frame = dataset.get_data_info(i)
        assert frame['frame_index'] == i
        np.testing.assert_allclose(frame['keypoints'][0], points + i)


def test_demo_with_labels(demo, folder, tmp_path, tiny_model_files,
                          make_inferencer):
    """With a cut between the two labelled frames. The answer to a labelled
    keypoint is its label."""
    path, content, keypoints = folder
    content['categories'][0]['keypoints'] = list(
        make_inferencer().dataset_meta['keypoint_id2name'].values())
    (tmp_path / 'labels.json').write_text(json.dumps(content))
    assert demo.main([
        *tiny_model_files(), '--input', path, '--pred-out-dir',
        str(tmp_path), '--prompt', str(tmp_path / 'labels.json'), '--cuts', '2'
    ]) == 0  # yapf: disable
    written = json.loads((tmp_path / 'clip.json').read_text())
    frames = [frame['instances'] for frame in written['instance_info']]
    assert [['labelled' in person for person in people]
            for people in frames] == [[False] * 2, [True, False], [False] * 2,
                                      [True] * 2, *[[False] * 2] * 4]
    for person, points in zip(frames[3], keypoints[::-1]):
        known = points[:, 2] > 0
        assert person['labelled'] == known.tolist()
        np.testing.assert_allclose(
            np.array(person['keypoints'])[known], points[known, :2])
        assert (np.array(person['keypoint_scores'])[known] == 1).all()
    written = json.loads((tmp_path / 'clip_coco.json').read_text())
    assert sum(a['labelled'] for a in written['annotations']) == 3
