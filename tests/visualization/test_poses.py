# Copyright (c) temporal_corr authors. All rights reserved.
import numpy as np
import pytest
from mmengine.config import Config
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from projects.temporal_corr.video_io.poses import draw_poses, side_colors


def test_pose_has_the_colours_of_the_data_set(image, metainfo):
    """Two people, of each the head; a black outline around its colour."""
    head = metainfo['keypoint_name2id']['head']
    keypoints = np.full((2, 15, 2), np.nan)
    keypoints[:, head] = (20, 30), (45, 12)
    before = image.copy()
    drawn = draw_poses(image, keypoints, metainfo, radius=3)
    np.testing.assert_array_equal(image, before)
    for x, y in keypoints[:, head].astype(int):
        np.testing.assert_array_equal(drawn[y, x],
                                      metainfo['keypoint_colors'][head])
        assert drawn[y, x + 4].max() < 80
        drawn[y - 5:y + 6, x - 5:x + 6] = image[y - 5:y + 6, x - 5:x + 6]
    np.testing.assert_array_equal(drawn, image)


def test_limb_has_its_own_colour_or_the_given_one(image, metainfo):
    start, end = metainfo['skeleton_links'][0]
    keypoints = np.full((1, 15, 2), np.nan)
    keypoints[0, [start, end]] = (10, 24), (50, 24)
    for color, expected in ((None, metainfo['skeleton_link_colors'][0]),
                            ((1, 2, 3), (1, 2, 3))):
        drawn = draw_poses(image, keypoints, metainfo, color=color)
        np.testing.assert_array_equal(drawn[24, 30], expected)


def test_invisible_keypoints_are_left_out(image, metainfo):
    keypoints = np.full((1, 15, 2), 24.)
    drawn = draw_poses(image, keypoints, metainfo, np.zeros((1, 15)))
    np.testing.assert_array_equal(drawn, image)


@pytest.mark.parametrize('path', [
    'sub_jhmdb.py', 'penn_action.py', 'mpi.py', 'mmpose::coco.py',
    'mmpose::mpii.py'
])  # yapf: disable
def test_left_and_right_differ(path, repo_root):
    """In every data set here, and in those of MMPose that people bring."""
    if path.startswith('mmpose::'):
        import mmpose
        path = (f'{mmpose.__path__[0]}/.mim/configs/_base_/datasets/'
                f'{path[8:]}')
    else:
        path = repo_root / 'configs/_base_/datasets' / path
    info = Config.fromfile(path).dataset_info.to_dict()
    colors = side_colors(parse_pose_metainfo(info))
    assert colors == dict(left=(0, 255, 0), right=(255, 128, 0))
