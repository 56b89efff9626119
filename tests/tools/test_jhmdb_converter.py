# Copyright (c) temporal_corr authors. All rights reserved.
"""JHMDB converter, checked against the raw files and MMPose's reader."""
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from converted_clips import expected_images, read_clips
from mmpose.datasets import JhmdbDataset
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from scipy.io import loadmat, savemat

CONVERTERS = Path(__file__).resolve().parents[2] / 'tools/dataset_converters'
sys.path.insert(0, str(CONVERTERS))

import jhmdb  # noqa: E402

HEIGHT, WIDTH, FRAMES = 24, 32, 4
REAL_CLIPS = {
    'jump/Arrasando_no_Le_Parkour_jump_f_cm_np1_ri_bad_1': 1,
    'run/THE_PROTECTOR_run_f_cm_np1_ba_med_35': 2,
    'golf/Golf_Swing_@6Iron_golf_f_cm_np1_fr_med_0': 1,
}
CLIP, PATTERN = 'wave/clip_wave_1', 'Sub1_{}.json'


def joint_file(root, name=CLIP):
    return root / 'joint_positions' / name / 'joint_positions.mat'


def mask_file(root, name=CLIP):
    return root / 'puppet_mask' / name / 'puppet_mask.mat'


def frame_file(root, number, name=CLIP):
    return root / 'Rename_Images' / name / f'{number:05d}.png'


def save(path, **variables):
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(str(path), variables, do_compression=True)


def write_frames(root, name=CLIP, num_frames=FRAMES, size=(WIDTH, HEIGHT)):
    frame_file(root, 1, name).parent.mkdir(parents=True, exist_ok=True)
    for i in range(num_frames):
        image = np.full((size[1], size[0], 3), 20 * i, np.uint8)
        cv2.imwrite(str(frame_file(root, i + 1, name)), image)


def write_video(root, name, num_frames=FRAMES):
    path = root / 'ReCompress_Videos' / f'{name}.avi'
    path.parent.mkdir(parents=True, exist_ok=True)
    writer = cv2.VideoWriter(
        str(path), cv2.VideoWriter_fourcc(*'MJPG'), 25, (WIDTH, HEIGHT))
    assert writer.isOpened()
    for i in range(num_frames):
        writer.write(np.full((HEIGHT, WIDTH, 3), 60 * i, np.uint8))
    writer.release()


@pytest.fixture
def release(tmp_path):
    """Three clips of one action in the raw layout, with PNG frames."""
    root = tmp_path / 'jhmdb'
    rng = np.random.default_rng(0)
    names = [f'wave/clip_wave_{i}' for i in range(3)]
    for name in names:
        save(
            joint_file(root, name),
            pos_img=rng.uniform(1, HEIGHT, (2, 15, FRAMES)))
        mask = np.zeros((HEIGHT, WIDTH, FRAMES), np.uint8)
        mask[5:11, 2:9] = 1
        save(mask_file(root, name), part_mask=mask)
        write_frames(root, name)
    lines = [f'{name[5:]}.avi {1 + (i == 1)}' for i, name in enumerate(names)]
    (root / 'sub_splits').mkdir()
    split('\n'.join(lines) + '\n')(root)
    return root


# --- real clips ---------------------------------------------------------


@pytest.fixture(scope='module')
def real_subset(jhmdb_root, tmp_path_factory):
    """Three real clips converted: the raw root, the output, the frames."""
    base = tmp_path_factory.mktemp('real')
    root, frames = base / 'raw', base / 'data' / 'Frames'
    (root / 'sub_splits').mkdir(parents=True)
    for folder in ('joint_positions', 'puppet_mask', 'ReCompress_Videos'):
        (root / folder).symlink_to(jhmdb_root / folder)
    for name, subset in REAL_CLIPS.items():
        action, clip = name.split('/')
        (root / 'sub_splits' / f'{action}_test_split_1.txt').write_text(
            f'{clip}.avi {subset}\n')
    jhmdb.convert(root, 1, base / 'out', frames)
    return root, base / 'out', frames


def test_real_boxes_joints_frames_and_ids(real_subset):
    root, out, frames = real_subset
    clips = read_clips(out, PATTERN)
    assert len(clips) == len(REAL_CLIPS)
    for vid_id, name in enumerate(sorted(REAL_CLIPS), 1):
        subset = 'train' if REAL_CLIPS[name] == 1 else 'test'
        images, annotations = clips[subset, f'Frames/{name}']
        joints = loadmat(str(joint_file(root, name)))['pos_img']
        mask = loadmat(str(mask_file(root, name)))['part_mask']
        assert images == expected_images(
            vid_id, f'Frames/{name}/{{:05d}}.png', mask.shape[2], 320, 240)
        keypoints = [np.reshape(a['keypoints'], (15, 3)) for a in annotations]
        np.testing.assert_allclose(
            np.array(keypoints)[..., :2], joints.transpose(2, 1, 0),
            atol=5.1e-5)  # yapf: disable
        assert (np.array(keypoints)[..., 2] == 2).all()
        capture = cv2.VideoCapture(
            str(root / 'ReCompress_Videos' / f'{name}.avi'))
        for i, annotation in enumerate(annotations):
            rows, cols = np.nonzero(mask[:, :, i])
            x1, y1 = cols.min() + 1, rows.min() + 1
            assert annotation['bbox'] == [
                x1, y1, cols.max() + 2 - x1, rows.max() + 2 - y1]
            # the data root is the parent of the folder of frames
            pixels = cv2.imread(str(frames.parent / images[i]['file_name']))
            np.testing.assert_array_equal(pixels, capture.read()[1])
        assert not capture.read()[0]


def test_mmpose_reads_the_files_and_nothing_is_extracted_again(
        real_subset, tmp_path):
    root, out, frames = real_subset
    dataset = JhmdbDataset(
        ann_file=str(out / 'Sub1_train.json'),
        data_prefix=dict(img=str(frames.parent)),
        test_mode=True)
    items = [dataset.get_data_info(i) for i in range(len(dataset))]
    _, clips = zip(*sorted(
        (name, loadmat(str(joint_file(root, name)))['pos_img'])
        for name, subset in REAL_CLIPS.items() if subset == 1))
    # 0-based once read; a float32 at 320 px is exact to 1.5e-5
    np.testing.assert_allclose(
        [item['keypoints'][0] for item in items],
        np.concatenate([clip.transpose(2, 1, 0) for clip in clips]) - 1,
        atol=1e-4)
    assert all(Path(item['img_path']).is_file() for item in items)
    report = jhmdb.convert(root, 1, tmp_path, frames)
    assert report['clips_extracted_now'] == 0
    assert read_clips(tmp_path, PATTERN) == read_clips(out, PATTERN)


@pytest.mark.parametrize('split', [1, 2, 3])
def test_real_splits(jhmdb_root, split):
    subsets = jhmdb.read_split(jhmdb_root, split)
    videos = jhmdb_root / 'ReCompress_Videos'
    assert set(subsets) == {
        str(path.relative_to(videos))[:-4] for path in videos.rglob('*.avi')
    }
    assert len(subsets) == 180
    assert set(subsets.values()) == {'train', 'test'}


def test_names_are_those_of_mmpose():
    metainfo = parse_pose_metainfo(
        dict(from_file='configs/_base_/datasets/jhmdb.py'))
    ids = metainfo['keypoint_name2id']
    assert list(jhmdb.KEYPOINTS) == sorted(ids, key=ids.get)
    links = [(ids[a], ids[b]) for a, b in jhmdb.SKELETON]
    assert links == [tuple(link) for link in metainfo['skeleton_links']]


# --- one clip at fault --------------------------------------------------

GOOD = np.full((2, 15, FRAMES), 3.)
NAN = GOOD.copy()
NAN[1, 3, 2] = np.nan


def joints(**variables):
    return lambda root: save(joint_file(root), **variables)


def masks(*shape):
    return lambda root: save(
        mask_file(root), part_mask=np.zeros(shape, np.uint8))


def split(text):
    return lambda root: (root / 'sub_splits/wave_test_split_1.txt').write_text(
        text)


def truncate(path, keep):
    path.write_bytes(path.read_bytes()[:keep])


def remove(*paths):
    for path in paths:
        path.unlink()


FAULTS = {
    'joints cut': (lambda root: truncate(joint_file(root), 500),
                   ['joint_positions.mat', 'download']),
    'MATLAB 7.3': (lambda root: joint_file(root).write_bytes(
        (b'MATLAB 7.3 MAT-file'.ljust(124) + b'\0\2IM').ljust(600, b'\0')),
        ['joint_positions.mat', "'-v7'"]),
    'no such variable': (joints(pos_world=GOOD), ["'pos_img'", 'download']),
    'NaN': (joints(pos_img=NAN), ["'pos_img'", 'NaN', '[1, 3, 2]']),
    'wrong number of joints': (joints(pos_img=GOOD[:, :14]),
                               ['2 x 14 x 4', '2 x 15 x n']),
    'text in place of numbers': (joints(pos_img='hello'),
                                 ["'pos_img'", 'numbers']),
    'too few joint frames': (joints(pos_img=GOOD[:, :, :3]),
                             ["'part_mask' has 4", 'has 3']),
    'all masks empty': (masks(HEIGHT, WIDTH, FRAMES), ["'part_mask'"]),
    'mask without pixels': (masks(0, 0), ["'part_mask'", '0 x 0']),
    'one image missing': (lambda root: remove(frame_file(root, 3)),
                          ['3 images', 'has 4 frames', 'remove']),
    'image of another size': (lambda root: write_frames(
        root, size=(WIDTH * 2, HEIGHT)), ['64x24', '32x24']),
    'images in upper case': (
        lambda root: [path.rename(path.with_suffix('.PNG'))
                      for path in frame_file(root, 1).parent.iterdir()],
        ['00001.PNG', '00001.png']),
    'image cut': (lambda root: truncate(frame_file(root, 1), 10),
                  ['00001.png', 'not a readable image']),
    'line without a subset': (split('clip_wave_0.avi 1\nclip_wave_1.avi\n'),
                              ['line 2', "'clip_wave_1.avi'"]),
    'clip listed twice': (split('clip_wave_0.avi 1\nclip_wave_0.avi 2\n'),
                          ['line 2', 'twice', 'remove']),
    'no split files': (lambda root: remove(*(root / 'sub_splits').iterdir()),
                       ['_test_split_1.txt', 'sub_splits.zip']),
    'no mask file': (lambda root: remove(mask_file(root)),
                     ['1 of the 3 clips', 'puppet_mask', '--allow-missing']),
    'neither frames nor video': (
        lambda root: remove(*frame_file(root, 1).parent.iterdir()),
        ['.avi', '--allow-missing']),
}  # yapf: disable


@pytest.mark.parametrize('case', FAULTS)
def test_fault_is_named_and_nothing_written(release, tmp_path, case):
    damage, expected = FAULTS[case]
    damage(release)
    out = tmp_path / 'out'
    with pytest.raises(ValueError) as caught:
        jhmdb.main([str(release), '--split', '1', '--out', str(out)])
    message = str(caught.value)
    for words in expected:
        assert words in message
    assert CLIP in message or 'sub_splits' in message
    assert list(out.iterdir()) == []


@pytest.mark.parametrize('encoding, edit', [
    ('utf-8-sig', str), ('utf-16', lambda text: text.replace(
        '\n', '\r\n\r\n').replace('.avi ', '.AVI\t'))
], ids=['byte order mark', 'UTF-16, CRLF, empty lines, upper case, tabs'])
def test_other_editors_and_hidden_files(release, tmp_path, encoding, edit):
    """macOS writes ._NAME beside NAME, Windows Thumbs.db."""
    jhmdb.convert(release, 1, tmp_path / 'before')
    path = release / 'sub_splits/wave_test_split_1.txt'
    path.write_bytes(edit(path.read_text()).encode(encoding))
    for path in list(release.rglob('*')):
        if path.is_file():
            path.with_name(f'._{path.name}').write_bytes(b'\0\5Mac OS X')
            path.with_name('Thumbs.db').write_bytes(b'Windows')
    jhmdb.convert(release, 1, tmp_path / 'after')
    before, after = (
        {path.name: path.read_text() for path in (tmp_path / out).iterdir()}
        for out in ('before', 'after'))
    assert before == after


def test_files_of_others_are_not_replaced(release, tmp_path):
    """MMPose's published annotations have the same names."""
    published = '{"categories": [], "images": []}'
    jhmdb.convert(release, 1, tmp_path)
    jhmdb.convert(release, 1, tmp_path)  # its own files are
    (tmp_path / 'Sub1_test.json').write_text(published)
    with pytest.raises(ValueError, match='Sub1_test.json.*--out'):
        jhmdb.convert(release, 1, tmp_path)
    assert (tmp_path / 'Sub1_test.json').read_text() == published


# --- what may be missing ------------------------------------------------


def test_allow_missing_leaves_clips_out_and_keeps_ids(release, tmp_path):
    jhmdb.convert(release, 1, tmp_path / 'all')
    name = 'wave/clip_wave_0'
    mask_file(release, name).unlink()
    report = jhmdb.convert(release, 1, tmp_path / 'out', allow_missing=True)
    assert list(report['clips_left_out_for_missing_files']) == [name]
    complete = read_clips(tmp_path / 'all', PATTERN)
    complete.pop(('train', f'Rename_Images/{name}'))
    assert read_clips(tmp_path / 'out', PATTERN) == complete
    assert report['subsets'] == dict(
        train=dict(clips=1, frames=FRAMES), test=dict(clips=1, frames=FRAMES))


def clip_boxes(out):
    _, annotations = read_clips(out, PATTERN)['test', f'Rename_Images/{CLIP}']
    return [annotation['bbox'] for annotation in annotations]


def test_empty_mask_takes_the_nearest_box(release, tmp_path):
    mask = np.zeros((HEIGHT, WIDTH, FRAMES), np.uint8)
    mask[3:5, 10:20, 0] = 1
    mask[4:9, 11:13, 3] = 1
    save(mask_file(release), part_mask=mask)
    report = jhmdb.convert(release, 1, tmp_path)
    assert clip_boxes(tmp_path) == [[11, 4, 10, 2]] * 2 + [[12, 5, 2, 5]] * 2
    assert report['empty_mask_frames_filled_from_the_nearest'] == {
        CLIP: [2, 3]
    }
    # of one frame: MATLAB saves an array (H, W, 1) as (H, W)
    save(joint_file(release), pos_img=GOOD[..., 0])
    save(mask_file(release), part_mask=mask[..., 0])
    remove(*(frame_file(release, number) for number in (2, 3, 4)))
    jhmdb.convert(release, 1, tmp_path)
    assert clip_boxes(tmp_path) == [[11, 4, 10, 2]]


# --- extraction ---------------------------------------------------------


def test_extraction_leaves_a_release_untouched_and_resumes(release, tmp_path):
    for folder in sorted((release / 'Rename_Images').glob('*/*')):
        write_video(release, f'{folder.parent.name}/{folder.name}')
        remove(*folder.iterdir())
        # one folder stays, empty: it counts as not extracted
        if not folder.name.endswith('0'):
            folder.rmdir()
    before = sorted(release.rglob('*'))
    path = release / 'ReCompress_Videos' / f'{CLIP}.avi'
    path.write_bytes(b'not a video')
    frames, out = tmp_path / 'data/Frames', tmp_path / 'out'
    with pytest.raises(ValueError, match=f'{path}: not a readable'):
        jhmdb.convert(release, 1, out, frames)
    write_video(release, CLIP, FRAMES - 1)
    with pytest.raises(ValueError, match=f'{path}: 3 frames .* has 4; down'):
        jhmdb.convert(release, 1, out, frames)
    assert not (frames / CLIP).exists()
    assert [path.name for path in frames.iterdir()] == ['wave']
    complete = [path for path in frames.glob('*/*') if os.listdir(path)]
    assert all(len(os.listdir(path)) == FRAMES for path in complete)

    write_video(release, CLIP)
    report = jhmdb.convert(release, 1, out, frames)
    assert report['clips_extracted_now'] == 3 - len(complete)
    assert sorted(release.rglob('*')) == before
    clips = read_clips(out, PATTERN)
    assert len(clips) == 3
    for images, _ in clips.values():
        for i, image in enumerate(images):
            pixels = cv2.imread(str(frames.parent / image['file_name']))
            assert abs(int(pixels.mean()) - 60 * i) <= 2
