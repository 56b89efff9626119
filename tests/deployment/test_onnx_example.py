# Copyright (c) temporal_corr authors. All rights reserved.
"""The example: the poses of the model, without any of its packages."""
import json
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import onnx
import onnx_model
import pytest
import torch
from mmengine.config import Config
from mmpose.codecs import MSRAHeatmap
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.datasets.transforms import GetBBoxCenterScale
from mmpose.registry import DATASETS

from demo import onnx_example as example
from projects.temporal_corr.datasets import GenerateCenterMap
from projects.temporal_corr.datasets.crop_transforms import (
    CropAffine, GetBBoxCenterFixedScale)
from projects.temporal_corr.video_io.followed_person import FollowedPerson

#: The example in a process of its own, which must not import these.
SCRIPT = """
import runpy, sys
example, sys.argv = sys.argv[1], sys.argv[1:]
runpy.run_path(example, run_name='__main__')
heavy = {'torch', 'mmengine', 'mmcv', 'mmpose', 'projects'} & set(sys.modules)
assert not heavy, heavy
"""


@pytest.fixture
def run(tmp_path, monkeypatch):
    """Runs the example in this process."""
    monkeypatch.chdir(tmp_path)

    def run_main(*args):
        monkeypatch.setattr('sys.argv', ['onnx_example', *map(str, args)])
        example.main()

    return run_main


@pytest.fixture
def exported(make_step, to_onnx, model_files, tmp_path):
    """Writes a model with its metadata, as the tool does."""
    def write(kind, **kwargs):
        step = make_step(kind, **kwargs)
        cfg = Config.fromfile(model_files(kind)[0])
        dataset = DATASETS.build(
            dict(cfg.test_dataloader.dataset, lazy_init=True))
        model = to_onnx(step)
        onnx_model.add_metadata(
            model, onnx_model.describe(cfg, step, dataset.metainfo, kind))
        onnx.save(model, str(tmp_path / 'model.onnx'))
        return step.model, tmp_path / 'model.onnx'

    return write


def reference(model, folder, size, boxes, sure):
    """Keypoints of a video in its pixels by PyTorch and MMPose's codec, in
    crops around boxes by MMPose's transform, and their scores. What is not
    sure is not remembered."""
    memory, found, scores = None, [], []
    for path, box, remember in zip(sorted(folder.iterdir()), boxes, sure):
        results = CropAffine(size).transform(GetBBoxCenterScale().transform(
            dict(img=cv2.imread(str(path)), bbox=np.float32([box]))))
        pixels, crop = results['img'], results['crop']
        batch = model.data_preprocessor(
            dict(
                inputs=[torch.from_numpy(pixels.transpose(2, 0, 1))],
                data_samples=[]))
        conditions = {}
        if model.head.temporal.carries_maps:
            conditions['crops'] = torch.from_numpy(crop)[None]
        with torch.no_grad():
            heatmaps, new = model.step(batch['inputs'], memory, **conditions)
        memory = new if remember else memory
        (pose, ) = model.head.decode(heatmaps)
        found.append((pose.keypoints[0] - crop[:, 2]) / crop[0, 0])
        scores.append(pose.keypoint_scores[0])
    return np.array(found), np.array(scores)


@pytest.mark.parametrize('kind, pixels', [
    ('correlation', False),
    ('heatmap', True),
])
def test_poses_are_those_of_pytorch(kind, pixels, exported, run, tiny_jhmdb,
                                    tmp_path):
    model, _ = exported(kind, include_normalization=pixels)
    folder = tiny_jhmdb / 'Rename_Images/act/clip3'
    run('model.onnx', folder / '%05d.png', '--out', 'a.json')
    result = json.loads((tmp_path / 'a.json').read_text())
    assert result['meta_info']['keypoint_names'][2] == 'head'
    people = [frame['instances'][0] for frame in result['instance_info']]
    # The peaks of this model are too low for a person.
    boxes = [person['bbox'][0] for person in people]
    np.testing.assert_allclose(boxes, [(6.4, 4.8, 57.6, 43.2)] * 7, rtol=1e-6)
    compare([person['keypoints'] for person in people],
            reference(model, folder, (96, 128), boxes, [False] * 7))


def compare(actual, reference):
    """MMPose gives no place to a maximum below zero, and does not refine one
    on the outer two cells."""
    expected, scores = reference
    away = np.abs(np.array(actual) - expected).max(axis=2)[scores > 0]
    assert len(away) > 50 and away.max() < 1.
    assert (away < 0.02).mean() > 0.8


@pytest.mark.parametrize('unbiased, margin', [
    # MMPose does not refine a maximum on the outer two cells.
    pytest.param(False, 12, id='quarter'),
    pytest.param(True, 0, id='DARK'),
])
def test_decoding_is_that_of_mmpose(unbiased, margin):
    codec = MSRAHeatmap(
        input_size=(96, 128),
        heatmap_size=(24, 32),
        sigma=1.5,
        unbiased=unbiased)
    rng = np.random.default_rng(0)
    keypoints = rng.uniform(
        (margin, margin), (96 - margin, 128 - margin), size=(1, 40, 2))
    heatmaps = codec.encode(keypoints.astype(np.float32))['heatmaps']
    heatmaps += rng.uniform(0, .1, heatmaps.shape).astype(np.float32)
    expected, scores = codec.decode(heatmaps.copy())
    actual = example.decode(heatmaps, codec.scale_factor, (0, 0),
                            codec.blur_kernel_size if unbiased else None)
    np.testing.assert_allclose(actual[0], expected[0], atol=1e-3)
    np.testing.assert_allclose(actual[1], scores[0])


def test_a_maximum_at_the_border_stays_there():
    heatmaps = np.zeros((4, 4, 5), np.float32)
    corners = [(0, 0), (0, 4), (3, 0), (3, 4)]
    for index, corner in enumerate(corners):
        heatmaps[(index, *corner)] = 1
    keypoints, _ = example.decode(heatmaps, (2, 2), (0.5, 0.5))
    assert keypoints.tolist() == [[2 * x + .5, 2 * y + .5] for y, x in corners]


@pytest.mark.parametrize('kind', ['correlation', 'cosine'])
def test_a_person_is_followed(kind, exported, write_images):
    """Found in noise, lost in a frame of the mean colour, found again."""
    model, path = exported(kind)
    frames = np.random.default_rng(0).integers(
        0, 256, (7, 48, 64, 3), dtype=np.uint8)
    frames[3] = 104, 116, 124
    folder = Path(write_images({f'{i}.png': x for i, x in enumerate(frames)}))
    streaming, found = example.StreamingModel(str(path)), []
    streaming.person = FollowedPerson([], keep_thr=0.1)
    person = FollowedPerson([], keep_thr=0.1)
    for frame in frames:
        keypoints, scores, box = streaming(frame)
        np.testing.assert_allclose(box, person.box((64, 48)))
        found.append((keypoints, box,
                      person.follow(keypoints, scores, (64, 48))))
    actual, boxes, sure = zip(*found)
    assert sure == (True, ) * 3 + (False, ) + (True, ) * 3
    assert len(np.unique(boxes, axis=0)) > 2
    compare(actual, reference(model, folder, (96, 128), boxes, sure))


@pytest.mark.parametrize('info, transform', [
    (dict(image_scale=None, box_padding=1.25), GetBBoxCenterScale()),
    # OpenPose's frames are scaled, not its people.
    (dict(image_scale=1.2, box_padding=1.),
     GetBBoxCenterFixedScale((96, 128), 1.2)),
])
def test_crops_are_those_of_the_pipeline(info, transform):
    box = np.float32([100, 50, 140, 150])
    results = CropAffine((96, 128)).transform(
        transform.transform(
            dict(img=np.zeros((240, 320, 3), np.uint8), bbox=box[None])))
    np.testing.assert_allclose(
        example.crop_around(box, dict(info, input_size=[96, 128])),
        results['crop'],
        atol=1e-4)


def test_colours_are_those_of_the_data_set(repo_root):
    path = repo_root / 'configs/_base_/datasets/sub_jhmdb.py'
    meta = parse_pose_metainfo(dict(from_file=str(path)))
    found = example.colours(
        dict(
            keypoint_names=list(meta['keypoint_name2id']),
            skeleton_links=meta['skeleton_links']))
    for name in ('keypoint_colors', 'skeleton_link_colors'):
        np.testing.assert_array_equal(found[name], meta[name])


def test_center_map_is_that_of_the_pipeline():
    transform = GenerateCenterMap(heatmap_size=(16, 16), sigma=15.)
    expected = transform.transform(
        dict(
            bbox=np.array([[0., 0., 128., 128.]]),
            crop=np.eye(2, 3),
            input_size=(128, 128)))['center_map']
    model = example.StreamingModel.__new__(example.StreamingModel)
    model.info = dict(
        input_size=[128, 128], heatmap_size=[16, 16], center_sigma=15.)
    np.testing.assert_allclose(model.center_map()[0], expected, atol=1e-6)


@pytest.fixture
def clip(write_video, tmp_path):
    """A video of 12 frames, the fifth of which cannot be decoded."""
    path = tmp_path / write_video(
        [np.full((47, 63, 3), 20 * t, np.uint8) for t in range(12)])
    content = bytearray(path.read_bytes())
    start = -1
    for _ in range(5):
        start = content.index(b'\xff\xd8', start + 1)
    end = content.index(b'\xff\xd9', start) + 2
    content[start:end] = bytes(end - start)
    path.write_bytes(content)
    return path


def test_rules_are_those_of_the_video_demo(exported, repo_root, clip,
                                           tmp_path):
    """In a process of its own: it needs no PyTorch."""
    exported('single')
    done = subprocess.run(
        [sys.executable, '-c', SCRIPT, repo_root / 'demo/onnx_example.py',
         'model.onnx', clip, '--out', 'new/a.json', '--draw', 'new/a.mp4'],
        cwd=tmp_path, capture_output=True, text=True)  # yapf: disable
    assert done.returncode == 0, done.stderr
    # a frame that is broken counts, is named, and has nobody in it
    frames = json.loads((tmp_path / 'new/a.json').read_text())['instance_info']
    assert [frame['frame_id'] for frame in frames] == list(range(12))
    assert [len(frame['instances']) for frame in frames] == [1] * 4 + [
        0
    ] + [1] * 7  # yapf: disable
    assert '(4, from 0)' in done.stderr
    reader = cv2.VideoCapture(str(tmp_path / 'new/a.mp4'))
    assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == 12
    assert reader.get(cv2.CAP_PROP_FPS) == 12.5


@pytest.mark.parametrize('args, problem', [
    ('model.onnx no.mp4 --out a.json', 'no.mp4'),
    ('model.onnx clip.avi', 'give --out, --draw, or both'),
    ('model.onnx clip.avi --out a.txt', 'must end with .json'),
    ('model.onnx clip.avi --draw clip.mp4', 'input itself'),
    ('clip.avi clip.avi --out a.json', 'no ONNX model'),
    ('plain.onnx clip.avi --out a.json', 'does not say how'),
    ('model.onnx clip.avi --out a.json --kpt-thr nan', 'not a number'),
])
def test_nothing_is_replaced_or_half_written(args, problem, exported, run,
                                             to_onnx, make_step, clip,
                                             tmp_path, capsys):
    exported('single')
    onnx.save(to_onnx(make_step('single')), str(tmp_path / 'plain.onnx'))
    (tmp_path / 'clip.mp4').symlink_to(clip)
    before = {path.name: path.read_bytes() for path in tmp_path.iterdir()}
    with pytest.raises((SystemExit, ValueError, OSError)) as error:
        run(*args.split())
    assert problem in f'{error.value}{capsys.readouterr().err}'
    assert {path.name: path.read_bytes()
            for path in tmp_path.iterdir()} == before
