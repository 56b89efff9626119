# Copyright (c) temporal_corr authors. All rights reserved.
"""Synthetic videos: anatomy, files against the released ones, and runs."""
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from converted_clips import read_clips
from scipy.io import loadmat

TOOLS = Path(__file__).resolve().parents[2] / 'tools'
sys.path[:0] = [str(TOOLS / 'misc'), str(TOOLS / 'dataset_converters')]

import jhmdb  # noqa: E402
import make_synthetic_videos  # noqa: E402
import penn_action  # noqa: E402
from synthetic import clip as clip_module  # noqa: E402
from synthetic import drawing, skeleton  # noqa: E402
from synthetic.skeleton import ACTIONS, JHMDB_JOINTS, PENN_JOINTS  # noqa: E402
from synthetic.writers import is_test, mask_boxes  # noqa: E402

W, H, N = 128, 96, 3
#: 100 pixels a metre at a depth of four, looking at a height of 1.2 m.
CAMERA = clip_module.Camera(np.zeros(1), np.array([[160., 110.]]),
                            np.array([400.]), 1.2, 5.)


def make(out, *args):
    make_synthetic_videos.main([
        str(out), '--num-frames', str(N), '--size', str(W), str(H), '--seed',
        '3', *map(str, args)
    ])
    return out


def files(root):
    """Contents of all files under ``root``."""
    return {p.relative_to(root): p.read_bytes()
            for p in root.rglob('*') if p.is_file()}


@pytest.mark.parametrize('heading, view', [
    (0, 'front'), (20, 'front'), (180, 'back'), (90, 'right'), (-90, 'left'),
    (300, 'left')])
def test_left_and_right_are_anatomical(heading, view):
    """Where the joints are, which of them are seen, and in the clothes."""
    assert clip_module.viewpoint(heading) == view
    pose = {key: np.zeros(1) for key in skeleton.POSE_KEYS}
    points = {key: value[0] for key, value in skeleton.joint_positions(
        pose, heading, 1.8).items()}
    canvas = drawing.Canvas(np.zeros((240, 320, 3)))
    canvas.paint_person(
        points, 1.8, drawing.sample_look(np.random.default_rng(0)),
        lambda xyz: CAMERA.project(xyz, 0), 0., True)
    places = np.stack([points[k] for k in JHMDB_JOINTS])
    uv, ppm = CAMERA.project(places, 0)
    assert ppm == pytest.approx(400 / (5 - places[:, 2]))
    seen = dict(zip(JHMDB_JOINTS, drawing.visible_joints(
        canvas.label, uv, JHMDB_JOINTS)))
    uv = dict(zip(JHMDB_JOINTS, uv))
    for part in ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle'):
        right, left = f'right_{part}', f'left_{part}'
        if view in ('front', 'back'):
            assert (uv[right][0] < uv[left][0]) == (view == 'front'), part
            continue
        # who faces right shows the right side
        near, far = (right, left) if view == 'right' else (left, right)
        assert points[near][2] > points[far][2], part
        if abs(heading) == 90 and part in ('knee', 'elbow', 'ankle'):
            assert seen[near] and not seen[far], part
    if heading in (0, 180):
        for name, end in (('shoulder', 'elbow'), ('ankle', 'knee')):
            right, left = (
                canvas.picture[y - 1:y + 2, x - 1:x + 2].mean((0, 1))
                for side in ('right', 'left')
                for x, y in [(.8 * uv[f'{side}_{name}'] +
                              .2 * uv[f'{side}_{end}']).astype(int)])
            assert np.abs(right - left).max() > 40


@pytest.mark.parametrize('action', ACTIONS)
def test_bones_keep_their_length_and_feet_stay_on_the_ground(action):
    pose = skeleton.perform(action, np.linspace(0, 3, 400),
                            np.random.default_rng(1))
    p = skeleton.joint_positions(pose, 30., 1.8)
    for first, second, share in (('knee', 'hip', .243),
                                 ('ankle', 'knee', .243),
                                 ('elbow', 'shoulder', .172),
                                 ('wrist', 'elbow', .150)):
        for side in ('right', 'left'):
            bone = p[f'{side}_{first}'] - p[f'{side}_{second}']
            np.testing.assert_allclose(np.linalg.norm(bone, axis=1),
                                       share * 1.8, rtol=1e-9)
    feet = np.stack([p[f'{s}_{k}'][:, 1] for s in ('right', 'left')
                     for k in ('ankle', 'toe')])
    assert feet.min() > 0
    assert feet[:, pose['lift'] < 1e-3].min(0).max() < .038 * 1.8 + .002
    # nobody jumps from one frame to the next: at most a metre in 1/33 s
    for name in JHMDB_JOINTS:
        assert np.abs(np.diff(p[name], axis=0)).max() < .25, name


def test_clips():
    """The whole body is in every frame, people move, and places differ."""
    clips = [clip_module.make_clip(2 * k, 5, 2, (W, H))
             for k in range(len(ACTIONS))]
    for clip in clips:
        assert (clip.keypoints >= 0).all(), clip.name
        assert (clip.keypoints <= [W - 1, H - 1]).all(), clip.name
        boxes = mask_boxes(clip.masks)
        joint = clip.keypoints + 1
        assert (joint >= boxes[:, None, :2] - .51).all(), clip.name
        assert (joint <= boxes[:, None, 2:] + .51).all(), clip.name
        assert (boxes[:, 2:] - boxes[:, :2]).max() > .3 * H, clip.name
        assert np.abs(np.diff(clip.keypoints, axis=0)).max() > .1
    means = np.stack([clip.frames.mean((0, 1, 2)) for clip in clips])
    assert len(np.unique(means.round(1), axis=0)) == len(clips)
    assert {clip.action for clip in clips} == set(ACTIONS)


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Four clips (two actions) in both layouts."""
    return make(tmp_path_factory.mktemp('videos') / 'out', '--num-videos', 4)


def kinds(content):
    """Type and rank of every field of a .mat file, whatever the number of
    frames; JHMDB's viewpoint is text, or an empty array of numbers."""
    return {k: (v.dtype.kind, v.ndim, v.dtype.itemsize *
                (v.dtype.kind != 'U')) for k, v in content.items()
            if not k.startswith('__') and k != 'viewpoint'}


def test_both_layouts_hold_the_same_people(made, jhmdb_root, penn_root,
                                           tmp_path):
    """As the converters of the released files say, whose fields they have."""
    real = [kinds(loadmat(next(jhmdb_root.glob(f'{part}/*/*/{part}.mat'))))
            for part in ('joint_positions', 'puppet_mask')]
    real.append(kinds(loadmat(penn_root / 'labels/0001.mat')))
    jhmdb.convert(made / 'jhmdb', 1, tmp_path / 'jhmdb')
    penn_action.convert(made / 'penn_action', tmp_path / 'penn')
    clips = read_clips(tmp_path / 'jhmdb', 'Sub1_{}.json')
    others = read_clips(tmp_path / 'penn', 'penn_action_{}.json')
    assert len(clips) == len(others) == 4
    order = [JHMDB_JOINTS.index(k) for k in PENN_JOINTS]
    for (subset, folder), (images, annotations) in clips.items():
        action, name = folder.split('/')[1:]
        number = f'{int(name.split("_")[1]) + 1:04d}'
        theirs, labels = others[subset, f'frames/{number}']
        mats = [loadmat(made / file) for file in (
            f'jhmdb/joint_positions/{action}/{name}/joint_positions.mat',
            f'jhmdb/puppet_mask/{action}/{name}/puppet_mask.mat',
            f'penn_action/labels/{number}.mat')]
        assert [*map(kinds, mats)] == real
        assert mats[2]['action'][0] == action
        # World positions are relative to the image's middle and height.
        joints = mats[0]
        np.testing.assert_allclose(
            joints['pos_img'], np.array([W / 2, H / 2])[:, None, None] +
            joints['pos_world'] * joints['scale'] * H)
        assert len(images) == len(theirs) == N
        for ours, other, image, frame in zip(annotations, labels, images,
                                             theirs):
            points, seen = (np.reshape(x['keypoints'], (-1, 3))[:, :2]
                            for x in (ours, other))
            np.testing.assert_allclose(points[order], seen, atol=1e-3)
            # JHMDB's boxes count the last pixel.
            x, y, w, h = other['bbox']
            assert ours['bbox'] == [x, y, w + 1, h + 1]
            for path in (made / 'jhmdb' / image['file_name'],
                         made / 'penn_action' / frame['file_name']):
                assert cv2.imread(str(path)).shape == (H, W, 3)


def test_splits():
    """Of 80 clips 30 % are tested, of each action, and of two clips one."""
    numbers = [clip_module.clip_action(i) for i in range(10 * len(ACTIONS))]
    for split in (1, 2, 3):
        assert is_test(0, split) != is_test(1, split)
        for action in ACTIONS:
            tests = [is_test(n, split) for a, n in numbers if a == action]
            assert (len(tests), sum(tests)) == (10, 3)


def test_a_clip_depends_on_its_seed_and_number_only(made, tmp_path):
    args = '--num-videos', 2, '--workers', 1, '--layout', 'penn'
    again = files(make(tmp_path / 'again', *args) / 'penn_action')
    theirs = files(made / 'penn_action')
    assert len(again) == 2 + 2 * N
    assert again == {path: theirs[path] for path in again}
    other = files(make(tmp_path / 'other', *args, '--seed', 4) / 'penn_action')
    label = Path('labels/0001.mat')
    assert other[label] != again[label]


def test_what_is_there_stays(made, tmp_path, capsys, monkeypatch):
    """The same is not made again, and nothing is replaced; a failure leaves
    nothing behind."""
    before = files(made)
    make(made, '--num-videos', 4)
    assert 'nothing to do' in capsys.readouterr().out
    with pytest.raises(SystemExit, match='choose another'):
        make(made, '--num-videos', 4, '--seed', 4)
    assert files(made) == before

    def fail(clips, root):
        raise OSError('no space')

    monkeypatch.setattr(make_synthetic_videos, 'write_jhmdb_splits', fail)
    with pytest.raises(OSError, match='no space'):
        make(tmp_path / 'out', '--num-videos', 1)
    assert os.listdir(tmp_path) == []
