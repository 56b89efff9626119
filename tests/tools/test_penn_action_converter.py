# Copyright (c) temporal_corr authors. All rights reserved.
"""Penn Action converter, checked against the raw label files."""
import json
import sys
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
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
FRAMES = 5


def raw(path):
    """A label file as float64, boxes completed by their last row."""
    content = loadmat(str(path))
    label = {
        key: content[key].astype(float)
        for key in ('x', 'y', 'visibility', 'bbox', 'dimensions')
    }
    label['test'] = int(content['train'][0, 0]) == -1
    short = len(label['x']) - len(label['bbox'])
    label['bbox'] = np.concatenate(
        [label['bbox'], label['bbox'][[-1] * short]])
    return label


def converted(out):
    """All images and annotations of both subsets by clip name."""
    clips = {}
    for subset in ('train', 'test'):
        data = json.loads((out / f'penn_action_{subset}.json').read_text())
        for image, annotation in zip(data['images'], data['annotations']):
            assert annotation['image_id'] == image['id']
            folder, name, _ = image['file_name'].split('/')
            assert folder == 'frames'
            clips.setdefault((subset, name), []).append((image, annotation))
    return clips


@pytest.fixture(scope='module')
def real_subset(penn_root, tmp_path_factory):
    """The clips with short tables or degenerate boxes, and three more."""
    base = tmp_path_factory.mktemp('penn')
    (base / 'labels').mkdir()
    # 0001 and 0002 hold doubles; 1876 is one of the integer files
    names = sorted({*SHORT, *DEGENERATE, '0001', '0002', '1876'})
    for name in names:
        (base / 'labels' / f'{name}.mat').symlink_to(penn_root / 'labels' /
                                                     f'{name}.mat')
    report = penn_action.convert(base, base / 'out')
    return base, names, report


@pytest.fixture
def release(tmp_path):
    """Two clips in the raw layout, without frames."""
    for name, train in (('0001', 1), ('0002', -1)):
        write_label(tmp_path / 'penn', name, train=train)
    return tmp_path / 'penn'


def write_label(root, name, remove=None, **changes):
    rng = np.random.default_rng(int(name))
    values = dict(
        x=rng.uniform(20, 60, (FRAMES, 13)),
        y=rng.uniform(20, 40, (FRAMES, 13)),
        visibility=np.ones((FRAMES, 13), np.uint8),
        train=np.int32(1),
        bbox=np.tile([15., 15., 65., 45.], (FRAMES, 1)),
        dimensions=np.array([[48, 80, FRAMES]], np.uint16),
        nframes=np.uint8(FRAMES),
        action='squat',
        pose='front')
    values.update(changes)
    values.pop(remove, None)
    path = root / 'labels' / f'{name}.mat'
    path.parent.mkdir(parents=True, exist_ok=True)
    savemat(str(path), values, do_compression=True)
    return path


def write_frames(root, name, size, numbers):
    folder = root / 'frames' / name
    folder.mkdir(parents=True)
    for number in numbers:
        Image.new('RGB', size).save(folder / f'{number:06d}.jpg')
    return folder


# --- real labels --------------------------------------------------------


def test_all_real_labels_are_read(penn_root):
    clips, frames = dict(train=0, test=0), dict(train=0, test=0)
    short, degenerate = {}, {}
    for path in (penn_root / 'labels').glob('*.mat'):
        item = penn_action.read_label(path)
        clips[item.subset] += 1
        frames[item.subset] += len(item.clip.keypoints)
        if item.missing_boxes:
            short[path.stem] = item.subset
        if item.clip.released_boxes:
            degenerate[path.stem] = len(item.clip.released_boxes)
    # as published with the data set
    assert clips == dict(train=1258, test=1068)
    assert frames == dict(train=87543, test=76298)
    assert short == SHORT
    assert degenerate == DEGENERATE


def test_real_clips_are_as_labelled(real_subset):
    """Boxes as released, or those of the nearest frame that has one."""
    root, names, _ = real_subset
    clips = converted(root / 'out')
    assert sorted(name for _, name in clips) == names
    for (subset, name), records in clips.items():
        label = raw(root / 'labels' / f'{name}.mat')
        vid_id = names.index(name) + 1
        assert subset == ('test' if label['test'] else 'train')
        assert len(records) == len(label['x'])
        height, width, _ = label['dimensions'][0]
        x1, y1, x2, y2 = label['bbox'].T
        released = np.stack([x1, y1, x2 - x1, y2 - y1], 1)
        valid = np.flatnonzero((released[:, 2:] > 0).all(1))
        for i, (image, annotation) in enumerate(records):
            assert image == dict(
                id=vid_id * 10000 + i + 1,
                file_name=f'frames/{name}/{i + 1:06d}.jpg',
                width=width,
                height=height,
                vid_id=vid_id,
                frame_id=i + 1,
                nframes=len(records),
                is_labeled=True)
            keypoints = np.reshape(annotation['keypoints'], (13, 3))
            visible = label['visibility'][i] > 0
            np.testing.assert_allclose(
                keypoints[:, :2],
                np.stack([label['x'][i], label['y'][i]], 1),
                atol=5.1e-5)
            np.testing.assert_array_equal(keypoints[:, 2], 2 * visible)
            assert annotation['num_keypoints'] == visible.sum()
            source = min(valid, key=lambda j: (abs(j - i), j))
            np.testing.assert_allclose(
                annotation['bbox'], released[source], atol=5.1e-5)
            assert ('bbox_released' in annotation) == (i != source)
            if i != source:
                np.testing.assert_allclose(
                    annotation['bbox_released'], released[i], atol=5.1e-5)


def test_report_names_the_special_clips(real_subset):
    root, names, report = real_subset
    assert report == json.loads(
        (root / 'out' / 'penn_action_report.json').read_text())
    assert report['short_bbox_tables_last_row_repeated'] == {
        name: dict(subset=subset, missing_rows=1)
        for name, subset in SHORT.items()
    }
    degenerate = report['degenerate_boxes_filled_from_the_nearest']
    assert {n: d['frames'] for n, d in degenerate.items()} == DEGENERATE
    test = [d for d in degenerate.values() if d['subset'] == 'test']
    assert sum(d['frames'] for d in test) == 173
    assert sum(d['visible_joints'] for d in test) == 101
    assert report['clips_without_frames'] == f'all {len(names)}'


def test_first_of_each_pair_is_the_right_side(penn_root):
    # seen from the front, the right side of a person is on the image's left
    gaps = []
    for path in sorted((penn_root / 'labels').glob('*.mat'))[::4]:
        label = loadmat(str(path))
        if label['action'][0] not in ('squat', 'jumping_jacks') or (
                label['pose'][0] != 'front'):
            continue
        x = penn_action.read_label(path).clip.keypoints[..., 0].mean(0)
        ids = penn_action.KEYPOINTS.index
        gaps += [x[ids('left_hip')] - x[ids('right_hip')],
                 x[ids('left_shoulder')] - x[ids('right_shoulder')]]
    assert len(gaps) > 20 and np.mean(np.array(gaps) > 0) > 0.95


def test_names_are_those_of_the_config(repo_root):
    config = Config.fromfile(
        str(repo_root / 'configs/_base_/datasets/penn_action.py'))
    info = config.dataset_info['keypoint_info']
    names = {int(i): keypoint['name'] for i, keypoint in info.items()}
    assert [names[i] for i in range(13)] == list(penn_action.KEYPOINTS)


# --- types, frames ------------------------------------------------------


@pytest.mark.parametrize('dtype', ['uint8', 'uint16', 'int16', 'float64'])
def test_types_do_not_matter(tmp_path, dtype):
    # x2 - x1 of the first box is negative, which wraps in unsigned types
    box = np.array([[50, 20, 40, 60]] + [[10, 20, 40, 60]] * 4, dtype)
    path = write_label(
        tmp_path, '0001', bbox=box, x=np.full((FRAMES, 13), 200, dtype))
    clip = penn_action.read_label(path).clip
    assert clip.released_boxes[0].tolist() == [50, 20, -10, 40]
    assert clip.boxes.tolist() == [[10, 20, 30, 40]] * FRAMES
    assert (clip.keypoints[..., 0] == 200).all()


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
    clips = converted(tmp_path / 'out')
    assert {(i['width'], i['height'])
            for i, _ in clips['train', '0001']} == {(90, 50)}
    assert {(i['width'], i['height'])
            for i, _ in clips['test', '0002']} == {(80, 48)}


def test_counts_of_joints(tmp_path):
    x = np.full((FRAMES, 13), 30.)
    x[0, :3] = [0.5, 80.5, 70]  # left and right of the image; off the box
    visibility = np.ones((FRAMES, 13), np.uint8)
    visibility[1, :4] = 0
    x[1, 0] = 500  # invisible: not counted
    item = penn_action.read_label(
        write_label(tmp_path, '0001', x=x, visibility=visibility))
    assert item.invisible == 4
    assert item.outside_image == 2
    assert item.outside_box == 3


# --- one clip at fault --------------------------------------------------

FAULTS = {
    'no such variable': (dict(remove='bbox'), ["'bbox'", 'download']),
    'wrong number of joints': (dict(y=np.ones((FRAMES, 12))),
                               ["'y'", '5 x 12', '5 x 13']),
    'frames of x and nframes differ': (dict(nframes=np.uint8(4)),
                                       ["'x'", '5 x 13', '4 x 13']),
    'too many boxes': (dict(bbox=np.ones((FRAMES + 1, 4))),
                       ["'bbox'", '6 rows for 5 frames']),
    'no boxes': (dict(bbox=np.ones((0, 4))), ["'bbox'", 'empty']),
    'no valid box': (dict(bbox=np.zeros((FRAMES, 4))),
                     ["'bbox'", 'positive width']),
    'neither train nor test': (dict(train=np.int32(0)), ["'train'", '-1']),
    'visibility of other kinds': (dict(visibility=np.full((FRAMES, 13), -1.)),
                                  ["'visibility'", '-1', '0 or 1']),
    'visibility as a score': (dict(visibility=np.full((FRAMES, 13), .5)),
                              ["'visibility'", '0.5']),
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


def test_missing_frame_is_named(release, tmp_path):
    folder = write_frames(release, '0002', (80, 48), [1, 2, 4, 5])
    with pytest.raises(ValueError) as caught:
        penn_action.convert(release, tmp_path / 'out')
    for words in (str(folder), '000003.jpg', 'unpack'):
        assert words in str(caught.value)


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


def test_files_of_others_are_not_replaced(release, tmp_path):
    out = tmp_path / 'out'
    out.mkdir()
    (out / 'penn_action_test.json').write_text('{"mine": 1}')
    with pytest.raises(ValueError, match='penn_action_test.json'):
        penn_action.convert(release, out)
    assert [path.name for path in out.iterdir()] == ['penn_action_test.json']


def test_no_labels_and_no_place(release, tmp_path):
    with pytest.raises(ValueError, match='Penn_Action.tar.gz'):
        penn_action.convert(tmp_path, tmp_path / 'out')
    (tmp_path / 'file').write_text('')
    with pytest.raises(ValueError, match='choose another'):
        penn_action.convert(release, tmp_path / 'file' / 'out')


# --- pure parts ---------------------------------------------------------


def test_files_appear_together_or_not_at_all(tmp_path):
    first, second = tmp_path / 'a.json', tmp_path / 'b.json'
    first.write_text('old')

    def fails():
        yield 'half'
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        coco_video.write_together({first: ['new'], second: fails()})
    assert first.read_text() == 'old'
    assert [path.name for path in tmp_path.iterdir()] == ['a.json']
    coco_video.write_together({first: ['n', 'ew'], second: ['b']})
    assert (first.read_text(), second.read_text()) == ('new', 'b')


@given(
    st.lists(
        st.tuples(*[st.floats(-1e4, 1e4)] * 2, *[st.floats(1, 1e4)] * 2,
                  st.sampled_from([0, 2])), min_size=1, max_size=4),
    st.integers(1, 9999))
def test_json_holds_what_the_clip_holds(rows, vid_id):
    rows = np.array(rows)
    boxes = rows[:, :4]
    keypoints = np.stack([rows[:, [0, 1, 4]], rows[:, [2, 3, 4]]], axis=1)
    clip = coco_video.VideoClip('a/{:05d}.png', 9, 8, keypoints, boxes)
    text = ''.join(
        coco_video.coco_json({vid_id: clip}, 'text "quoted"', ['p', 'q'],
                             [('p', 'q')]))
    data = json.loads(text)
    assert data['categories'][0]['skeleton'] == [[1, 2]]
    assert [image['frame_id'] for image in data['images']] == list(
        range(1, len(rows) + 1))
    np.testing.assert_allclose(
        [a['keypoints'] for a in data['annotations']],
        keypoints.reshape(len(rows), -1), atol=5.1e-5)
    np.testing.assert_allclose(
        [a['bbox'] for a in data['annotations']], boxes, atol=5.1e-5)
