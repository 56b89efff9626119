# Copyright (c) temporal_corr authors. All rights reserved.
"""Penn Action converter, checked against the raw label files."""
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from converted_clips import expected_images, read_clips
from mmengine.config import Config
from PIL import Image
from scipy.io import loadmat, savemat

CONVERTERS = Path(__file__).resolve().parents[2] / 'tools/dataset_converters'
sys.path.insert(0, str(CONVERTERS))

import coco_video  # noqa: E402
import penn_action  # noqa: E402

SHORT = {'1154': 'test', '1865': 'train'}
# frames with a degenerate box, counted with NumPy on the label files
DEGENERATE = {
    '0038': 7, '0374': 5, '0525': 1, '0541': 1, '0600': 4, '0623': 153,
    '0645': 2, '0700': 1, '1825': 10, '2173': 1
}
FRAMES, PATTERN = 5, 'penn_action_{}.json'


def write_label(root, name, remove=None, **changes):
    rng = np.random.default_rng(int(name))
    values = dict(
        x=rng.uniform(20, 60, (FRAMES, 13)),
        y=rng.uniform(20, 40, (FRAMES, 13)),
        visibility=np.ones((FRAMES, 13), np.uint8),
        train=np.int32(1),
        bbox=np.tile([15., 15., 65., 45.], (FRAMES, 1)),
        dimensions=np.array([[48, 80, FRAMES]], np.uint16),
        nframes=np.uint8(FRAMES))
    values.update(changes)
    values.pop(remove, None)
    path = root / 'labels' / f'{name}.mat'
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(str(path), values, do_compression=True)
    return path


@pytest.fixture
def release(tmp_path):
    """Two clips in the raw layout, without frames."""
    for name, train in (('0001', 1), ('0002', -1)):
        write_label(tmp_path / 'penn', name, train=train)
    return tmp_path / 'penn'


def write_frames(root, name, size, numbers):
    folder = root / 'frames' / name
    folder.mkdir(parents=True)
    for number in numbers:
        Image.new('RGB', size).save(folder / f'{number:06d}.jpg')
    return folder


# --- real labels --------------------------------------------------------


def test_all_real_labels_are_read(penn_root):
    clips, frames = dict(train=0, test=0), dict(train=0, test=0)
    short, degenerate, gaps = {}, {}, []
    for path in (penn_root / 'labels').glob('*.mat'):
        item = penn_action.read_label(path)
        clips[item.subset] += 1
        frames[item.subset] += len(item.clip.keypoints)
        if item.missing_boxes:
            short[path.stem] = item.subset
        if item.clip.released_boxes:
            degenerate[path.stem] = len(item.clip.released_boxes)
        label = loadmat(str(path), variable_names=['action', 'pose'])
        if label['action'][0] in ('squat', 'jumping_jacks') and (
                label['pose'][0] == 'front'):
            x = item.clip.keypoints[..., 0].mean(0)
            ids = penn_action.KEYPOINTS.index
            gaps += [x[ids('left_hip')] - x[ids('right_hip')],
                     x[ids('left_shoulder')] - x[ids('right_shoulder')]]
    # as published with the data set
    assert clips == dict(train=1258, test=1068)
    assert frames == dict(train=87543, test=76298)
    assert short == SHORT
    assert degenerate == DEGENERATE
    # seen from the front, the right side of a person is on the image's left
    assert len(gaps) > 80 and np.mean(np.array(gaps) > 0) > 0.95


def test_real_clips_are_as_labelled(penn_root, tmp_path):
    """Boxes as released, or those of the nearest frame that has one; the
    report names the special clips."""
    # 0001 and 0002 hold doubles; 1876 is one of the integer files
    names = sorted({*SHORT, *DEGENERATE, '0001', '0002', '1876'})
    (tmp_path / 'labels').mkdir()
    for name in names:
        (tmp_path / f'labels/{name}.mat').symlink_to(penn_root /
                                                     f'labels/{name}.mat')
    report = penn_action.convert(tmp_path, tmp_path / 'out')
    clips = read_clips(tmp_path / 'out', PATTERN)
    assert len(clips) == len(names)
    for vid_id, name in enumerate(names, 1):
        label = loadmat(str(penn_root / f'labels/{name}.mat'))
        subset = 'train' if label['train'][0, 0] == 1 else 'test'
        images, annotations = clips[subset, f'frames/{name}']
        height, width, _ = label['dimensions'][0].tolist()
        count = len(label['x'])
        assert images == expected_images(
            vid_id, f'frames/{name}/{{:06d}}.jpg', count, width, height)
        visible = label['visibility'] > 0
        np.testing.assert_allclose(
            [np.reshape(a['keypoints'], (13, 3)) for a in annotations],
            np.stack([label['x'], label['y'], 2 * visible], axis=-1),
            atol=5.1e-5)
        assert [a['num_keypoints']
                for a in annotations] == visible.sum(axis=1).tolist()
        x1, y1, x2, y2 = label['bbox'].T.astype(float)
        released = np.stack([x1, y1, x2 - x1, y2 - y1], 1)
        released = released[np.arange(count).clip(max=len(released) - 1)]
        valid = np.flatnonzero((released[:, 2:] > 0).all(1))
        for i, annotation in enumerate(annotations):
            source = min(valid, key=lambda j: (abs(j - i), j))
            np.testing.assert_allclose(
                annotation['bbox'], released[source], atol=5.1e-5)
            kept = annotation.get('bbox_released', released[source])
            np.testing.assert_allclose(kept, released[i], atol=5.1e-5)
    assert report == json.loads(
        (tmp_path / 'out' / 'penn_action_report.json').read_text())
    assert report['short_bbox_tables_last_row_repeated'] == {
        name: dict(subset=subset, missing_rows=1)
        for name, subset in SHORT.items()
    }
    degenerate = report['degenerate_boxes_filled_from_the_nearest']
    assert {n: d['frames'] for n, d in degenerate.items()} == DEGENERATE
    assert sum(d['visible_joints'] for d in degenerate.values()
               if d['subset'] == 'test') == 101
    assert report['clips_without_frames'] == f'all {len(names)}'


def test_names_are_those_of_the_config(repo_root):
    config = Config.fromfile(
        str(repo_root / 'configs/_base_/datasets/penn_action.py'))
    info = config.dataset_info['keypoint_info']
    names = {int(i): keypoint['name'] for i, keypoint in info.items()}
    assert [names[i] for i in range(13)] == list(penn_action.KEYPOINTS)


# --- made-up labels -----------------------------------------------------


@pytest.mark.parametrize('dtype', ['uint8', 'int16', 'float64'])
def test_types_do_not_matter(tmp_path, dtype):
    # x2 - x1 of the first box is negative, which wraps in unsigned types
    box = np.array([[50, 20, 40, 60]] + [[10, 20, 40, 60]] * 4, dtype)
    path = write_label(
        tmp_path, '0001', bbox=box, x=np.full((FRAMES, 13), 200, dtype))
    clip = penn_action.read_label(path).clip
    assert clip.released_boxes[0].tolist() == [50, 20, -10, 40]
    assert clip.boxes.tolist() == [[10, 20, 30, 40]] * FRAMES
    assert (clip.keypoints[..., 0] == 200).all()


def test_counts_of_joints(tmp_path):
    x = np.full((FRAMES, 13), 30.)
    x[0, :3] = [0.5, 80.5, 70]  # left and right of the image; off the box
    visibility = np.ones((FRAMES, 13), np.uint8)
    visibility[1, :4] = 0
    x[1, 0] = 500  # invisible: not counted
    item = penn_action.read_label(
        write_label(tmp_path, '0001', x=x, visibility=visibility))
    assert (item.invisible, item.outside_image, item.outside_box) == (4, 2, 3)


def test_size_of_the_jpegs_wins(release, tmp_path):
    """As they are loaded, and not as their header says."""
    # a frame that has no label is harmless
    write_frames(release, '0001', (90, 50), range(1, FRAMES + 2))
    folder = write_frames(release, '0002', (48, 80), range(1, FRAMES + 1))
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new('RGB', (48, 80)).save(folder / '000001.jpg', exif=exif)
    write_label(release, '0003')
    report = penn_action.convert(release, tmp_path / 'out')
    assert report['clips_whose_labelled_size_is_not_the_JPEGs'] == {
        '0001': 'labelled 80x48, JPEG 90x50'
    }
    assert report['clips_without_frames'] == ['0003']
    sizes = {
        folder: (images[0]['width'], images[-1]['height'])
        for (_, folder), (images, _) in read_clips(tmp_path / 'out',
                                                   PATTERN).items()
    }
    assert sizes == {'frames/0001': (90, 50), 'frames/0002': (80, 48),
                     'frames/0003': (80, 48)}  # yapf: disable
    (folder / '000003.jpg').unlink()
    with pytest.raises(ValueError, match=f'{folder}: 000003.jpg .*unpack'):
        penn_action.convert(release, tmp_path / 'out')


FAULTS = {
    'no such variable': (dict(remove='bbox'), ["'bbox'", 'download']),
    'frames of x and nframes differ': (dict(nframes=np.uint8(4)),
                                       ["'x'", '5 x 13', '4 x 13']),
    'no frames': (dict(nframes=np.uint8(0)), ["'x'", '0 x 13']),
    'too many boxes': (dict(bbox=np.ones((FRAMES + 1, 4))),
                       ["'bbox'", '6 rows for 5 frames']),
    'no valid box': (dict(bbox=np.zeros((FRAMES, 4))),
                     ["'bbox'", 'positive width']),
    'neither train nor test': (dict(train=np.int32(0)), ["'train'", '-1']),
    'visibility as a score': (dict(visibility=np.full((FRAMES, 13), .5)),
                              ["'visibility'", '0.5', '0 or 1']),
}


@pytest.mark.parametrize('case', FAULTS)
def test_fault_is_named_and_nothing_written(release, tmp_path, case):
    changes, expected = FAULTS[case]
    path = write_label(release, '0002', **changes)
    with pytest.raises(ValueError) as caught:
        penn_action.convert(release, tmp_path / 'out')
    for words in [str(path), *expected]:
        assert words in str(caught.value)
    assert list((tmp_path / 'out').iterdir()) == []


def test_hidden_files_and_upper_case(release, tmp_path):
    """macOS and Windows; and labels that are missing are told."""
    penn_action.convert(release, tmp_path / 'before')
    labels = release / 'labels'
    for path in list(labels.iterdir()):
        path.with_name(f'._{path.name}').write_bytes(b'Mac OS X')
        path.rename(path.with_suffix('.MAT'))
    (labels / 'Thumbs.db').write_bytes(b'Windows')
    report = penn_action.convert(release, tmp_path / 'after')
    for path in (tmp_path / 'before').iterdir():
        assert path.read_text() == (tmp_path / 'after' /
                                    path.name).read_text()
    assert report['labels_missing_in_between'] == []
    write_label(release, '0005')
    report = penn_action.convert(release, tmp_path / 'more')
    assert report['labels_missing_in_between'] == [3, 4]


def test_no_labels_and_no_place(release, tmp_path):
    with pytest.raises(ValueError, match='Penn_Action.tar.gz'):
        penn_action.convert(tmp_path, tmp_path / 'out')
    (tmp_path / 'file').write_text('')
    with pytest.raises(ValueError, match='choose another'):
        penn_action.convert(release, tmp_path / 'file' / 'out')


def test_files_appear_together_or_not_at_all(tmp_path):
    first, second = tmp_path / 'a.json', tmp_path / 'b.json'
    first.write_text('old')
    broken = (1 / 0 for _ in range(1))
    with pytest.raises(ZeroDivisionError):
        coco_video.write_together({first: ['new'], second: broken})
    assert first.read_text() == 'old'
    assert [path.name for path in tmp_path.iterdir()] == ['a.json']
    coco_video.write_together({first: ['n', 'ew'], second: ['b']})
    assert (first.read_text(), second.read_text()) == ('new', 'b')
