# Copyright (c) temporal_corr authors. All rights reserved.
"""Names of pictures; that they are drawn is tested with tools/test.py."""
import pytest
from mmpose.structures import PoseDataSample

from projects.temporal_corr.engine import VideoVisualizationHook
from projects.temporal_corr.engine.video_visualization_hook import picture_name


@pytest.mark.parametrize('metainfo, name', [
    (dict(video_id='frames/0001', frame_index=6, id=7), 'frames/0001/00007'),
    # never out of the folder
    (dict(video_id='/abs/../../up', frame_index=0), 'abs/up/00001'),
    # images of their own
    (dict(id=12), '00001-12'),
    (dict(), '00001'),
])
def test_picture_name(metainfo, name):
    sample = PoseDataSample(
        metainfo=dict(img_path='/data/b.c/00001.png', **metainfo))
    assert picture_name(sample) == name


def test_several_people_in_a_frame():
    hook = VideoVisualizationHook()
    assert [hook._unused('a/00001') for _ in range(3)] == [
        'a/00001', 'a/00001_1', 'a/00001_2'
    ]
