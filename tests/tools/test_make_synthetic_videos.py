# Copyright (c) temporal_corr authors. All rights reserved.
"""Synthetic videos: their files against the released ones, and runs."""
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from scipy.io import loadmat

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tools/misc'))

import make_synthetic_videos  # noqa: E402
from synthetic.clip import clip_action, make_clip  # noqa: E402
from synthetic.motions import ACTIONS  # noqa: E402
from synthetic.skeleton import JHMDB_JOINTS, PENN_JOINTS  # noqa: E402
from synthetic.writers import is_test, mask_boxes  # noqa: E402

W, H = 128, 96
ARGS = ['--num-frames', '2', '4', '--size', str(W), str(H), '--seed', '3']


def make(out, *args):
    make_synthetic_videos.main([str(out), *ARGS, *map(str, args)])
    return out


def files(root, pattern='*'):
    """Contents of all files under ``root``."""
    return {p.relative_to(root): p.read_bytes()
            for p in root.rglob(pattern) if p.is_file()}


@pytest.fixture(scope='module')
def made(tmp_path_factory):
    """Four clips (two actions) in both layouts."""
    return make(tmp_path_factory.mktemp('videos') / 'out', '--num-videos', 4,
                '--workers', 1)


@pytest.fixture(scope='module')
def clips():
    """One short clip of every action."""
    return [make_clip(2 * k, 5, (2, 2), (W, H)) for k in range(len(ACTIONS))]


def test_whole_body_in_every_frame(clips):
    for clip in clips:
        assert (clip.keypoints >= 0).all(), clip.name
        assert (clip.keypoints <= [W - 1, H - 1]).all(), clip.name
        boxes = mask_boxes(clip.masks)
        joint = clip.keypoints + 1
        assert (joint >= boxes[:, None, :2] - .51).all(), clip.name
        assert (joint <= boxes[:, None, 2:] + .51).all(), clip.name
        assert (boxes[:, 2:] - boxes[:, :2]).max() > .3 * H, clip.name


def test_clips_differ_and_people_move(clips):
    means = np.stack([k.frames.mean((0, 1, 2)) for k in clips])
    assert len(np.unique(means.round(1), axis=0)) == len(clips)
    assert all(np.abs(np.diff(k.keypoints, axis=0)).max() > .1
               for k in clips)
    assert len({k.action for k in clips}) == len(ACTIONS)


def test_mask_boxes_by_hand():
    masks = np.zeros((1, 10, 12), np.uint8)
    masks[0, 3:6, 4:9] = 1
    np.testing.assert_array_equal(mask_boxes(masks), [[5, 4, 9, 6]])


def test_jhmdb_files(made):
    root = made / 'jhmdb'
    mats = sorted(root.glob('joint_positions/*/*/joint_positions.mat'))
    assert len(mats) == 4
    for path in mats:
        action, name = path.parts[-3:-1]
        mat = loadmat(path)
        n = mat['pos_img'].shape[2]
        assert 2 <= n <= 4
        assert {k: (v.dtype, v.shape) for k, v in mat.items()
                if k in ('pos_img', 'pos_world', 'scale')} == dict(
                    pos_img=(np.float64, (2, 15, n)),
                    pos_world=(np.float64, (2, 15, n)),
                    scale=(np.float64, (1, n)))
        # World positions are relative to the image's middle and height.
        np.testing.assert_allclose(
            mat['pos_img'], np.array([W / 2, H / 2])[:, None, None] +
            mat['pos_world'] * mat['scale'] * H)
        mask = loadmat(root / 'puppet_mask' / action / name /
                       'puppet_mask.mat')['part_mask']
        assert mask.dtype == np.uint8 and mask.shape == (H, W, n)
        assert set(np.unique(mask)) == {0, 1}
        frames = sorted((root / 'Rename_Images' / action / name).iterdir())
        assert [k.name for k in frames] == [
            f'{i + 1:05d}.png' for i in range(n)]
        assert cv2.imread(str(frames[0])).shape == (H, W, 3)


def test_penn_files_hold_the_same_people(made):
    order = [JHMDB_JOINTS.index(k) for k in PENN_JOINTS]
    jhmdb = sorted(made.glob('jhmdb/joint_positions/*/*/*.mat'),
                   key=lambda p: p.parent.name)
    penn = sorted(made.glob('penn_action/labels/*.mat'))
    assert [k.name for k in penn] == [f'{i:04d}.mat' for i in range(1, 5)]
    for i, (first, second) in enumerate(zip(jhmdb, penn)):
        mat, pos = loadmat(second), loadmat(first)['pos_img']
        n = pos.shape[2]
        assert {k: (v.dtype, v.shape) for k, v in mat.items()
                if k in ('x', 'y', 'visibility', 'bbox', 'train',
                         'dimensions', 'nframes')} == dict(
                    x=(np.float64, (n, 13)), y=(np.float64, (n, 13)),
                    visibility=(np.uint8, (n, 13)),
                    bbox=(np.float64, (n, 4)), train=(np.int32, (1, 1)),
                    dimensions=(np.uint16, (1, 3)), nframes=(np.uint8,
                                                             (1, 1)))
        assert mat['dimensions'].tolist() == [[H, W, n]]
        np.testing.assert_allclose(mat['x'], pos[0, order].T)
        np.testing.assert_allclose(mat['y'], pos[1, order].T)
        assert mat['action'][0] == first.parts[-3]
        assert mat['train'][0, 0] == (1, -1)[i % 2]
        mask = loadmat(str(first).replace('joint_positions', 'puppet_mask'))[
            'part_mask']
        for t in range(n):
            y, x = np.nonzero(mask[..., t])
            assert mat['bbox'][t].tolist() == [
                x.min() + 1, y.min() + 1, x.max() + 1, y.max() + 1]
        frames = sorted(made.glob(f'penn_action/frames/{i + 1:04d}/*'))
        assert [k.name for k in frames] == [
            f'{t + 1:06d}.jpg' for t in range(n)]


def kinds(path):
    """Type and rank of every field, whatever the number of frames."""
    return {k: (v.dtype.kind, v.ndim, v.dtype.itemsize)
            for k, v in loadmat(path).items()
            if not k.startswith('__') and v.dtype.kind != 'U'}


def test_fields_as_in_the_released_jhmdb(made, jhmdb_root):
    for part, name in (('joint_positions', 'joint_positions.mat'),
                       ('puppet_mask', 'puppet_mask.mat')):
        real = next(jhmdb_root.glob(f'{part}/*/*/{name}'))
        ours = next(made.glob(f'jhmdb/{part}/*/*/{name}'))
        assert kinds(ours) == kinds(real)


def test_fields_as_in_the_released_penn_action(made, penn_root):
    real = kinds(penn_root / 'labels' / '0001.mat')
    ours = kinds(made / 'penn_action' / 'labels' / '0001.mat')
    assert ours == real
    texts = {k for k, v in loadmat(penn_root / 'labels/0001.mat').items()
             if getattr(v, 'dtype', None) is not None and v.dtype.kind == 'U'}
    assert texts == {'action', 'pose'}


def test_splits_have_both_sides(made):
    for action in ('walk', 'run'):
        clips = {p.name + '.avi'
                 for p in (made / 'jhmdb/Rename_Images' / action).iterdir()}
        for split in (1, 2, 3):
            path = (made / 'jhmdb/sub_splits' /
                    f'{action}_test_split_{split}.txt')
            lines = dict(k.split() for k in path.read_text().splitlines())
            assert set(lines) == clips
            assert set(lines.values()) == {'1', '2'}


def test_a_hundred_clips_are_split_seventy_to_thirty():
    numbers = [clip_action(i) for i in range(100)]
    assert len(set(numbers)) == 100
    for split in (1, 2, 3):
        for action in ACTIONS:
            tests = [is_test(n, split) for a, n in numbers if a == action]
            assert (len(tests), sum(tests)) == (10, 3)


def test_a_clip_depends_on_its_seed_and_number_only(made, tmp_path):
    again = make(tmp_path / 'again', '--num-videos', 2, '--workers', 2,
                 '--layout', 'penn')
    for part in ('labels/0001.mat', 'labels/0002.mat'):
        ours, theirs = (k / 'penn_action' / part for k in (again, made))
        assert ours.read_bytes() == theirs.read_bytes()
    for part in ('frames/0001', 'frames/0002'):
        ours, theirs = (files(k / 'penn_action' / part)
                        for k in (again, made))
        assert ours == theirs and len(ours) >= 2
    assert not (again / 'jhmdb').exists()


def test_video_holds_the_frames(made, tmp_path):
    out = make(tmp_path / 'video', '--num-videos', 1, '--workers', 1,
               '--layout', 'jhmdb', '--video')
    assert not (out / 'jhmdb/Rename_Images').exists()
    path = next(out.glob('jhmdb/ReCompress_Videos/*/*.avi'))
    capture = cv2.VideoCapture(str(path))
    folder = made / 'jhmdb/Rename_Images' / path.parent.name / path.stem
    for png in sorted(folder.iterdir()):
        ok, frame = capture.read()
        assert ok
        difference = cv2.absdiff(frame, cv2.imread(str(png)))
        assert difference.mean() < 6
    assert not capture.read()[0]
    for path, content in files(out, '*.mat').items():
        assert content == (made / path).read_bytes()


def test_second_run_does_nothing(made, capsys):
    before = {p: p.stat().st_mtime_ns for p in made.rglob('*')}
    make(made, '--num-videos', 4, '--workers', 2)
    assert 'nothing to do' in capsys.readouterr().out
    assert before == {p: p.stat().st_mtime_ns for p in made.rglob('*')}


def test_other_arguments_are_refused_unless_overwriting(tmp_path):
    one = ('--num-videos', 1, '--workers', 1, '--layout', 'penn')
    out = make(tmp_path / 'out', *one)
    before = files(out)
    with pytest.raises(SystemExit, match='--overwrite'):
        make(out, *one, '--seed', 4)
    assert files(out) == before
    make(out, *one, '--seed', 4, '--overwrite')
    label = Path('penn_action/labels/0001.mat')
    assert files(out)[label] != before[label]
    assert os.listdir(tmp_path) == ['out']


def test_a_folder_of_somebody_else_is_never_touched(tmp_path):
    (tmp_path / 'thesis.txt').write_text('precious')
    with pytest.raises(SystemExit, match='not made by this tool'):
        make(tmp_path, '--num-videos', 1, '--overwrite')
    assert os.listdir(tmp_path) == ['thesis.txt']


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def fail(index, root, settings):
        (root / 'half').mkdir()
        raise OSError('no space')

    monkeypatch.setattr(make_synthetic_videos, 'write_clip', fail)
    with pytest.raises(OSError, match='no space'):
        make(tmp_path / 'out', '--num-videos', 1, '--workers', 1)
    assert os.listdir(tmp_path) == []


@pytest.mark.parametrize('args, field', [
    (('--num-frames', '9', '3'), '--num-frames'),
    (('--num-frames', '0'), '--num-frames'),
    (('--num-videos', '0'), '--num-videos'),
    (('--size', '10', '10'), '--size'),
    (('--video', '--layout', 'penn'), '--video')])
def test_bad_arguments_are_named(args, field, tmp_path, capsys):
    with pytest.raises(SystemExit):
        make_synthetic_videos.main([str(tmp_path / 'out'), *args])
    assert field in capsys.readouterr().err.splitlines()[-1]
