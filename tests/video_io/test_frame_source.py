# Copyright (c) temporal_corr authors. All rights reserved.
import re

import cv2
import numpy as np
import pytest
from PIL import Image

from projects.temporal_corr.apis import FrameSource
from projects.temporal_corr.video_io.frame_source import natural_order


def picture(value, size=(64, 48)):
    return np.full((size[1], size[0], 3), value, dtype=np.uint8)


@pytest.fixture
def write_greys(write_images):
    """Writes pictures of these greys, None for one that is broken."""
    return lambda values: write_images({
        f'{number}.png': None if value is None else picture(value)
        for number, value in values.items()
    })


def greys(frames):
    return [round(frame.image.mean() / 20) for frame in frames]


def test_video(write_video):
    source = FrameSource(write_video([picture(20 * t) for t in range(12)]))
    frames = list(source)
    assert (source.kind, source.stem) == ('video', 'clip')
    assert source.fps == 12.5 and source.num_frames == 12
    assert [frame.index for frame in frames] == list(range(12))
    assert greys(frames) == list(range(12))
    assert source.report() == [] and source.num_read == 12
    source.close()
    source.close()


def test_folder_and_pattern_in_natural_order(tmp_path, write_greys):
    """Without hidden files, as of a Mac, and what else is no frame."""
    folder = write_greys({10: 60, 2: 40, 1: 20})
    for name in ('notes.txt', '._0.png'):
        (tmp_path / 'frames' / name).write_text('not a frame')
    (tmp_path / 'frames/4.png').mkdir()
    for path in (folder, f'{folder}/%d.png', f'{folder}/%02d.png'):
        source = FrameSource(path)
        assert greys(source) == [1, 2, 3]
        assert (source.kind, source.stem,
                source.fps) == ('images', 'frames', 25)
    cv2.imwrite(f'{folder}/x9.png', picture(200))
    assert greys(FrameSource(f'{folder}/%d.png')) == [1, 2, 3]
    names = ['00002', '3', '10', 'x', 'x1y1', 'x1y02', 'x2']
    assert sorted(names[::-1], key=natural_order) == names


def test_image_with_alpha(write_images):
    image = np.full((48, 64, 4), 100, np.uint8)
    source = FrameSource(write_images({'one.png': image}) + '/one.png')
    frame, = source
    assert frame.image.shape == (48, 64, 3)
    assert (source.kind, source.stem) == ('image', 'one')


@pytest.mark.parametrize('values, expected, unreadable', [
    ({0: 20, 1: None, 2: None, 3: 80}, [1, 1, 1, 4], [1, 2]),
    ({0: None, 1: 40}, [0, 2], [0]),
    ({0: 20, 1: None}, [1, 1], [1]),
    ({i: None if i in (1, 4, 5, 6) else 20 for i in range(8)}, [1] * 8,
     [1, 4, 5, 6]),
], ids=['the one before', 'black before the first', 'at the end', 'spans'])
def test_broken_images(write_greys, values, expected, unreadable):
    source = FrameSource(write_greys(values))
    frames = list(source)
    assert greys(frames) == expected
    assert [f.index for f in frames if not f.readable] == unreadable
    assert source.unreadable == unreadable
    report, = source.report()
    assert f'{len(unreadable)} of {len(values)} frames' in report
    assert len(unreadable) != 4 or '(1, 4-6, from 0)' in report


class FakeVideo:
    """Reads fail at some positions, as of a damaged mp4."""

    def __init__(self, count, bad, announced, fps=25., times=None):
        self.times = times  # of the frames, in milliseconds
        self.good = [i not in bad and i < count for i in range(count + 10**4)]
        self.announced, self.fps, self.position = announced, fps, -1
        self.isOpened = lambda: True
        self.set = lambda prop, value: True
        self.release = lambda: None

    def get(self, prop):
        time = self.times[self.position] if self.times else 0.
        return {cv2.CAP_PROP_FRAME_COUNT: self.announced,
                cv2.CAP_PROP_FPS: self.fps,
                cv2.CAP_PROP_POS_MSEC: time}[prop]  # yapf: disable

    def grab(self):
        return self.read()[0]

    def read(self):
        self.position += 1
        good = self.good[self.position]
        return good, picture(20 * self.position) if good else None


@pytest.fixture
def fake(monkeypatch, tmp_path):

    def make(*args, **kwargs):
        path = tmp_path / 'clip.mp4'
        path.write_bytes(b'')
        monkeypatch.setattr(cv2, 'VideoCapture',
                            lambda path: FakeVideo(*args, **kwargs))
        return FrameSource(str(path))

    return make


@pytest.mark.parametrize('count, bad, announced, times, message', [
    (6, (2, 3), 6, None, r'2 of 6 .*\(2-3, from 0\)'),
    # cut off
    (4, (), 6, None, 'announces 6 frames, and 4'),
    (4, (), 10**9, None, 'and 4 could be decoded'),
    # Headers that count too few, or do not tell.
    (6, (), 4, None, None),
    (3, (), 0, None, None),
    (3, (), -5, None, None),
    # An AVI counts a picture that is to be repeated, and does not store it;
    # the clock goes on.
    (5, (), 7, [80, 120, 200, 240, 320], None),
    (5, (), 7, [0, 40, 80, 120, 160], 'announces 7'),
    (5, (), 7, [0, 40, 80, 200, 240], 'announces 7'),
])
def test_damaged_video(fake, count, bad, announced, times, message):
    source = fake(count, bad, announced, times=times and times + [0] * 9999)
    expected = [1 if t in bad else t for t in range(count)]
    assert greys(source) == expected and source.fps == 25
    report = source.report()
    assert len(report) == (message is not None)
    assert not report or re.search(message, report[0])


def test_real_video_that_was_cut_off(write_video, tmp_path):
    noise = np.random.default_rng(0).integers(-10, 11, (12, 120, 160, 3))
    frames = [(noise[t] + 20 * t + 10).clip(0, 255).astype(np.uint8)
              for t in range(12)]  # yapf: disable
    path = tmp_path / write_video(frames)
    path.write_bytes(path.read_bytes()[:path.stat().st_size * 2 // 3])
    source = FrameSource(str(path))
    frames = list(source)
    assert 1 < len(frames) < 12
    assert [f.image.mean() // 20 for f in frames] == [*range(len(frames))]
    assert 'announces 12 frames' in source.report()[0]


@pytest.mark.parametrize('name, error, message', [
    ('none.mp4', FileNotFoundError, 'no input.*none.mp4'),
    ('none/%d.png', ValueError, 'none.*no images'),
    ('text.mp4', ValueError, 'cannot be opened as a video'),
    ('webcam:93', ValueError, 'cannot be opened as a camera'),
    ('empty', ValueError, 'holds no images'),
    ('frames/b%d.png', ValueError, 'no images'),
    ('frames', ValueError, 'no frame of .*frames can be read'),
])
def test_nothing_to_see(tmp_path, monkeypatch, write_greys, name, error,
                        message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'text.mp4').write_bytes(b'hello')
    (tmp_path / 'empty').mkdir()
    write_greys({0: None, 1: None})
    with pytest.raises(error, match=message):
        list(FrameSource(name))


@pytest.mark.parametrize('told', [1000., 90000., 0., np.nan, np.inf, -1.])
def test_rate_that_is_none_is_measured(fake, told):
    """A WebM of a browser tells the ticks of its clock."""
    times = [0, 50, 91, 123, 169, 206, 257, 299, 332, 379, 417, 446]
    source = fake(12, (), -9, told, times + [0] * 9999)
    assert source.fps == pytest.approx(11 / 0.446, abs=1e-3)
    list(source)
    assert source.report() == []


@pytest.mark.parametrize('told, times', [
    (1000., range(10**4)),
    (np.nan, None),
    (np.inf, [5.] * 10**4),
], ids=['clock as rate', 'no clock', 'clock stands'])
def test_rate_that_nobody_knows(fake, told, times):
    source = fake(12, (), 12, told, times)
    assert source.fps == 25
    list(source)
    assert '--fps' in source.report()[0]
    given = FrameSource(source.path, fps=7.)
    list(given)
    assert given.fps == 7 and given.report() == []


@pytest.mark.parametrize('told', [0.5, 23.976, 240.])
def test_unusual_rates_are_believed(write_video, told):
    path = write_video([picture(0)] * 3, 'clip.mp4', told, 'mp4v')
    assert FrameSource(path).fps == pytest.approx(told)


def test_phone_video_is_upright(write_video, tmp_path):
    """The display matrix of the file says how it is turned."""
    image = picture(0)
    image[:, :32] = 200
    path = tmp_path / write_video([image] * 3, 'phone.mp4', fourcc='mp4v')
    content = bytearray(path.read_bytes())
    start = content.index(b'tkhd') + 44
    turned = np.array([0, 1 << 16, 0, -(1 << 16), 0, 0, 0, 0, 1 << 30])
    content[start:start + 36] = turned.astype('>i4').tobytes()
    path.write_bytes(content)
    frame = next(iter(FrameSource(str(path))))
    expected = cv2.rotate(image, cv2.ROTATE_90_CLOCKWISE)
    assert frame.image.shape == (64, 48, 3)
    assert np.abs(frame.image.astype(int) - expected).mean() < 5


@pytest.mark.parametrize('name', ['a.tif', 'a.webp', 'a.png', 'a.gif'])
def test_all_pictures_of_a_file_are_frames(tmp_path, name):
    pages = [Image.fromarray(picture(40 * i)) for i in range(4)]
    pages[0].save(tmp_path / name, save_all=True, append_images=pages[1:])
    source = FrameSource(str(tmp_path / name))
    assert (source.kind, source.stem) == ('video', 'a')
    assert greys(source) == [0, 2, 4, 6] and source.report() == []
    if name != 'a.gif':  # which no folder is searched for
        cv2.imwrite(str(tmp_path / 'b.png'), picture(0))
        with pytest.raises(ValueError, match=f'{name} holds 4 pictures'):
            FrameSource(str(tmp_path))
