# Copyright (c) temporal_corr authors. All rights reserved.
"""Keypoints picked by name, against tables written by hand and real files."""
import numpy as np
import pytest
from scipy.io import loadmat

from projects.temporal_corr.codecs.part_affinity_targets import MPI_LIMBS
from projects.temporal_corr.datasets import (MpiiPartsDataset,
                                             PennActionDataset,
                                             SubJhmdbDataset)

# Part of OpenPose's MPI model: index in sub-JHMDB's and Penn Action's files.
# Penn Action has no neck and no belly; they are appended as 13 and 14.
PARTS = {
    'head': (2, 0),
    'neck': (0, 13),
    'right_shoulder': (3, 1),
    'right_elbow': (7, 3),
    'right_wrist': (11, 5),
    'left_shoulder': (4, 2),
    'left_elbow': (8, 4),
    'left_wrist': (12, 6),
    'right_hip': (5, 7),
    'right_knee': (9, 9),
    'right_ankle': (13, 11),
    'left_hip': (6, 8),
    'left_knee': (10, 10),
    'left_ankle': (14, 12),
    'belly': (1, 14),
}
MPI_FLIP = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 14]
JHMDB_COLUMNS, PENN_COLUMNS = map(list, zip(*PARTS.values()))


def mpi(name):
    return dict(from_file=f'configs/_base_/datasets/{name}_mpi.py')


def metainfo_of(*names):
    """A metainfo of some keypoints and nothing else."""
    return dict(
        dataset_name='some',
        keypoint_info={
            i: dict(name=name, id=i, color=[0, 0, 0], type='upper', swap='')
            for i, name in enumerate(names)
        },
        skeleton_info={},
        joint_weights=[1.] * len(names),
        sigmas=[0.1] * len(names))


@pytest.fixture
def read_clip(make_videos, read):
    """Keypoints and visibility of a clip of the arrays of its raw file."""

    def read_clip(rows, size, dataset_type, **kwargs):

        def edit(data):
            for image, annotation, row in zip(data['images'],
                                              data['annotations'], rows):
                image.update(width=size[0], height=size[1])
                annotation['keypoints'] = (row * [1, 1, 2]).ravel().tolist()

        ann_file = make_videos(
            [len(rows)], num_keypoints=rows.shape[1], edit=edit)
        dataset = read(ann_file, dataset_type, check_files=False, **kwargs)
        return np.concatenate([
            np.dstack([item['keypoints'], item['keypoints_visible']])
            for item in map(dataset.get_data_info, range(len(rows)))
        ])

    return read_clip


def from_zero(rows):
    return rows - [1, 1, 0]


def test_real_jhmdb_joints_in_mpi_order(jhmdb_root, read_clip):
    path = sorted(jhmdb_root.glob('joint_positions/golf/*/*.mat'))[0]
    raw = loadmat(str(path))['pos_img'].transpose(2, 1, 0)  # n, 15, 2
    rows = np.dstack([raw, np.ones(raw.shape[:2])])
    found = read_clip(
        rows, (320, 240), SubJhmdbDataset, metainfo=mpi('sub_jhmdb'))
    np.testing.assert_allclose(
        found, from_zero(rows[:, JHMDB_COLUMNS]), rtol=1e-6)


def test_real_penn_joints_in_mpi_order(penn_root, read_clip):
    """The stored ones; the others are those appended to them."""
    label = loadmat(str(penn_root / 'labels/0001.mat'))
    rows = np.dstack([label[key] for key in ('x', 'y', 'visibility')])
    rows, size = rows.astype(np.float32), label['dimensions'].ravel()[1::-1]
    clip = rows, size.tolist(), PennActionDataset
    np.testing.assert_allclose(read_clip(*clip), from_zero(rows), rtol=1e-6)
    fifteen = PennActionDataset.append_interpolated(rows)
    np.testing.assert_allclose(
        read_clip(*clip, metainfo=mpi('penn_action')),
        from_zero(fifteen[:, PENN_COLUMNS]),
        rtol=1e-5)


def test_any_order_and_number(make_videos, read):
    ann_file = make_videos([1])
    expected = read(ann_file).get_data_info(0)
    metainfo = metainfo_of('left_wrist', 'head', 'belly')
    item = read(ann_file, metainfo=metainfo).get_data_info(0)
    for key in ('keypoints', 'keypoints_visible'):
        np.testing.assert_array_equal(item[key], expected[key][:, [12, 2, 1]])
        assert item[key].dtype == np.float32
    assert len(item['flip_indices']) == 3
    with pytest.raises(
            ValueError,
            match="no keypoint 'pelvis', .*'some' .*Available are head, "
            '.*left_ankle, neck, belly'):
        read(ann_file, PennActionDataset,
             metainfo=metainfo_of('head', 'pelvis'))


def test_neck_and_belly_by_hand():
    """An interpolated keypoint is visible only if all of its sources are."""
    # shoulders meet at (12, 12), hips at (11, 32)
    # neck: x = .5 * 10 + .25 * (8 + 16) = 11; y = .2 * 0 + .4 * (10 + 14)
    # belly: x = (8 + 16 + 9 + 13) / 4; y = 12 + .65 * (32 - 12)
    rows = np.full((1, 13, 3), 1000., dtype=np.float32)
    rows[0, [0, 1, 2, 7, 8], :2] = [[10, 0], [8, 10], [16, 14], [9, 30],
                                    [13, 34]]
    # hidden: nothing, head, shoulders, hips; an elbow matters to neither
    for hidden, *seen in ([[], 1, 1], [0, 0, 1], [1, 0, 0], [2, 0, 0],
                          [7, 1, 0], [8, 1, 0], [3, 1, 1]):
        rows[..., 2] = 1
        rows[0, hidden, 2] = 0
        appended = PennActionDataset.append_interpolated(rows)
        np.testing.assert_array_equal(appended[:, :13], rows)
        assert appended.dtype == np.float32
        np.testing.assert_allclose(
            appended[0, 13:],
            np.column_stack([[[11, 9.6], [11.5, 25]], seen]),
            rtol=1e-6)


def by_name(meta, key):
    return {name: meta[key][i] for name, i in meta['keypoint_name2id'].items()}


@pytest.mark.parametrize('dataset_type, name, evaluated', [
    (SubJhmdbDataset, 'sub_jhmdb', set(PARTS)),
    (PennActionDataset, 'penn_action', set(PARTS) - {'neck', 'belly'}),
    (MpiiPartsDataset, 'mpii', set(PARTS) - {'belly'}),
], ids=['sub-JHMDB', 'Penn', 'MPII'])
def test_mpi_metainfo(monkeypatch, tmp_path, dataset_type, name, evaluated):
    monkeypatch.chdir(tmp_path)  # the file is found from anywhere
    meta = dataset_type(lazy_init=True, metainfo=mpi(name)).metainfo
    assert meta['dataset_name'] == name
    assert list(meta['keypoint_name2id']) == list(PARTS)
    assert meta['flip_indices'] == MPI_FLIP
    assert tuple(map(tuple, meta['skeleton_links'])) == MPI_LIMBS
    assert set(meta.get('eval_keypoints', PARTS)) == evaluated
    if name != 'mpii':  # as the same joints of MMPose's JHMDB
        jhmdb = SubJhmdbDataset(lazy_init=True).metainfo
        for key in ('sigmas', 'dataset_keypoint_weights'):
            assert by_name(meta, key) == by_name(jhmdb, key)


@pytest.mark.parametrize('dataset_type', [SubJhmdbDataset, PennActionDataset])
def test_own_metainfo(dataset_type):
    meta = dataset_type(lazy_init=True).metainfo
    names = list(meta['keypoint_name2id'])
    grouped = sum(meta['pck_groups'].values(), [])
    assert sorted(grouped) == sorted(set(names) - {'neck', 'belly'})
    assert list(meta['pck_groups']) == [
        'Head', 'Sho', 'Elb', 'Wri', 'Hip', 'Knee', 'Ank'
    ]
    swap = dict(right='left', left='right')
    for name, partner in zip(names, meta['flip_indices']):
        side, _, part = name.partition('_')
        assert names[partner] == (f'{swap[side]}_{part}' if part else name)
