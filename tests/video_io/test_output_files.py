# Copyright (c) temporal_corr authors. All rights reserved.
import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from projects.temporal_corr.visualization import (VideoFile, save_figure,
                                                  save_image)


def frames(count, size=(64, 48)):
    """Plain frames that become brighter, and are red rather than blue."""
    for i in range(count):
        yield np.full((size[1], size[0], 3), (40 + 20 * i, 20 * i, 0),
                      np.uint8)


def test_video_reads_as_it_was_written(tmp_path):
    path = tmp_path / 'new' / 'video.mp4'
    with VideoFile(str(path), fps=12) as file:
        for frame in frames(6):
            file.write(frame)
    reader = cv2.VideoCapture(str(path))
    assert reader.get(cv2.CAP_PROP_FPS) == 12
    for frame in frames(6):
        done, read = reader.read()
        assert done
        # mp4v keeps colours within a few levels.
        difference = read[..., ::-1].astype(int) - frame
        assert np.abs(difference).max() < 12
    assert not reader.read()[0]
    assert [item.name for item in path.parent.iterdir()] == ['video.mp4']


def test_an_error_leaves_what_was_there(tmp_path):
    path = tmp_path / 'video.mp4'
    path.write_bytes(b'the one before')
    with pytest.raises(KeyError):
        with VideoFile(str(path), fps=12) as file:
            file.write(next(frames(1)))
            raise KeyError('of the model')
    assert path.read_bytes() == b'the one before'
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize('sizes, message', [
    ([(63, 48)], 'even'),
    ([(64, 48), (32, 48)], 'does not fit'),
    ([], 'no frame'),
], ids=['odd width', 'two sizes', 'empty'])
def test_what_opencv_would_drop_is_refused(tmp_path, sizes, message):
    with pytest.raises(ValueError, match=message):
        with VideoFile(str(tmp_path / 'video.mp4'), fps=12) as file:
            for size in sizes:
                file.write(next(frames(1, size)))
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize('name, fps', [('video.avi', 12), ('video.mp4', 0),
                                       ('video', 12)])
def test_bad_arguments(tmp_path, name, fps):
    with pytest.raises(ValueError, match='mp4|fps'):
        VideoFile(str(tmp_path / name), fps)


def test_figure_is_saved_whole_or_not_at_all(tmp_path):
    path = tmp_path / 'figure.png'
    save_figure(Figure(figsize=(2, 1), dpi=50), str(path))
    assert cv2.imread(str(path)).shape == (50, 100, 3)
    before = path.read_bytes()

    class Broken(Figure):

        def savefig(self, name, **kwargs):
            super().savefig(name, **kwargs)
            raise OSError('no space left on device')

    with pytest.raises(OSError):
        save_figure(Broken(figsize=(1, 1)), str(path))
    assert path.read_bytes() == before
    assert [item.name for item in tmp_path.iterdir()] == ['figure.png']
    with pytest.raises(ValueError, match='must end with'):
        save_figure(Figure(), str(tmp_path / 'figure.gif'))


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_image_reads_as_it_was_written(tmp_path, suffix):
    path = tmp_path / 'new' / f'image{suffix}'
    red = next(frames(1))
    save_image(red, str(path))
    np.testing.assert_allclose(cv2.imread(str(path))[..., ::-1], red, atol=2)
    assert len(list(path.parent.iterdir())) == 1
    with pytest.raises(ValueError, match='must end with .png or .jpg'):
        save_image(red, str(tmp_path / 'image.gif'))
