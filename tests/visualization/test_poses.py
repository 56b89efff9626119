# Copyright (c) temporal_corr authors. All rights reserved.
import mmpose
import numpy as np
import pytest
from mmpose.datasets.datasets.utils import parse_pose_metainfo

from projects.temporal_corr.video_io.poses import draw_poses, side_colors


def test_keypoints_have_the_colours_of_the_data_set(image, metainfo):
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
    """And is left out if an end is not visible."""
    ends = metainfo['skeleton_links'][0]
    keypoints, visible = np.full((1, 15, 2), np.nan), np.ones((1, 15))
    keypoints[0, ends] = (10, 24), (50, 24)
    for color, expected in ((None, metainfo['skeleton_link_colors'][0]),
                            ((1, 2, 3), (1, 2, 3))):
        drawn = draw_poses(image, keypoints, metainfo, color=color)
        np.testing.assert_array_equal(drawn[24, 30], expected)
    visible[0, ends[0]] = 0
    drawn = draw_poses(image, keypoints, metainfo, visible)
    np.testing.assert_array_equal(drawn[:, :40], image[:, :40])


@pytest.mark.parametrize('path', [
    'sub_jhmdb.py', 'penn_action.py', 'mpi.py', 'mmpose::coco.py',
    'mmpose::mpii.py'
])  # yapf: disable
def test_left_and_right_differ(path, repo_root):
    """In every data set here, and in those of MMPose that people bring."""
    folder = repo_root / 'configs/_base_/datasets'
    if path.startswith('mmpose::'):
        folder = f'{mmpose.__path__[0]}/.mim/configs/_base_/datasets'
    meta = parse_pose_metainfo(
        dict(from_file=f'{folder}/{path.split("::")[-1]}'))
    assert side_colors(meta) == dict(left=(0, 255, 0), right=(255, 128, 0))
    if path.startswith('mmpose::'):
        return
    colors = meta['keypoint_colors'].tolist()
    for keypoint, color in zip(meta['keypoint_name2id'], colors):
        assert color == dict(
            left=[0, 255, 0], right=[255, 128, 0]).get(
                keypoint.split('_')[0], [51, 153, 255])
    # A limb of one side has the colour of its keypoints.
    for (start, end), color in zip(meta['skeleton_links'],
                                   meta['skeleton_link_colors'].tolist()):
        assert colors[start] != colors[end] or color == colors[start]
