# Copyright (c) temporal_corr authors. All rights reserved.
import numpy as np
import pytest

from projects.temporal_corr.datasets import PennActionDataset


def pose():
    """Head (10, 0), shoulders (8, 10) and (16, 14), hips (9, 30) and
    (13, 34), everything else far away."""
    joints = np.full((1, 13, 2), 1000., dtype=np.float32)
    joints[0, [0, 1, 2, 7, 8]] = [[10, 0], [8, 10], [16, 14], [9, 30],
                                  [13, 34]]
    return joints


def append(visible):
    keypoints = np.dstack([pose(), visible]).astype(np.float32)
    appended = PennActionDataset.append_interpolated(keypoints)
    assert appended.shape == (1, 15, 3) and appended.dtype == np.float32
    np.testing.assert_array_equal(appended[:, :13], keypoints)
    return appended[0, 13:]


def test_neck_and_belly_by_hand():
    # shoulders meet at (12, 12), hips at (11, 32)
    # neck: x = .5 * 10 + .25 * (8 + 16) = 11; y = .2 * 0 + .4 * (10 + 14)
    # belly: x = (8 + 16 + 9 + 13) / 4; y = 12 + .65 * (32 - 12)
    np.testing.assert_allclose(
        append(np.ones((1, 13))), [[11, 9.6, 1], [11.5, 25, 1]], rtol=1e-6)


@pytest.mark.parametrize('hidden, neck, belly', [
    (0, 0, 1), (1, 0, 0), (2, 0, 0), (7, 1, 0), (8, 1, 0), (3, 1, 1)
], ids=[
    'head', 'right shoulder', 'left shoulder', 'right hip', 'left hip',
    'an elbow matters to neither'
])
def test_interpolated_joints_are_seen_with_their_sources(hidden, neck, belly):
    visible = np.ones((1, 13))
    visible[0, hidden] = 0
    assert append(visible)[:, 2].tolist() == [neck, belly]


def test_coordinates_count_from_zero_and_unseen_joints_stay(make_videos):

    def edit(data):
        keypoints = data['annotations'][0]['keypoints']
        keypoints[:6] = [5., 7., 0., 3., 4., 2.]

    ann_file = make_videos([2], num_keypoints=13, edit=edit)
    dataset = PennActionDataset(
        ann_file=str(ann_file), data_root=str(ann_file.parent))
    item = dataset.get_data_info(0)
    assert item['keypoints'][0, :2].tolist() == [[4., 6.], [2., 3.]]
    assert item['keypoints_visible'][0, :2].tolist() == [0., 1.]


def test_num_keypoints_and_metainfo_must_agree():
    with pytest.raises(ValueError, match='13 keypoints, or 15'):
        PennActionDataset(lazy_init=True, num_keypoints=14)
    with pytest.raises(ValueError, match='make the two agree'):
        PennActionDataset(
            lazy_init=True,
            num_keypoints=15,
            metainfo=PennActionDataset.METAINFO)
