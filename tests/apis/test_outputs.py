# Copyright (c) temporal_corr authors. All rights reserved.
import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from mmengine.structures import InstanceData, PixelData
from mmpose.structures import PoseDataSample, split_instances

from projects.temporal_corr.apis import (FramePainter, FrameSource, PoseFile,
                                         VideoOutputs)

GREY = 120


def person(track_id=0, scores=(0.9, 0.8), heatmaps=False):
    """Keypoints at (10, 12) and (30, 12), in the box 5, 6, 45, 36."""
    sample = PoseDataSample(
        metainfo=dict(
            track_id=track_id,
            ori_shape=(41, 61),
            input_center=np.array([25., 21.]),
            input_scale=np.array([40., 30.])))
    scores = np.array([scores], dtype=np.float32)
    sample.pred_instances = InstanceData(
        keypoints=np.array([[[10., 12.], [30., 12.]]]),
        keypoint_scores=scores,
        bboxes=np.array([[5., 6., 45., 36.]], dtype=np.float32),
        bbox_scores=np.array([0.5], dtype=np.float32))
    if heatmaps:
        maps = np.zeros((2, 6, 8), dtype=np.float32)
        maps[:, 3, 4] = 1.
        sample.pred_fields = PixelData(heatmaps=maps)
    return sample


#: Two keypoints and a limb.
META = dict(
    keypoint_id2name=dict(enumerate('ab')),
    keypoint_colors=np.array([[255, 0, 0], [0, 255, 0]]),
    skeleton_links=[(0, 1)],
    skeleton_link_colors=np.array([[0, 0, 255]]))


def picture(height=41, width=61):
    return np.full((height, width, 3), GREY, dtype=np.uint8)


def is_drawn(image):
    return (image != GREY).any(axis=-1)


def test_pose_file_is_that_of_mmpose(tmp_path):
    path = tmp_path / 'out/poses.json'
    people = [person(3), person(1)]
    with PoseFile(str(path), META) as file:
        file.write(people)
        file.write([])
        assert not path.exists()
    content = json.loads(path.read_text())
    assert content['meta_info']['keypoint_colors'] == [[255, 0, 0],
                                                       [0, 255, 0]]
    first, second = content['instance_info']
    assert second == dict(frame_id=1, instances=[])
    for instance, sample in zip(first['instances'], people):
        assert instance.pop('track_id') == sample.track_id
        expected, = split_instances(sample.pred_instances)
        assert instance == dict(
            expected, bbox=[expected['bbox'][0]],
            bbox_score=float(expected['bbox_score']))


def test_only_what_is_asked_for_is_drawn():
    image = picture()
    plain = FramePainter(META)(image, [person()])
    assert plain.shape == (42, 62, 3)  # even
    red, _, blue = plain[12, 20].astype(int)  # the limb
    assert blue > red + 50
    assert not is_drawn(plain)[30:].any() and (image == GREY).all()
    unsure = FramePainter(META, kpt_thr=0.85)(image, [person()])
    assert is_drawn(unsure)[12, 10] and not is_drawn(unsure)[12, 20:].any()
    boxed = FramePainter(META, draw_bbox=True)(image, [person(5)])
    assert is_drawn(boxed)[36, 5:46].all()
    other = FramePainter(META, draw_bbox=True)(image, [person(6)])
    assert (boxed[36, 20] != other[36, 20]).any()
    # "labelled" at the bottom of the frame, below the box, off the face
    labelled = person()
    labelled.set_metainfo(dict(labelled=np.array([True, False])))
    changed = (FramePainter(META)(image, [labelled]) != plain).any(axis=-1)
    assert changed[28:].any() and not changed[:20].any()
    # Pictures of other sizes are fitted into that of the first.
    paint = FramePainter(META)
    paint(picture(40, 60), [])
    smaller = paint(picture(20, 20), [])
    assert smaller.shape == (40, 60, 3)
    assert (smaller[20, 30] == GREY).all() and (smaller[:, 0] == 0).all()


def test_heatmaps_are_below():
    paint = FramePainter(META, draw_heatmap=True)
    drawn = paint(picture(), [person(heatmaps=True)])
    np.testing.assert_array_equal(
        drawn[:41, :61],
        FramePainter(META)(picture(), [person()])[:41, :61])
    heat = drawn[41:, :61]
    # Cell (4, 3) of 8 x 6 in the box is red, the rest blue.
    assert heat[21, 25, 0] > heat[21, 25, 2]
    assert heat[2, 2, 2] > heat[2, 2, 0]
    assert paint(picture(), []).shape == drawn.shape == (82, 62, 3)


@pytest.fixture
def make_source(write_images):
    """Makes an image, or a folder of several."""

    def make(count):
        path = write_images({f'{i}.png': picture() for i in range(count)})
        return FrameSource(path if count > 1 else f'{path}/0.png', fps=12)

    return make


@pytest.mark.parametrize('count', [1, 3])
def test_files(tmp_path, make_source, count):
    """Named after the input; those that replace others are marked."""
    source, out = make_source(count), str(tmp_path / 'out')
    for mark in ('', ' (replaced)'):
        with VideoOutputs(source, FramePainter(META), META, out,
                          out) as outputs:
            for frame in source:
                assert outputs.write(frame.image, [person()])
        names = ['0.png', '0.json', '0_coco.json'] if count == 1 else [
            'frames.mp4', 'frames.json', 'frames_coco.json'
        ]
        assert outputs.files == [f'{out}/{name}{mark}' for name in names]
    if count == 1:
        assert cv2.imread(f'{out}/0.png').shape == (42, 62, 3)
    else:
        video = cv2.VideoCapture(f'{out}/frames.mp4')
        assert video.get(cv2.CAP_PROP_FPS) == 12
        assert video.get(cv2.CAP_PROP_FRAME_COUNT) == outputs.num_frames == 3


@pytest.mark.parametrize('kwargs', [
    dict(vis_out_dir='frames'),
    # The labels that are given are files of the user, too.
    dict(pred_out_dir='out', inputs=['', 'out/0.json']),
], ids=['input', 'labels'])  # yapf: disable
def test_inputs_are_not_replaced(tmp_path, make_source, kwargs, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path('out').mkdir()
    Path('out/0.json').write_text('labels')
    with pytest.raises(ValueError, match='input itself'):
        VideoOutputs(make_source(1), FramePainter(META), META, **kwargs)
    assert Path('out/0.json').read_text() == 'labels'


@pytest.mark.parametrize('key, go_on', [(27, False), (-1, True), (None, True)])
def test_window(make_source, monkeypatch, capsys, key, go_on):
    """ESC ends; where no window can be opened it goes on without."""
    shown = []

    def show(name, image):
        if key is None:
            raise cv2.error('no display')
        shown.append(image.shape)

    monkeypatch.setattr('projects.temporal_corr.apis.outputs.can_open_windows',
                        lambda: True)
    monkeypatch.setattr(cv2, 'imshow', show)
    monkeypatch.setattr(cv2, 'waitKey', lambda delay: key)
    with VideoOutputs(
            make_source(1), FramePainter(META), META, show=True) as outputs:
        for _ in range(2):
            assert outputs.write(picture(), [person()]) == go_on
    assert shown == [(42, 62, 3)] * 2 * (key is not None)
    told = capsys.readouterr().out.count('No window can be opened')
    assert told == (key is None)


def test_frame_that_is_not_finite_is_in_no_file(tmp_path, make_source):
    """JSON knows no NaN: the frame is named, the ones before are kept."""
    out = str(tmp_path / 'out')
    with VideoOutputs(
            make_source(2), FramePainter(META), META, out, out) as outputs:
        outputs.write(picture(), [person()])
        with pytest.raises(RuntimeError, match='entry 1 .*not finite'):
            outputs.write(picture(), [person(scores=(np.nan, 0.8))])
    frames = json.loads(Path(out, 'frames.json').read_text())['instance_info']
    video = cv2.VideoCapture(f'{out}/frames.mp4')
    assert len(frames) == video.get(cv2.CAP_PROP_FRAME_COUNT) == 1
