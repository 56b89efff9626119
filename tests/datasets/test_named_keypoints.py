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
# Penn Action has no neck and no belly.
PARTS = {
    'head': (2, 0),
    'neck': (0, None),
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
    'belly': (1, None),
}
MPI_FLIP = [0, 1, 5, 6, 7, 2, 3, 4, 11, 12, 13, 8, 9, 10, 14]


def from_file(name):
    return dict(from_file=f'configs/_base_/datasets/{name}.py')


def read(dataset_type, ann_file, **kwargs):
    return dataset_type(
        ann_file=str(ann_file),
        data_root=str(ann_file.parent),
        check_files=False,
        **kwargs)


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


def real_clip(make_videos, joints, visible, size):
    """Annotations of one clip, from the arrays of its raw file."""

    def edit(data):
        for t, annotation in enumerate(data['annotations']):
            data['images'][t].update(width=size[0], height=size[1])
            rows = np.column_stack([joints[t], 2 * visible[t]])
            annotation['keypoints'] = rows.ravel().tolist()

    return make_videos([len(joints)], num_keypoints=joints.shape[1], edit=edit)


def test_real_jhmdb_joints_in_mpi_order(jhmdb_root, make_videos):
    path = sorted(jhmdb_root.glob('joint_positions/golf/*/*.mat'))[0]
    raw = loadmat(str(path))['pos_img'].transpose(2, 1, 0)  # n, 15, 2
    ann_file = real_clip(make_videos, raw, np.ones(raw.shape[:2]), (320, 240))
    dataset = read(
        SubJhmdbDataset, ann_file, metainfo=from_file('sub_jhmdb_mpi'))
    assert list(dataset.metainfo['keypoint_name2id']) == list(PARTS)
    columns = [jhmdb for jhmdb, _ in PARTS.values()]
    for t in range(len(raw)):
        item = dataset.get_data_info(t)
        np.testing.assert_allclose(
            item['keypoints'][0], raw[t, columns] - 1, rtol=1e-6)
        assert item['keypoints_visible'].tolist() == [[1.] * 15]


def test_real_penn_joints_in_mpi_order(penn_root, make_videos):
    """The stored ones; the others are those appended to them."""
    label = loadmat(str(penn_root / 'labels/0001.mat'))
    raw = np.stack([label['x'], label['y']], axis=-1).astype(float)
    visible = label['visibility'].astype(float)
    height, width = label['dimensions'].ravel()[:2].tolist()
    ann_file = real_clip(make_videos, raw, visible, (width, height))
    thirteen = read(PennActionDataset, ann_file)
    fifteen = read(PennActionDataset, ann_file, num_keypoints=15)
    mpi = read(
        PennActionDataset, ann_file, metainfo=from_file('penn_action_mpi'))
    assert list(mpi.metainfo['keypoint_name2id']) == list(PARTS)
    assert (thirteen.num_keypoints, fifteen.num_keypoints,
            mpi.num_keypoints) == (13, 15, 15)
    added = dict(neck=13, belly=14)
    columns = [
        added[name] if penn is None else penn
        for name, (_, penn) in PARTS.items()
    ]
    for t in range(len(raw)):
        stored, item, appended = (
            dataset.get_data_info(t) for dataset in (thirteen, mpi, fifteen))
        np.testing.assert_allclose(
            stored['keypoints'][0], raw[t] - 1, rtol=1e-6)
        np.testing.assert_array_equal(stored['keypoints_visible'][0],
                                      visible[t])
        for key in ('keypoints', 'keypoints_visible'):
            np.testing.assert_array_equal(appended[key][:, :13], stored[key])
            np.testing.assert_array_equal(item[key], appended[key][:, columns])


@pytest.mark.parametrize('dataset_type, stored, names, columns', [
    (SubJhmdbDataset, 15, ('left_wrist', 'head', 'belly'), (12, 2, 1)),
    (PennActionDataset, 13, ('left_wrist', 'head'), (6, 0)),
], ids=['sub-JHMDB', 'Penn'])
def test_any_order_and_number(make_videos, dataset_type, stored, names,
                              columns):
    ann_file = make_videos([3], num_keypoints=stored)
    everything = read(dataset_type, ann_file)
    dataset = read(
        dataset_type, ann_file, clip_len=2, metainfo=metainfo_of(*names))
    for t in range(3):
        item = dataset.get_data_info(t)
        expected = everything.get_data_info(t)
        for key in ('keypoints', 'keypoints_visible'):
            np.testing.assert_array_equal(item[key],
                                          expected[key][:, list(columns)])
            assert item[key].dtype == np.float32
        assert len(item['flip_indices']) == len(names)


def test_a_single_interpolated_joint(make_videos):
    ann_file = make_videos([2], num_keypoints=13)
    belly = read(PennActionDataset, ann_file, metainfo=metainfo_of('belly'))
    both = read(PennActionDataset, ann_file, num_keypoints=15)
    np.testing.assert_array_equal(
        belly.get_data_info(1)['keypoints'][0, 0],
        both.get_data_info(1)['keypoints'][0, 14])


@pytest.mark.parametrize('dataset_type, name, available', [
    (SubJhmdbDataset, 'nose', 'neck, belly, head, right_shoulder'),
    (PennActionDataset, 'pelvis', 'head, .*left_ankle, neck, belly'),
], ids=['sub-JHMDB', 'Penn'])
def test_unavailable_names_are_told(make_videos, dataset_type, name,
                                    available):
    ann_file = make_videos([2])
    with pytest.raises(
            ValueError,
            match=f"no keypoint '{name}', .*'some' .*Available are "
            f'{available}'):
        read(dataset_type, ann_file, metainfo=metainfo_of('head', name))


@pytest.mark.parametrize('dataset_type, name, evaluated', [
    (SubJhmdbDataset, 'sub_jhmdb', set(PARTS)),
    (PennActionDataset, 'penn_action', set(PARTS) - {'neck', 'belly'}),
    (MpiiPartsDataset, 'mpii', set(PARTS) - {'belly'}),
], ids=['sub-JHMDB', 'Penn', 'MPII'])
def test_mpi_metainfo(monkeypatch, tmp_path, dataset_type, name, evaluated):
    monkeypatch.chdir(tmp_path)  # the file is found from anywhere
    meta = dataset_type(
        lazy_init=True, metainfo=from_file(f'{name}_mpi')).metainfo
    assert meta['dataset_name'] == name
    assert list(meta['keypoint_name2id']) == list(PARTS)
    assert meta['flip_indices'] == MPI_FLIP
    assert tuple(map(tuple, meta['skeleton_links'])) == MPI_LIMBS
    assert set(meta.get('eval_keypoints', PARTS)) == evaluated
    assert len(meta['pck_groups']) == 7


@pytest.mark.parametrize('name', ['penn_action_15', 'penn_action_mpi'])
def test_weights_and_sigmas_follow_the_names(name):
    """Those of the same joints of MMPose's JHMDB, in any order."""

    def by_name(meta, key):
        return {
            part: meta[key][i]
            for part, i in meta['keypoint_name2id'].items()
        }

    meta = PennActionDataset(
        lazy_init=True, metainfo=from_file(name)).metainfo
    jhmdb = SubJhmdbDataset(lazy_init=True).metainfo
    for key in ('sigmas', 'dataset_keypoint_weights'):
        assert by_name(meta, key) == by_name(jhmdb, key)
