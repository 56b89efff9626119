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
import converter_io  # noqa: E402
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


def test_real_boxes_are_the_mask_extents(real_subset):
    root, out, _ = real_subset
    clips = converted(out)
    assert set(clips) == set(REAL_CLIPS)
    for name, records in clips.items():
        mask = loadmat(str(mask_file(root, name)))['part_mask']
        assert len(records) == mask.shape[2]
        for i, (_, annotation) in enumerate(records):
            rows, cols = np.nonzero(mask[:, :, i])
            x1, y1 = cols.min() + 1, rows.min() + 1
            x2, y2 = cols.max() + 1, rows.max() + 1
            assert annotation['bbox'] == [x1, y1, x2 - x1 + 1, y2 - y1 + 1]


def test_real_joints_frames_and_ids(real_subset):
    root, out, frames = real_subset
    for vid_id, name in enumerate(sorted(REAL_CLIPS), 1):
        records = converted(out)[name]
        joints = loadmat(str(joint_file(root, name)))['pos_img']
        capture = cv2.VideoCapture(
            str(root / 'ReCompress_Videos' / f'{name}.avi'))
        for i, (image, annotation) in enumerate(records):
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
        assert not capture.read()[0]


def test_mmpose_reads_the_files(real_subset):
    from mmpose.datasets import JhmdbDataset
    root, out, frames = real_subset
    dataset = JhmdbDataset(
        ann_file=str(out / 'Sub1_train.json'),
        data_root='',
        data_prefix=dict(img=str(frames.parent)),
        test_mode=True)
    dataset.full_init()
    names = sorted(name for name, subset in REAL_CLIPS.items() if subset == 1)
    expected = np.concatenate([
        loadmat(str(joint_file(root, name)))['pos_img'].transpose(2, 1, 0)
        for name in names
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


# --- names --------------------------------------------------------------


def test_names_are_those_of_mmpose():
    from mmpose.datasets.datasets.utils import parse_pose_metainfo
    metainfo = parse_pose_metainfo(
        dict(from_file='configs/_base_/datasets/jhmdb.py'))
    ids = metainfo['keypoint_name2id']
    assert list(jhmdb.KEYPOINTS) == sorted(ids, key=ids.get)
    links = [(ids[a], ids[b]) for a, b in jhmdb.SKELETON]
    assert links == [tuple(link) for link in metainfo['skeleton_links']]


# --- one clip at fault --------------------------------------------------


def truncate(path, keep):
    path.write_bytes(path.read_bytes()[:keep])


def save_joints(root, joints):
    save(joint_file(root, 'wave/clip_wave_1'), pos_img=joints)


def damaged(release, case):
    """Damage the release; return what the error has to name."""
    name = 'wave/clip_wave_1'
    joints, masks = joint_file(release, name), mask_file(release, name)
    good = np.full((2, 15, FRAMES), 3.)
    if case == 'joints cut':
        truncate(joints, joints.stat().st_size // 2)
        return [str(joints), 'truncated', 'download']
    if case == 'masks cut in the header':
        truncate(masks, 60)
        return [str(masks), 'truncated', 'download']
    if case == 'empty file':
        truncate(joints, 0)
        return [str(joints), 'truncated', 'download']
    if case == 'text file':
        joints.write_text('<html>404 not found</html>' * 20)
        return [str(joints), 'not a MATLAB file', 'download']
    if case == 'MATLAB 7.3':
        header = b'MATLAB 7.3 MAT-file'.ljust(124) + b'\x00\x02IM'
        joints.write_bytes(header.ljust(600, b'\0'))
        return [str(joints), '7.3', "'-v7'"]
    if case == 'no such variable':
        save(joints, pos_world=good)
        return [str(joints), "'pos_img'", 'download']
    if case == 'NaN':
        good[1, 3, 2] = np.nan
        save_joints(release, good)
        return [str(joints), "'pos_img'", 'NaN', '[1, 3, 2]']
    if case == 'wrong number of joints':
        save_joints(release, good[:, :14])
        return [str(joints), "'pos_img'", '2 x 14 x 4', '2 x 15 x n']
    if case == 'text in place of numbers':
        save(joints, pos_img='hello')
        return [str(joints), "'pos_img'", 'expected numbers']
    if case == 'too few joint frames':
        save_joints(release, good[:, :, :3])
        return [str(masks), str(joints), "'part_mask' has 4", 'has 3']
    if case == 'all masks empty':
        save(masks, part_mask=np.zeros((HEIGHT, WIDTH, FRAMES), np.uint8))
        return [str(masks), "'part_mask'", 'empty in every frame']
    if case == 'mask without frames axis':
        save(masks, part_mask=np.zeros((0, 0), np.uint8))
        return [str(masks), "'part_mask'", '(H, W, n)']
    folder = release / 'Rename_Images' / name
    if case == 'one image missing':
        (folder / '00003.png').unlink()
        return [str(folder), '3 images', 'has 4 frames', 'remove']
    if case == 'one image too many':
        write_frames(release, name, FRAMES + 1)
        return [str(folder), '5 images', 'has 4 frames', 'remove']
    if case == 'image of another size':
        write_frames(release, name, FRAMES, (WIDTH * 2, HEIGHT))
        return [str(folder / '00001.png'), '64x24', '32x24', 'remove']
    if case == 'image cut':
        truncate(folder / '00001.png', 10)
        return [str(folder / '00001.png'), 'not a readable image']
    split = release / 'sub_splits' / 'wave_test_split_1.txt'
    if case == 'line without a subset':
        split.write_text('clip_wave_0.avi 1\nclip_wave_1.avi\n')
        return [str(split), 'line 2', "'clip_wave_1.avi'", '"<clip>.avi 1"']
    if case == 'clip listed twice':
        split.write_text('clip_wave_0.avi 1\nclip_wave_0.avi 2\n')
        return [str(split), 'line 2', 'twice', 'remove']
    if case == 'no split files':
        split.unlink()
        return [str(split.parent), '_test_split_1.txt', 'sub_splits.zip']
    if case == 'no mask file':
        masks.unlink()
        return ['1 of the 3 clips', name, str(masks), '--allow-missing']
    assert case == 'neither frames nor video'
    for path in folder.iterdir():
        path.unlink()
    return [name, f'{name}.avi', '--allow-missing']


@pytest.mark.parametrize('case', [
    'joints cut', 'masks cut in the header', 'empty file', 'text file',
    'MATLAB 7.3', 'no such variable', 'NaN', 'wrong number of joints',
    'text in place of numbers', 'too few joint frames', 'all masks empty',
    'mask without frames axis', 'one image missing', 'one image too many',
    'image of another size', 'image cut', 'line without a subset',
    'clip listed twice', 'no split files', 'no mask file',
    'neither frames nor video'
])
def test_fault_is_named_and_nothing_written(release, tmp_path, case):
    expected = damaged(release, case)
    with pytest.raises(converter_io.ConversionError) as caught:
        jhmdb.convert(release, 1, tmp_path / 'out')
    for words in expected:
        assert words in str(caught.value)
    assert list((tmp_path / 'out').iterdir()) == []


def test_cut_anywhere_gives_one_kind_of_error(release):
    path = mask_file(release, 'wave/clip_wave_0')
    content = path.read_bytes()
    for keep in range(0, len(content) - 8, 7):
        path.write_bytes(content[:keep])
        with pytest.raises(converter_io.ConversionError, match=str(path)):
            mat_file.load_mat(path, ['part_mask'])


def test_command_line_reports_a_fault_without_traceback(release, tmp_path):
    damaged(release, 'joints cut')
    run = subprocess.run(
        [sys.executable, CONVERTERS / 'jhmdb.py', release, '--split', '1',
         '--out', tmp_path / 'out'],
        cwd=tmp_path, capture_output=True, text=True)
    assert run.returncode == 1
    assert run.stderr.splitlines()[-1].startswith('error: ')
    assert 'Traceback' not in run.stderr


# --- what other programs leave behind -----------------------------------


def converted_twice(release, tmp_path, change):
    """What is written before and after a change of the release."""
    results = []
    for folder in 'before', 'after':
        jhmdb.convert(release, 1, tmp_path / folder)
        results.append({
            path.name: path.read_text()
            for path in (tmp_path / folder).iterdir()
        })
        change()
    return results


@pytest.mark.parametrize('encoding', ['utf-8-sig', 'utf-16'])
@pytest.mark.parametrize('edit', [
    lambda text: text,
    lambda text: text.replace('\n', '\r\n\r\n'),
    lambda text: text.replace('.avi ', '.AVI\t'),
], ids=['as released', 'CRLF and empty lines', 'upper case and tabs'])
def test_split_files_of_other_editors(release, tmp_path, encoding, edit):
    path = release / 'sub_splits/wave_test_split_1.txt'
    text = path.read_text()

    before, after = converted_twice(
        release, tmp_path,
        lambda: path.write_bytes(edit(text).encode(encoding)))
    assert before == after


def test_hidden_files_are_left_alone(release, tmp_path):
    """macOS writes ._NAME beside NAME, Windows Thumbs.db."""

    def litter():
        for path in list(release.rglob('*')):
            if path.is_file():
                path.with_name(f'._{path.name}').write_bytes(
                    b'\0\5\x16\7Mac OS X')
                path.with_name('Thumbs.db').write_bytes(b'Windows')
                path.with_name('.DS_Store').write_bytes(b'Mac OS X')

    before, after = converted_twice(release, tmp_path, litter)
    assert before == after


def test_frames_in_upper_case_are_named(release, tmp_path):
    folder = release / 'Rename_Images/wave/clip_wave_0'
    for path in folder.iterdir():
        path.rename(path.with_suffix('.PNG'))
    with pytest.raises(
            converter_io.ConversionError, match=r'00001\.PNG.*00001\.png'):
        jhmdb.convert(release, 1, tmp_path / 'out')
    assert len(list(folder.iterdir())) == FRAMES, 'nothing is extracted'


def test_frames_that_are_turned_are_no_frames_of_the_mask(release, tmp_path):
    """As they are loaded, and not as their header says."""
    path = release / 'Rename_Images/wave/clip_wave_0/00001.png'
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (WIDTH, HEIGHT)).save(path, exif=exif)
    with pytest.raises(
            converter_io.ConversionError, match=f'{HEIGHT}x{WIDTH} pixels'):
        jhmdb.convert(release, 1, tmp_path / 'out')


def test_files_of_others_are_not_replaced(release, tmp_path):
    """MMPose's published annotations have the same names."""
    published = '{"categories": [], "images": []}'
    out = tmp_path / 'annotations'
    jhmdb.convert(release, 1, out)
    jhmdb.convert(release, 1, out)  # its own files are
    (out / 'Sub1_test.json').write_text(published)
    with pytest.raises(
            converter_io.ConversionError, match='Sub1_test.json.*--out'):
        jhmdb.convert(release, 1, out)
    assert (out / 'Sub1_test.json').read_text() == published


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
    name = 'wave/clip_wave_1'
    mask = np.zeros((HEIGHT, WIDTH, FRAMES), np.uint8)
    mask[3:5, 10:20, 0] = 1
    mask[4:9, 11:13, 3] = 1
    save(mask_file(release, name), part_mask=mask)
    report = jhmdb.convert(release, 1, tmp_path)
    boxes = [a['bbox'] for _, a in converted(tmp_path)[name]]
    assert boxes == [[11, 4, 10, 2]] * 2 + [[12, 5, 2, 5]] * 2
    assert report['empty_mask_frames_filled_from_the_nearest'] == {
        name: [2, 3]
    }


def test_clip_of_one_frame(release, tmp_path):
    # MATLAB saves an array (H, W, 1) as (H, W)
    name = 'wave/clip_wave_1'
    save_joints(release, np.full((2, 15), 3.))
    mask = np.zeros((HEIGHT, WIDTH), np.uint8)
    mask[3:5, 10:20] = 1
    save(mask_file(release, name), part_mask=mask)
    for path in (release / 'Rename_Images' / name).glob('0000[234].png'):
        path.unlink()
    jhmdb.convert(release, 1, tmp_path)
    (image, annotation), = converted(tmp_path)[name]
    assert annotation['bbox'] == [11, 4, 10, 2]
    assert image['nframes'] == 1


# --- extraction ---------------------------------------------------------


def to_videos(release):
    """Replace the frames of all clips by videos."""
    for folder in sorted((release / 'Rename_Images').glob('*/*')):
        write_video(release, f'{folder.parent.name}/{folder.name}')
        for path in folder.iterdir():
            path.unlink()
        # one folder stays, empty: it counts as not extracted
        if not folder.name.endswith('0'):
            folder.rmdir()


def test_extraction_leaves_a_release_untouched(release, tmp_path):
    to_videos(release)
    before = sorted(release.rglob('*'))
    frames = tmp_path / 'frames' / 'Rename_Images'
    report = jhmdb.convert(release, 1, tmp_path / 'out', frames)
    assert report['clips_extracted_now'] == 3
    assert sorted(release.rglob('*')) == before
    assert sorted(path.name for path in frames.iterdir()) == ['wave']
    for records in converted(tmp_path / 'out').values():
        for i, (image, _) in enumerate(records):
            pixels = cv2.imread(str(frames.parent / image['file_name']))
            assert abs(int(pixels.mean()) - 60 * i) <= 2


def test_extraction_resumes_after_a_bad_video(release, tmp_path):
    to_videos(release)
    bad = 'wave/clip_wave_1'
    write_video(release, bad, FRAMES - 1)
    with pytest.raises(converter_io.ConversionError) as caught:
        jhmdb.convert(release, 1, tmp_path)
    video = release / 'ReCompress_Videos' / f'{bad}.avi'
    for words in (str(video), '3 frames', 'has 4', 'download'):
        assert words in str(caught.value)
    frames = release / 'Rename_Images'
    assert not (frames / bad).exists()
    assert [path.name for path in frames.iterdir()] == ['wave']
    complete = [path for path in frames.glob('*/*') if os.listdir(path)]
    assert all(len(os.listdir(path)) == FRAMES for path in complete)

    write_video(release, bad)
    report = jhmdb.convert(release, 1, tmp_path)
    assert report['clips_extracted_now'] == 3 - len(complete)
    assert len(converted(tmp_path)) == 3


def test_unreadable_video_is_named(release, tmp_path):
    to_videos(release)
    video = release / 'ReCompress_Videos' / 'wave/clip_wave_2.avi'
    video.write_bytes(b'not a video')
    with pytest.raises(
            converter_io.ConversionError, match=f'{video}: not a readable'):
        jhmdb.convert(release, 1, tmp_path)


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
    nearest = coco_video.nearest_valid(np.array(valid))
    for i, j in enumerate(nearest):
        assert valid[j]
        closer = range(i - abs(i - j) + 1, i + abs(i - j))
        assert not any(valid[k] for k in closer if 0 <= k < len(valid))
        # the earlier of two at the same distance
        assert j <= i or i - (j - i) < 0 or not valid[i - (j - i)]
