# Copyright (c) temporal_corr authors. All rights reserved.
"""Synthetic videos: anatomy, files against the released ones, and runs."""
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import loadmat

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tools/misc'))

import make_synthetic_videos  # noqa: E402
from synthetic import clip as clip_module  # noqa: E402
from synthetic import drawing, skeleton  # noqa: E402
from synthetic.skeleton import ACTIONS, JHMDB_JOINTS, PENN_JOINTS  # noqa: E402
from synthetic.writers import is_test, mask_boxes  # noqa: E402

W, H, N = 128, 96, 3


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


def standing(heading):
    """A person of 1.8 m at attention, one moment."""
    pose = {key: np.zeros(1) for key in skeleton.POSE_KEYS}
    points = skeleton.joint_positions(pose, heading, 1.8)
    return {key: value[0] for key, value in points.items()}


#: 100 pixels a metre at a depth of four, looking at a height of 1.2 m.
CAMERA = clip_module.Camera(np.zeros(1), np.array([[160., 110.]]),
                            np.array([400.]), 1.2, 5.)


def test_projection_by_hand():
    uv, ppm = CAMERA.project(np.array([.5, 1.7, 1.]), 0)
    np.testing.assert_allclose(uv, [160 + 50, 110 - 50])
    assert ppm == pytest.approx(100)


@pytest.mark.parametrize('heading, right_is_left_in_image, view', [
    (0, True, 'front'), (20, True, 'front'), (180, False, 'back'),
    (-160, False, 'back'), (90, None, 'right'), (-90, None, 'left'),
    (300, None, 'left')])
def test_left_and_right_are_anatomical(heading, right_is_left_in_image, view):
    assert clip_module.viewpoint(heading) == view
    points = standing(heading)
    if view in ('left', 'right'):  # who faces right shows the right side
        shown, hidden = (points[f'{side}_hip'][2] for side in (
            view, 'left' if view == 'right' else 'right'))
        assert shown > hidden
        return
    for part in ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle'):
        right, left = (points[f'{side}_{part}'][0]
                       for side in ('right', 'left'))
        assert (right < left) == right_is_left_in_image, part


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


def painted(heading):
    """A canvas with a person who stands, and the pixels of the joints."""
    points = standing(heading)
    look = drawing.sample_look(np.random.default_rng(0))
    canvas = drawing.Canvas(np.zeros((240, 320, 3)))
    project = lambda xyz: CAMERA.project(xyz, 0)  # noqa: E731
    canvas.paint_person(points, 1.8, look, project, 0., True)
    uv = project(np.stack([points[name] for name in JHMDB_JOINTS]))[0]
    return canvas, uv


@pytest.mark.parametrize('heading, near, far', [(90, 'right', 'left'),
                                                (-90, 'left', 'right')])
def test_near_limb_hides_the_far_one(heading, near, far):
    canvas, uv = painted(heading)
    seen = dict(zip(JHMDB_JOINTS, drawing.visible_joints(
        canvas.label, uv, JHMDB_JOINTS)))
    for part in ('knee', 'elbow', 'ankle'):
        assert seen[f'{near}_{part}'] and not seen[f'{far}_{part}'], part


def test_clothes_tell_right_from_left():
    """Sleeves and socks differ, and each has its colour from all sides."""
    for name, end in (('shoulder', 'elbow'), ('ankle', 'knee')):
        colours = {}
        for heading in (0, 180):
            canvas, uv = painted(heading)
            for side in ('right', 'left'):
                first, second = (uv[JHMDB_JOINTS.index(f'{side}_{k}')]
                                 for k in (name, end))
                x, y = (.8 * first + .2 * second).astype(int)
                colours[side, heading] = canvas.picture[
                    y - 1:y + 2, x - 1:x + 2].mean((0, 1))
        for heading in (0, 180):
            right = colours['right', heading]
            assert np.abs(right - colours['left', heading]).max() > 40
            assert np.abs(right - colours['right', 180 - heading]).max() < 40


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


def test_both_layouts_hold_the_same_people(made):
    order = [JHMDB_JOINTS.index(k) for k in PENN_JOINTS]
    joints = sorted(made.glob('jhmdb/joint_positions/*/*/*.mat'),
                    key=lambda path: path.parent.name)
    labels = sorted(made.glob('penn_action/labels/*.mat'))
    assert [k.name for k in labels] == [f'{i:04d}.mat' for i in range(1, 5)]
    assert len(joints) == 4
    for i, (path, label) in enumerate(zip(joints, labels)):
        part = Path(*path.parts[-3:-1])
        mat, penn = loadmat(path), loadmat(label)
        pos = mat['pos_img']
        assert pos.shape == (2, 15, N)
        # World positions are relative to the image's middle and height.
        np.testing.assert_allclose(
            pos, np.array([W / 2, H / 2])[:, None, None] +
            mat['pos_world'] * mat['scale'] * H)
        mask = loadmat(
            made / 'jhmdb/puppet_mask' / part / 'puppet_mask.mat')['part_mask']
        assert mask.dtype == np.uint8 and mask.shape == (H, W, N)
        frames = sorted((made / 'jhmdb/Rename_Images' / part).iterdir())
        assert [k.name for k in frames] == [
            f'{t + 1:05d}.png' for t in range(N)]
        assert cv2.imread(str(frames[0])).shape == (H, W, 3)

        np.testing.assert_allclose(penn['x'], pos[0, order].T)
        np.testing.assert_allclose(penn['y'], pos[1, order].T)
        assert penn['dimensions'].tolist() == [[H, W, N]]
        assert penn['action'][0] == part.parts[0]
        assert penn['train'][0, 0] == (1, -1)[i % 2]
        for t in range(N):
            y, x = np.nonzero(mask[..., t])
            assert penn['bbox'][t].tolist() == [
                x.min() + 1, y.min() + 1, x.max() + 1, y.max() + 1]
        frames = sorted(made.glob(f'penn_action/frames/{i + 1:04d}/*'))
        assert [k.name for k in frames] == [
            f'{t + 1:06d}.jpg' for t in range(N)]


def kinds(path):
    """Type and rank of every field, whatever the number of frames; JHMDB's
    viewpoint is text, or an empty array of numbers."""
    return {k: (v.dtype.kind, v.ndim, v.dtype.itemsize *
                (v.dtype.kind != 'U')) for k, v in loadmat(path).items()
            if not k.startswith('__') and k != 'viewpoint'}


def test_fields_as_in_the_released_files(made, jhmdb_root, penn_root):
    for part in ('joint_positions', 'puppet_mask'):
        ours, real = (kinds(next(root.glob(f'{part}/*/*/{part}.mat')))
                      for root in (made / 'jhmdb', jhmdb_root))
        assert ours == real
    ours, real = (kinds(root / 'labels/0001.mat')
                  for root in (made / 'penn_action', penn_root))
    assert ours == real


def test_splits(made):
    """As many as the folders, both subsets in each; and of 80 clips 30 %."""
    for action in ('walk', 'run'):
        clips = {p.name + '.avi'
                 for p in (made / 'jhmdb/Rename_Images' / action).iterdir()}
        for split in (1, 2, 3):
            path = (made / 'jhmdb/sub_splits' /
                    f'{action}_test_split_{split}.txt')
            lines = dict(k.split() for k in path.read_text().splitlines())
            assert set(lines) == clips
            assert set(lines.values()) == {'1', '2'}
    numbers = [clip_module.clip_action(i) for i in range(10 * len(ACTIONS))]
    for split in (1, 2, 3):
        for action in ACTIONS:
            tests = [is_test(n, split) for a, n in numbers if a == action]
            assert (len(tests), sum(tests)) == (10, 3)


def test_a_clip_depends_on_its_seed_and_number_only(made, tmp_path):
    args = '--num-videos', 2, '--workers', 1, '--layout', 'penn'
    again = make(tmp_path / 'again', *args)
    assert not (again / 'jhmdb').exists()
    ours = files(again / 'penn_action')
    theirs = files(made / 'penn_action')
    assert len(ours) == 2 + 2 * N
    assert ours == {path: theirs[path] for path in ours}
    other = files(make(tmp_path / 'other', *args, '--seed', 4))
    label = Path('penn_action/labels/0001.mat')
    assert other[label] != files(again)[label]


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
