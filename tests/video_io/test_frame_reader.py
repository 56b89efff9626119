# Copyright (c) temporal_corr authors. All rights reserved.
"""Frames that are read by their number are those that come in order."""
import numpy as np
import pytest

from projects.temporal_corr.video_io.frame_reader import FrameReader
from projects.temporal_corr.video_io.frame_source import FrameSource

COUNT = 70


@pytest.fixture(scope='module')
def images():
    """Two pictures of grey that change places, so that each frame differs."""
    steps = np.arange(COUNT)
    images = np.zeros((COUNT, 48, 64, 3), np.uint8)
    images[:, :, :32] = (steps * 3)[:, None, None, None]
    images[:, :, 32:] = (steps * 61 % 251)[:, None, None, None]
    return images


@pytest.mark.parametrize('name, codec', [('a.mp4', 'mp4v'), ('a.avi', 'MJPG'),
                                         ('a.mkv', 'mp4v')])
def test_any_order(write_video, images, name, codec):
    """Steps, jumps, the same frame again; frames between keys of a video."""
    source = FrameSource(write_video(images, name, 25, codec))
    expected = [frame.image for frame in FrameSource(source.path)]
    reader = FrameReader(source)
    for index in (0, 1, 1, 2, 40, 39, 38, 69, 5, 68, 23, 0):
        np.testing.assert_array_equal(reader.read(index), expected[index])
    with pytest.raises(IndexError, match='frame 69'):
        reader.read(COUNT)
    np.testing.assert_array_equal(reader.read(30), expected[30])


def test_other_rate_than_told(write_video, images):
    """The header tells the mean rate of one that changes: the number of a
    frame is not its time by the rate."""
    path = write_video(images, 'a.mkv', 25, 'mp4v')
    reader = FrameReader(FrameSource(path))
    expected = [frame.image for frame in FrameSource(path)]

    class Wrong:
        """A video whose seeks end somewhere else."""

        def __init__(self, video, offset):
            self.video, self.offset = video, offset

        def __getattr__(self, name):
            return getattr(self.video, name)

        def set(self, key, value):
            return self.video.set(key, max(value + self.offset, 0))

    for offset in (-7, 5, 60):
        reader._video = Wrong(reader._video, offset)
        for index in (50, 8, 33, 69):
            np.testing.assert_array_equal(reader.read(index), expected[index])


def test_images(write_images, images):
    reader = FrameReader(
        FrameSource(
            write_images({
                '2.png': images[2],
                '10.png': images[10],
                '11.png': None
            })))
    np.testing.assert_array_equal(reader.read(1), images[10])
    with pytest.raises(ValueError):
        reader.read(2)
