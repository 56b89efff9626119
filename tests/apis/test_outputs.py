# Copyright (c) temporal_corr authors. All rights reserved.
import json

import cv2
import numpy as np
import pytest
from mmengine.structures import InstanceData, PixelData
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.structures import PoseDataSample, split_instances

from projects.temporal_corr.apis import (FramePainter, FrameSource, PoseFile,
                                         VideoOutputs)

GREY = 120


@pytest.fixture(scope='module')
def metainfo():
    """Two keypoints and a limb."""
    keypoints = {
        0: dict(name='a', id=0, color=[255, 0, 0], type='', swap=''),
        1: dict(name='b', id=1, color=[0, 255, 0], type='', swap='')
    }
    return parse_pose_metainfo(
        dict(
            dataset_name='two',
            paper_info={},
            keypoint_info=keypoints,
            skeleton_info={0: dict(link=('a', 'b'), id=0, color=[0, 0, 255])},
            joint_weights=[1., 1.],
            sigmas=[]))


def person(track_id=0, scores=(0.9, 0.8), heatmaps=False):
    """Keypoints at (10, 12) and (30, 12) in the box 5, 6, 45, 36."""
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
        keypoints_visible=scores,
        bboxes=np.array([[5., 6., 45., 36.]], dtype=np.float32),
        bbox_scores=np.array([0.5], dtype=np.float32))
    if heatmaps:
        maps = np.zeros((2, 6, 8), dtype=np.float32)
        maps[:, 3, 4] = 1.
        sample.pred_fields = PixelData(heatmaps=maps)
    return sample


def picture(height=41, width=61):
    return np.full((height, width, 3), GREY, dtype=np.uint8)


def is_drawn(image):
    return (image != GREY).any(axis=-1)


def test_pose_file_is_that_of_mmpose(tmp_path, metainfo):
    path = tmp_path / 'out/poses.json'
    people = [person(3), person(1)]
    with PoseFile(str(path), metainfo) as file:
        file.write(people)
        file.write([])
        assert not path.exists()
    content = json.loads(path.read_text())
    assert content['meta_info']['keypoint_name2id'] == dict(a=0, b=1)
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


def test_only_what_is_asked_for_is_drawn(metainfo):
    image = picture()
    plain = FramePainter(metainfo)(image, [person()])
    assert plain.shape == (42, 62, 3)  # even
    assert is_drawn(plain)[12, 10:31].all()  # the limb
    assert not is_drawn(plain)[30:].any()
    assert (image == GREY).all()
    unsure = FramePainter(metainfo, kpt_thr=0.85)(image, [person()])
    assert is_drawn(unsure)[12, 10] and not is_drawn(unsure)[12, 30]
    boxed = FramePainter(metainfo, draw_bbox=True)(image, [person(5)])
    assert is_drawn(boxed)[36, 5:46].all()
    other = FramePainter(metainfo, draw_bbox=True)(image, [person(6)])
    assert (boxed[36, 20] != other[36, 20]).any()
    assert not is_drawn(FramePainter(metainfo)(image, [])).any()
    # "labelled" at the bottom of the frame, below the box, off the face
    labelled = person()
    labelled.set_metainfo(dict(labelled=np.array([True, False])))
    changed = (FramePainter(metainfo)(image, [labelled]) != plain).any(axis=-1)
    assert changed[28:].any() and not changed[:20].any()
    # Pictures of other sizes are fitted into that of the first.
    paint = FramePainter(metainfo)
    paint(picture(40, 60), [])
    smaller = paint(picture(20, 20), [])
    assert smaller.shape == (40, 60, 3)
    assert (smaller[20, 30] == GREY).all() and (smaller[:, 0] == 0).all()


@pytest.mark.parametrize('name', ['sub_jhmdb', 'penn_action', 'mpi'])
def test_colours_tell_left_from_right(repo_root, name):
    path = repo_root / f'configs/_base_/datasets/{name}.py'
    meta = parse_pose_metainfo(dict(from_file=str(path)))
    colors = meta['keypoint_colors'].tolist()
    for keypoint, color in zip(meta['keypoint_name2id'], colors):
        side = keypoint.split('_')[0]
        assert color == dict(
            left=[0, 255, 0], right=[255, 128, 0]).get(side, [51, 153, 255])
    # A limb of one side has the colour of its keypoints.
    for ends, color in zip(meta['skeleton_links'],
                           meta['skeleton_link_colors'].tolist()):
        first, second = (colors[end] for end in ends)
        assert first != second or color == first


def test_heatmaps_are_below(metainfo):
    paint = FramePainter(metainfo, draw_heatmap=True)
    drawn = paint(picture(), [person(heatmaps=True)])
    assert drawn.shape == (82, 62, 3)
    np.testing.assert_array_equal(
        drawn[:41, :61],
        FramePainter(metainfo)(picture(), [person()])[:41, :61])
    heat = drawn[41:, :61]
    # Cell (4, 3) of 8 x 6 in the box; red in the visualizer's colours.
    assert heat[21, 25, 0] > heat[21, 25, 2]
    assert heat[2, 2, 2] > heat[2, 2, 0]
    assert paint(picture(), []).shape == drawn.shape


@pytest.fixture
def image_source(tmp_path):
    cv2.imwrite(str(tmp_path / 'one.png'), picture())
    return FrameSource(str(tmp_path / 'one.png'))


def test_outputs_of_a_video(tmp_path, metainfo):
    folder = tmp_path / 'frames'
    folder.mkdir()
    for number in range(3):
        cv2.imwrite(str(folder / f'{number}.png'), picture())
    source = FrameSource(str(folder), fps=12)
    out = str(tmp_path / 'out')
    for attempt in range(2):
        with VideoOutputs(source, FramePainter(metainfo), metainfo, out,
                          out) as outputs:
            for frame in source:
                assert outputs.write(frame.image, [person()])
        mark = ' (replaced)' if attempt else ''
        assert outputs.describe() == [
            f'{out}/frames.mp4{mark}', f'{out}/frames.json{mark}',
            f'{out}/frames_coco.json{mark}'
        ]
    video = cv2.VideoCapture(f'{out}/frames.mp4')
    assert video.get(cv2.CAP_PROP_FPS) == 12
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == outputs.num_frames == 3


def test_outputs_of_an_image(tmp_path, metainfo, image_source):
    out = str(tmp_path / 'out')
    with VideoOutputs(image_source, FramePainter(metainfo), metainfo,
                      out) as outputs:
        outputs.write(picture(), [person()])
    assert outputs.describe() == [f'{out}/one.png']
    assert cv2.imread(f'{out}/one.png').shape == (42, 62, 3)


@pytest.mark.parametrize('kwargs', [
    dict(vis_out_dir='.'),
    # The labels that are given are files of the user, too.
    dict(pred_out_dir='out', inputs=['', 'out/one.json']),
], ids=['input', 'labels'])
def test_inputs_are_not_replaced(tmp_path, metainfo, image_source, kwargs,
                                 monkeypatch):
    monkeypatch.chdir(tmp_path)
    labels = tmp_path / 'out/one.json'
    labels.parent.mkdir()
    labels.write_text('labels')
    with pytest.raises(ValueError, match='input itself'):
        VideoOutputs(image_source, FramePainter(metainfo), metainfo, **kwargs)
    assert labels.read_text() == 'labels'


@pytest.mark.parametrize('key, go_on', [(27, False), (-1, True), (None, True)])
def test_window(metainfo, image_source, monkeypatch, capsys, key, go_on):
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
            image_source, FramePainter(metainfo), metainfo,
            show=True) as outputs:
        for _ in range(2):
            assert outputs.write(picture(), [person()]) == go_on
    assert shown == [(42, 62, 3)] * 2 * (key is not None)
    told = capsys.readouterr().out.count('No window can be opened')
    assert told == (key is None)


def test_frame_that_is_not_finite_is_in_no_file(tmp_path, metainfo):
    """JSON knows no NaN: the frame is named, the ones before are kept."""
    cv2.imwrite(str(tmp_path / '0.png'), picture())
    cv2.imwrite(str(tmp_path / '1.png'), picture())
    out = tmp_path / 'out'
    with VideoOutputs(
            FrameSource(str(tmp_path)), FramePainter(metainfo), metainfo,
            str(out), str(out)) as outputs:
        outputs.write(picture(), [person()])
        with pytest.raises(RuntimeError, match='entry 1 .*not finite'):
            outputs.write(picture(), [person(scores=(np.nan, 0.8))])
    json_file, = (f for f in out.glob('*.json') if 'coco' not in f.name)
    frames = json.loads(json_file.read_text())['instance_info']
    video = cv2.VideoCapture(str(next(out.glob('*.mp4'))))
    assert len(frames) == video.get(cv2.CAP_PROP_FRAME_COUNT) == 1
