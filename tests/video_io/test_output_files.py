# Copyright (c) temporal_corr authors. All rights reserved.
import os
import signal
import subprocess
import sys

import cv2
import numpy as np
import pytest
from matplotlib.figure import Figure

from projects.temporal_corr.video_io.arguments import number
from projects.temporal_corr.video_io.interruption import Interruption
from projects.temporal_corr.video_io.output_files import (VideoFile,
                                                          output_path,
                                                          save_figure,
                                                          save_image)
from projects.temporal_corr.video_io.progress import Progress
from projects.temporal_corr.video_io.window import can_open_windows


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


@pytest.mark.parametrize('sizes, message', [
    ([(64, 48), (32, 48)], '1 of 2 frames'),
    ([], 'no frame'),
], ids=['two sizes', 'empty'])
def test_what_opencv_would_drop_is_refused(tmp_path, sizes, message):
    path = tmp_path / 'video.mp4'
    path.write_bytes(b'the one before')
    with pytest.raises((RuntimeError, ValueError), match=message):
        with VideoFile(str(path), fps=12) as file:
            for size in sizes:
                file.write(next(frames(1, size)))
    assert path.read_bytes() == b'the one before'
    assert len(list(tmp_path.iterdir())) == 1


def test_figure_is_saved_whole_or_not_at_all(tmp_path):
    path = tmp_path / 'figure.png'
    save_figure(Figure(figsize=(2, 1), dpi=50), str(path))
    assert cv2.imread(str(path)).shape == (50, 100, 3)
    before, figure = path.read_bytes(), Figure(figsize=(1, 1))

    def fail(name):
        name.write_bytes(b'half')
        raise OSError('no space left on device')

    figure.savefig = fail
    with pytest.raises(OSError):
        save_figure(figure, str(path))
    assert path.read_bytes() == before and len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize('suffix', ['.png', '.jpg'])
def test_image_reads_as_it_was_written(tmp_path, suffix):
    path = tmp_path / 'new' / f'image{suffix}'
    red = next(frames(1))
    save_image(red, str(path))
    np.testing.assert_allclose(cv2.imread(str(path))[..., ::-1], red, atol=2)
    assert len(list(path.parent.iterdir())) == 1


def test_places_that_cannot_be_written_to(tmp_path):
    (tmp_path / 'file').write_text('mine')
    (tmp_path / 'a.json').mkdir()
    for name, message in [('file/a.json', 'choose another'),
                          ('file/b/a.json', 'choose another'),
                          ('a.json', 'choose another'),
                          ('a.gif', 'must end with .json')]:
        with pytest.raises(ValueError, match=message):
            output_path(str(tmp_path / name), ('.json', ))
    assert output_path(str(tmp_path / 'new/b/a.json'), ('.json', ))
    assert (tmp_path / 'new/b').is_dir()


def test_inputs_are_not_replaced(tmp_path, monkeypatch):
    """By whatever name they are called."""
    monkeypatch.chdir(tmp_path)
    clip = tmp_path / 'clip.mp4'
    clip.write_text('mine')
    (tmp_path / 'sub').mkdir()
    os.symlink(clip, tmp_path / 'soft.mp4')
    os.link(clip, tmp_path / 'hard.mp4')
    os.symlink(tmp_path, tmp_path / 'folder')
    for name in ('clip.mp4', 'sub/../clip.mp4', 'soft.mp4', 'hard.mp4',
                 'folder/clip.mp4', str(clip)):
        for first, second in ((name, 'clip.mp4'), ('clip.mp4', name)):
            with pytest.raises(ValueError, match='input itself'):
                output_path(first, ('.mp4', ), ['none.png', second])
    assert output_path('sub/clip.mp4', ('.mp4', ), ['clip.mp4'])


#: Writes until the disk is full, which the largest size of a file plays.
FULL = """
import resource, sys
import numpy as np
sys.path.insert(0, sys.argv[1])
from video_io.output_files import ListFile, VideoFile, save_image
noise = np.random.default_rng(0).integers(0, 256, (480, 640, 3), np.uint8)
resource.setrlimit(resource.RLIMIT_FSIZE, (20000, 20000))

def video():
    with VideoFile('a.mp4', 25) as file:
        for _ in range(5):
            file.write(noise)

def text():
    with ListFile('a.json', '[') as file:
        for _ in range(100):
            file.append('x' * 1000)

for write in (lambda: save_image(noise, 'a.png'), video, text):
    try:
        write()
    except (OSError, RuntimeError) as error:
        print('full')
"""


@pytest.mark.skipif(sys.platform == 'win32', reason='no such limits')
def test_full_disk_leaves_nothing_half_written(tmp_path, repo_root):
    for name in ('a.png', 'a.mp4', 'a.json'):
        (tmp_path / name).write_text('the one before')
    done = subprocess.run(
        [sys.executable, '-c', FULL,
         str(repo_root / 'projects/temporal_corr')],
        cwd=tmp_path,
        capture_output=True,
        text=True)
    assert done.stdout.split() == ['full'] * 3, done.stderr
    assert {path.read_text() for path in tmp_path.iterdir()
            } == {'the one before'} and len(list(tmp_path.iterdir())) == 3


@pytest.mark.parametrize('text', ['nan', 'inf', '-inf', '1e999', '0', '1001'])
def test_numbers_of_the_command_line(text):
    read = number(float, 0.01, 1000)
    assert read('2.5') == 2.5
    with pytest.raises(Exception, match='from 0.01 to 1000'):
        read(text)


@pytest.mark.skipif(sys.platform != 'linux', reason='X11 and Wayland')
@pytest.mark.parametrize('display', [None, ':7654'])
def test_no_window_without_a_display(monkeypatch, capsys, display):
    """OpenCV's Qt would end the process."""
    monkeypatch.delenv('WAYLAND_DISPLAY', raising=False)
    monkeypatch.delenv('DISPLAY', raising=False)
    if display:
        monkeypatch.setenv('DISPLAY', display)
    assert not can_open_windows()
    assert '--show' in capsys.readouterr().out


def test_progress_in_a_log(monkeypatch, capsys):
    """A line now and then, not one line of all."""
    now = iter(range(0, 1000, 10))
    monkeypatch.setattr('time.monotonic', lambda: next(now))
    with Progress(9) as progress:
        for _ in range(9):
            progress.update()
    lines = capsys.readouterr().err.splitlines()
    assert 2 < len(lines) < 9 and lines[-1].startswith('9 frames')
    assert not any('\r' in line for line in lines)


@pytest.mark.parametrize('signal_number', [signal.SIGINT, signal.SIGTERM])
def test_interruption_is_noted_once(signal_number):
    before = signal.getsignal(signal_number)
    with Interruption() as interruption:
        assert not interruption.requested
        os.kill(os.getpid(), signal_number)
        assert interruption.requested
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal_number)
            signal.sigtimedwait([], 1)
    assert signal.getsignal(signal_number) == before
