# Copyright (c) temporal_corr authors. All rights reserved.
"""JHMDB converter, checked against the raw files and MMPose's reader."""
import json
import os
import subprocess
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from PIL import Image
from scipy.io import loadmat, savemat

CONVERTERS = Path(__file__).resolve().parents[2] / 'tools/dataset_converters'
sys.path.insert(0, str(CONVERTERS))

import coco_video  # noqa: E402
import jhmdb  # noqa: E402
import mat_file  # noqa: E402

HEIGHT, WIDTH, FRAMES = 24, 32, 4
REAL_CLIPS = {
    'jump/Arrasando_no_Le_Parkour_jump_f_cm_np1_ri_bad_1': 1,
    'run/THE_PROTECTOR_run_f_cm_np1_ba_med_35': 2,
    'golf/Golf_Swing_@6Iron_golf_f_cm_np1_fr_med_0': 1,
}


def joint_file(root, name):
    return root / 'joint_positions' / name / 'joint_positions.mat'


def mask_file(root, name):
    return root / 'puppet_mask' / name / 'puppet_mask.mat'


def save(path, **variables):
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(str(path), variables, do_compression=True)


def write_frames(root, name, num_frames=FRAMES, size=(WIDTH, HEIGHT)):
    folder = root / 'Rename_Images' / name
    folder.mkdir(parents=True, exist_ok=True)
    for i in range(num_frames):
        image = np.full((size[1], size[0], 3), 20 * i, np.uint8)
        cv2.imwrite(str(folder / f'{i + 1:05d}.png'), image)


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
        for i in range(FRAMES):
            mask[5 + i:11, 2:9 + i, i] = 1
        save(mask_file(root, name), part_mask=mask)
        write_frames(root, name)
    splits = root / 'sub_splits'
    splits.mkdir()
    lines = [f'{name[5:]}.avi {1 + (i == 1)}' for i, name in enumerate(names)]
    (splits / 'wave_test_split_1.txt').write_text('\n'.join(lines) + '\n')
    return root


@pytest.fixture(scope='module')
def real_subset(jhmdb_root, tmp_path_factory):
    """Three real clips converted: the raw root, the output, the frames."""
    base = tmp_path_factory.mktemp('real')
    root, frames = base / 'raw', base / 'data' / 'Frames'
    root.mkdir()
    for folder in ('joint_positions', 'puppet_mask', 'ReCompress_Videos'):
        (root / folder).symlink_to(jhmdb_root / folder)
    (root / 'sub_splits').mkdir()
    for name, subset in REAL_CLIPS.items():
        action, clip = name.split('/')
        (root / 'sub_splits' / f'{action}_test_split_1.txt').write_text(
            f'{clip}.avi {subset}\n')
    jhmdb.convert(root, 1, base / 'out', frames)
    return root, base / 'out', frames


def converted(out, split=1):
    """All images and annotations of both subsets by clip name."""
    clips = {}
    for subset in ('train', 'test'):
        data = json.loads((out / f'Sub{split}_{subset}.json').read_text())
        for image, annotation in zip(data['images'], data['annotations']):
            assert annotation['image_id'] == image['id']
            name = '/'.join(image['file_name'].split('/')[1:3])
            clips.setdefault(name, []).append((image, annotation))
    return clips


# --- real clips ---------------------------------------------------------


def test_real_boxes_joints_frames_and_ids(real_subset):
    root, out, frames = real_subset
    clips = converted(out)
    assert set(clips) == set(REAL_CLIPS)
    for vid_id, name in enumerate(sorted(REAL_CLIPS), 1):
        joints = loadmat(str(joint_file(root, name)))['pos_img']
        mask = loadmat(str(mask_file(root, name)))['part_mask']
        capture = cv2.VideoCapture(
            str(root / 'ReCompress_Videos' / f'{name}.avi'))
        for i, (image, annotation) in enumerate(clips[name]):
            rows, cols = np.nonzero(mask[:, :, i])
            x1, y1 = cols.min() + 1, rows.min() + 1
            assert annotation['bbox'] == [
                x1, y1, cols.max() + 2 - x1, rows.max() + 2 - y1]
            keypoints = np.reshape(annotation['keypoints'], (15, 3))
            np.testing.assert_allclose(
                keypoints[:, :2], joints[:, :, i].T, atol=5.1e-5)
            assert (keypoints[:, 2] == 2).all()
            assert image == dict(
                id=vid_id * 10000 + i + 1,
                file_name=f'Frames/{name}/{i + 1:05d}.png',
                width=320,
                height=240,
                vid_id=vid_id,
                frame_id=i + 1,
                nframes=joints.shape[2],
                is_labeled=True)
            # the data root is the parent of the folder of frames
            pixels = cv2.imread(str(frames.parent / image['file_name']))
            np.testing.assert_array_equal(pixels, capture.read()[1])
        assert len(clips[name]) == mask.shape[2] and not capture.read()[0]


def test_mmpose_reads_the_files(real_subset):
    from mmpose.datasets import JhmdbDataset
    root, out, frames = real_subset
    dataset = JhmdbDataset(
        ann_file=str(out / 'Sub1_train.json'),
        data_root='',
        data_prefix=dict(img=str(frames.parent)),
        test_mode=True)
    dataset.full_init()
    expected = np.concatenate([
        loadmat(str(joint_file(root, name)))['pos_img'].transpose(2, 1, 0)
        for name in sorted(REAL_CLIPS) if REAL_CLIPS[name] == 1
    ])
    assert len(dataset) == len(expected)
    for i, joints in enumerate(expected):
        item = dataset.get_data_info(i)
        # 0-based once read; a float32 at 320 px is exact to 1.5e-5
        np.testing.assert_allclose(
            item['keypoints'][0], joints - 1, atol=1e-4)
        assert Path(item['img_path']).is_file()
        assert (item['keypoints_visible'] == 1).all()


def test_second_run_extracts_nothing(real_subset, tmp_path):
    root, out, frames = real_subset
    before = {p: p.stat().st_mtime_ns for p in frames.rglob('*')}
    report = jhmdb.convert(root, 1, tmp_path, frames)
    assert report['clips_extracted_now'] == 0
    assert before == {p: p.stat().st_mtime_ns for p in frames.rglob('*')}
    for name in ('Sub1_train.json', 'Sub1_test.json'):
        assert (tmp_path / name).read_bytes() == (out / name).read_bytes()


@pytest.mark.parametrize('split', [1, 2, 3])
def test_real_splits(jhmdb_root, split):
    subsets = jhmdb.read_split(jhmdb_root, split)
    videos = {
        str(path.relative_to(jhmdb_root / 'ReCompress_Videos'))[:-4]
        for path in (jhmdb_root / 'ReCompress_Videos').rglob('*.avi')
    }
    assert set(subsets) == videos and len(videos) == 180
    assert set(subsets.values()) == {'train', 'test'}


def test_names_are_those_of_mmpose():
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    metainfo = parse_pose_metainfo(
        dict(from_file='configs/_base_/datasets/jhmdb.py'))
    ids = metainfo['keypoint_name2id']
    assert list(jhmdb.KEYPOINTS) == sorted(ids, key=ids.get)
    links = [(ids[a], ids[b]) for a, b in jhmdb.SKELETON]
    assert links == [tuple(link) for link in metainfo['skeleton_links']]


# --- one clip at fault --------------------------------------------------

CLIP = 'wave/clip_wave_1'
GOOD = np.full((2, 15, FRAMES), 3.)
NAN = GOOD.copy()
NAN[1, 3, 2] = np.nan


def truncate(path, keep):
    path.write_bytes(path.read_bytes()[:keep])


def joints(**variables):
    return lambda root: save(joint_file(root, CLIP), **variables)


def masks(mask):
    return lambda root: save(mask_file(root, CLIP), part_mask=mask)


def split(text):
    return lambda root: (root / 'sub_splits/wave_test_split_1.txt').write_text(
        text)


def neither(root):
    for path in (root / 'Rename_Images' / CLIP).iterdir():
        path.unlink()


FAULTS = {
    'joints cut': (lambda root: truncate(joint_file(root, CLIP), 500),
                   ['joint_positions.mat', 'truncated', 'download']),
    'masks cut in the header': (lambda root: truncate(
        mask_file(root, CLIP), 60), ['puppet_mask.mat', 'truncated']),
    'text file': (lambda root: joint_file(root, CLIP).write_text(
        '<html>404 not found</html>' * 20), ['not a MATLAB file']),
    'MATLAB 7.3': (lambda root: joint_file(root, CLIP).write_bytes(
        (b'MATLAB 7.3 MAT-file'.ljust(124) + b'\0\2IM').ljust(600, b'\0')),
        ['joint_positions.mat', '7.3', "'-v7'"]),
    'no such variable': (joints(pos_world=GOOD), ["'pos_img'", 'download']),
    'NaN': (joints(pos_img=NAN), ["'pos_img'", 'NaN', '[1, 3, 2]']),
    'wrong number of joints': (joints(pos_img=GOOD[:, :14]),
                               ['2 x 14 x 4', '2 x 15 x n']),
    'text in place of numbers': (joints(pos_img='hello'),
                                 ["'pos_img'", 'expected numbers']),
    'too few joint frames': (joints(pos_img=GOOD[:, :, :3]),
                             ["'part_mask' has 4", 'has 3']),
    'all masks empty': (masks(np.zeros((HEIGHT, WIDTH, FRAMES), np.uint8)),
                        ["'part_mask'", 'empty in every frame']),
    'mask without pixels': (masks(np.zeros((0, 0), np.uint8)),
                            ["'part_mask'", 'empty']),
    'one image missing': (lambda root: (
        root / 'Rename_Images' / CLIP / '00003.png').unlink(),
        ['3 images', 'has 4 frames', 'remove']),
    'one image too many': (lambda root: write_frames(root, CLIP, FRAMES + 1),
                           ['5 images', 'has 4 frames', 'remove']),
    'image of another size': (lambda root: write_frames(
        root, CLIP, FRAMES, (WIDTH * 2, HEIGHT)), ['64x24', '32x24']),
    'image cut': (lambda root: truncate(
        root / 'Rename_Images' / CLIP / '00001.png', 10),
        ['00001.png', 'not a readable image']),
    'line without a subset': (split('clip_wave_0.avi 1\nclip_wave_1.avi\n'),
                              ['line 2', "'clip_wave_1.avi'"]),
    'clip listed twice': (split('clip_wave_0.avi 1\nclip_wave_0.avi 2\n'),
                          ['line 2', 'twice', 'remove']),
    'no split files': (lambda root: (
        root / 'sub_splits/wave_test_split_1.txt').unlink(),
        ['_test_split_1.txt', 'sub_splits.zip']),
    'no mask file': (lambda root: mask_file(root, CLIP).unlink(),
                     ['1 of the 3 clips', 'puppet_mask', '--allow-missing']),
    'neither frames nor video': (neither, ['.avi', '--allow-missing']),
}


@pytest.mark.parametrize('case', FAULTS)
def test_fault_is_named_and_nothing_written(release, tmp_path, case):
    damage, expected = FAULTS[case]
    damage(release)
    with pytest.raises(ValueError) as caught:
        jhmdb.convert(release, 1, tmp_path / 'out')
    for words in expected:
        assert words in str(caught.value)
    assert CLIP in str(caught.value) or 'sub_splits' in str(caught.value)
    assert list((tmp_path / 'out').iterdir()) == []


def test_cut_anywhere_gives_one_kind_of_error(release):
    path = mask_file(release, 'wave/clip_wave_0')
    content = path.read_bytes()
    for keep in range(0, len(content) - 8, 7):
        path.write_bytes(content[:keep])
        with pytest.raises(ValueError, match=str(path)):
            mat_file.load_mat(path, ['part_mask'])


def test_command_line_reports_a_fault_without_traceback(release, tmp_path):
    FAULTS['joints cut'][0](release)
    run = subprocess.run(
        [sys.executable, CONVERTERS / 'jhmdb.py', release, '--split', '1',
         '--out', tmp_path / 'out'],
        cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith('error: ')
    assert 'Traceback' not in run.stderr


# --- what other programs leave behind -----------------------------------


def texts(folder):
    return {path.name: path.read_text() for path in folder.iterdir()}


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
            path.with_name('.DS_Store').write_bytes(b'Mac OS X')
    jhmdb.convert(release, 1, tmp_path / 'after')
    assert texts(tmp_path / 'before') == texts(tmp_path / 'after')


def test_frames_in_upper_case_or_turned(release, tmp_path):
    """As they are loaded, and not as their header says."""
    folder = release / 'Rename_Images' / CLIP
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (WIDTH, HEIGHT)).save(folder / '00001.png', exif=exif)
    with pytest.raises(ValueError, match=f'{HEIGHT}x{WIDTH} pixels'):
        jhmdb.convert(release, 1, tmp_path / 'out')
    for path in folder.iterdir():
        path.rename(path.with_suffix('.PNG'))
    with pytest.raises(ValueError, match=r'00001\.PNG.*00001\.png'):
        jhmdb.convert(release, 1, tmp_path / 'out')
    assert len(list(folder.iterdir())) == FRAMES, 'nothing is extracted'


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
    mask_file(release, 'wave/clip_wave_0').unlink()
    report = jhmdb.convert(release, 1, tmp_path / 'out', allow_missing=True)
    assert list(report['clips_left_out_for_missing_files']) == [
        'wave/clip_wave_0'
    ]
    complete = converted(tmp_path / 'all')
    complete.pop('wave/clip_wave_0')
    assert converted(tmp_path / 'out') == complete
    assert report['subsets'] == dict(
        train=dict(clips=1, frames=FRAMES), test=dict(clips=1, frames=FRAMES))


def test_empty_mask_takes_the_nearest_box(release, tmp_path):
    mask = np.zeros((HEIGHT, WIDTH, FRAMES), np.uint8)
    mask[3:5, 10:20, 0] = 1
    mask[4:9, 11:13, 3] = 1
    masks(mask)(release)
    report = jhmdb.convert(release, 1, tmp_path)
    boxes = [a['bbox'] for _, a in converted(tmp_path)[CLIP]]
    assert boxes == [[11, 4, 10, 2]] * 2 + [[12, 5, 2, 5]] * 2
    assert report['empty_mask_frames_filled_from_the_nearest'] == {
        CLIP: [2, 3]
    }


def test_clip_of_one_frame(release, tmp_path):
    # MATLAB saves an array (H, W, 1) as (H, W)
    joints(pos_img=GOOD[..., 0])(release)
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[3:5, 10:20] = 1
    masks(mask)(release)
    for path in (release / 'Rename_Images' / CLIP).glob('0000[234].png'):
        path.unlink()
    jhmdb.convert(release, 1, tmp_path)
    (image, annotation), = converted(tmp_path)[CLIP]
    assert annotation['bbox'] == [11, 4, 10, 2]
    assert image['nframes'] == 1


# --- extraction ---------------------------------------------------------


@pytest.fixture
def videos(release):
    """The release with videos in place of the frames."""
    for folder in sorted((release / 'Rename_Images').glob('*/*')):
        write_video(release, f'{folder.parent.name}/{folder.name}')
        for path in folder.iterdir():
            path.unlink()
        # one folder stays, empty: it counts as not extracted
        if not folder.name.endswith('0'):
            folder.rmdir()
    return release


def test_extraction_leaves_a_release_untouched(videos, tmp_path):
    before = sorted(videos.rglob('*'))
    frames = tmp_path / 'frames' / 'Rename_Images'
    report = jhmdb.convert(videos, 1, tmp_path / 'out', frames)
    assert report['clips_extracted_now'] == 3
    assert sorted(videos.rglob('*')) == before
    assert sorted(path.name for path in frames.iterdir()) == ['wave']
    for records in converted(tmp_path / 'out').values():
        for i, (image, _) in enumerate(records):
            pixels = cv2.imread(str(frames.parent / image['file_name']))
            assert abs(int(pixels.mean()) - 60 * i) <= 2


def test_extraction_resumes_after_a_bad_video(videos, tmp_path):
    path = videos / 'ReCompress_Videos' / f'{CLIP}.avi'
    path.write_bytes(b'not a video')
    with pytest.raises(ValueError, match=f'{path}: not a readable'):
        jhmdb.convert(videos, 1, tmp_path)
    write_video(videos, CLIP, FRAMES - 1)
    with pytest.raises(ValueError) as caught:
        jhmdb.convert(videos, 1, tmp_path)
    for words in (str(path), '3 frames', 'has 4', 'download'):
        assert words in str(caught.value)
    frames = videos / 'Rename_Images'
    assert not (frames / CLIP).exists()
    assert [path.name for path in frames.iterdir()] == ['wave']
    complete = [path for path in frames.glob('*/*') if os.listdir(path)]
    assert all(len(os.listdir(path)) == FRAMES for path in complete)

    write_video(videos, CLIP)
    report = jhmdb.convert(videos, 1, tmp_path)
    assert report['clips_extracted_now'] == 3 - len(complete)
    assert len(converted(tmp_path)) == 3


# --- pure parts ---------------------------------------------------------


@settings(max_examples=60, deadline=None)
@given(
    hnp.arrays(
        np.uint8,
        st.tuples(st.integers(1, 6), st.integers(1, 7), st.integers(1, 4)),
        elements=st.sampled_from([0, 0, 0, 1, 7])))
def test_mask_boxes_enclose_the_mask(mask):
    for i, box in enumerate(jhmdb.mask_boxes(mask)):
        rows, cols = np.nonzero(mask[:, :, i])
        if len(rows) == 0:
            assert (box == 0).all()
            continue
        x, y, w, h = box
        assert (x, y) == (cols.min() + 1, rows.min() + 1)
        assert (x + w - 1, y + h - 1) == (cols.max() + 1, rows.max() + 1)


@given(st.lists(st.booleans(), min_size=1, max_size=30).filter(any))
def test_nearest_valid_frame(valid):
    frames = [i for i, good in enumerate(valid) if good]
    assert coco_video.nearest_valid(np.array(valid)).tolist() == [
        min(frames, key=lambda j: (abs(j - i), j)) for i in range(len(valid))
    ]
