# Copyright (c) temporal_corr authors. All rights reserved.
"""MPII as 15 parts, from a file in the layout of MMPose's mpii_train.json."""
import json

import cv2
import numpy as np
import pytest
import torch
from mmpose.datasets.datasets import MpiiDataset

from projects.temporal_corr.codecs import PartAffinityField  # noqa: F401
from projects.temporal_corr.datasets import MpiiPartsDataset

# MPII's joint of each part but the last, the belly
MPII_JOINTS = [9, 8, 12, 11, 10, 13, 14, 15, 2, 1, 0, 3, 4, 5]


def person(image, center, first, hidden=()):
    """Joint j is at (first + j, 2 first + j), 1-based."""
    joints = [[float(first + j), float(2 * first + j)] for j in range(16)]
    visible = [1] * 16
    for j in hidden:
        joints[j], visible[j] = [-1.0, -1.0], 0
    return dict(image=image, center=center, scale=0.3, joints=joints,
                joints_vis=visible)  # yapf: disable


PEOPLE = [
    person('000000001.jpg', [20., 30.], 10),
    person('000000002.jpg', [40., 40.], 15),
    # no head, and no belly without the pelvis
    person('000000001.jpg', [50., 35.], 20, hidden=[6, 9]),
    # no joint at all: MMPose leaves such people out
    person('000000001.jpg', [50., 35.], 20, hidden=range(16)),
]


@pytest.fixture
def mpii(tmp_path):
    """Writes an annotation file: ``mpii(people)`` gives a data set."""
    (tmp_path / 'images').mkdir()
    noise = np.random.default_rng(0).integers(
        0, 255, (60, 80, 3), dtype=np.uint8)
    cv2.imwrite(str(tmp_path / 'images/000000001.jpg'), noise)

    def make(people=PEOPLE, **kwargs):
        (tmp_path / 'mpii_train.json').write_text(json.dumps(people))
        return MpiiPartsDataset(
            data_root=str(tmp_path),
            data_prefix=dict(img='images'),
            ann_file='mpii_train.json',
            **kwargs)

    return make


def test_joints_are_named_as_in_mmpose():
    theirs = list(MpiiDataset(lazy_init=True).metainfo['keypoint_name2id'])
    theirs[8:10] = ['neck', 'head']  # upper_neck, head_top
    assert MpiiPartsDataset.stored_keypoints() == theirs
    parts = MpiiPartsDataset(lazy_init=True).metainfo['keypoint_name2id']
    assert [*(theirs[j] for j in MPII_JOINTS), 'belly'] == list(parts)


def test_items_by_hand(mpii):
    """All people of an image, the own one first."""
    first, alone, third = map(mpii().get_data_info, range(3))
    assert alone['keypoints'].shape == (1, 15, 2)
    assert first['keypoints'].shape == (2, 15, 2)
    for key in ('keypoints', 'keypoints_visible'):
        assert first[key].dtype == np.float32
        np.testing.assert_array_equal(first[key], third[key][::-1])
    # counted from 0; belly: between joint 6 at (16, 26) and 7 at (17, 27)
    expected = [[10 + j - 1, 20 + j - 1] for j in MPII_JOINTS]
    assert first['keypoints'][0].tolist() == [*expected, [15.5, 25.5]]
    assert first['keypoints_visible'].tolist() == [[1] * 15, [0, *[1] * 13, 0]]
    # scale 0.3 is 60 pixels; the center (20, 30) moves down by 15 / 200 of
    # them, and counts from 1
    np.testing.assert_allclose(first['bbox_center'], [[19, 33.5]])
    np.testing.assert_allclose(
        first['bbox'], [[-11, 3.5, 49, 63.5]], rtol=1e-5)
    assert len(mpii()) == 3


def test_targets_are_of_all_people(mpii):
    codec = dict(
        type='PartAffinityField', input_size=(64, 64), heatmap_size=(8, 8))
    pipeline = [
        dict(type='LoadVideoFrame'),
        dict(type='GetBBoxCenterFixedScale', input_size=(64, 64)),
        dict(type='RandomFlip', prob=1.0),
        dict(type='CropAffine', input_size=(64, 64), pad_value=128),
        dict(type='GenerateCenterMap', heatmap_size=(8, 8)),
        dict(type='GenerateTarget', encoder=codec),
        dict(type='PackClipInputs', pack_transformed=True),
    ]
    both = mpii(pipeline=pipeline)[0]['data_samples']
    own = mpii(PEOPLE[:1], pipeline=pipeline)[0]['data_samples']
    for key in ('keypoints', 'keypoints_visible', 'transformed_keypoints',
                'bboxes'):
        np.testing.assert_array_equal(both.gt_instances[key],
                                      own.gt_instances[key])
        assert len(both.gt_instances[key]) == 1
    difference = both.gt_fields.heatmaps - own.gt_fields.heatmaps
    assert difference[1:14].amax(dim=(1, 2)).min() > 0.3, 'both people'
    assert not difference[[0, 14]].any(), 'the other has no head, no belly'
    weights = both.gt_instance_labels.keypoint_weights
    assert (weights == 0).nonzero().tolist() == [[0, 0], [0, 14]]
    assert both.center_maps.shape == (1, 1, 8, 8)
    assert torch.equal(both.center_maps, own.center_maps)


@pytest.mark.parametrize('people, message', [
    ([dict(PEOPLE[0], joints=[[1., 1.]] * 13, joints_vis=[1] * 13)],
     '13 joints, not 16'),
    ([dict(PEOPLE[0], joints_vis=[1] * 3)], '"joints_vis"'),
    ([dict(PEOPLE[0], joints_vis=[-1] * 16)], 'joints_vis other than 0 and 1'),
    (dict(images=[], annotations=[]), 'a list of people'),
    ([], 'a list of people'),
], ids=['13 joints', '3 flags', 'flags of COCO', 'COCO', 'empty'])
def test_other_files_are_refused(mpii, people, message):
    with pytest.raises(ValueError, match=f'mpii_train.json .*{message}'):
        mpii(people)
