# Copyright (c) temporal_corr authors. All rights reserved.
"""Frames of a video file, a folder of images, one image or a camera."""
import math
import os.path as osp
import re
from typing import Dict, Iterator, List, NamedTuple, Optional, Tuple, Union

import cv2
import numpy as np

from .images import (IMAGE_SUFFIXES, count_images, decode_images, list_files,
                     picture_size, read_image)

#: Rate of what has none of its own: images, and what does not tell.
DEFAULT_FPS = 25.
#: Frames per second that a header is believed. Above, it is the clock of the
#: file rather than its rate (WebM of a browser: 1000).
LEAST_FPS, MOST_FPS = 0.01, 300.
#: So many reads may fail in a row before a camera counts as gone, and a video
#: whose header promises more as over.
MAX_FAILURES = 1000
_PATTERN = re.compile(r'%0?\d*d')


class SourceFrame(NamedTuple):
    """One frame of a source.

    Attributes:
        index (int): Its number, from 0.
        image (np.ndarray): BGR uint8 in shape (H, W, 3). Where the frame
            cannot be read, the one before it; black before the first.
        readable (bool): Whether it is the frame itself.
    """
    index: int
    image: np.ndarray
    readable: bool


def natural_order(name: str) -> Tuple:
    """Sorting key of file names by which 2.png comes before 10.png."""
    parts = re.split(r'(\d+)', name)
    return tuple(
        (int(part), part) if i % 2 else part for i, part in enumerate(parts))


def open_video(what: Union[str, int]) -> cv2.VideoCapture:
    """Open a video, upright, or a camera by its number; it may not be open
    afterwards."""
    # A relative name may look like a protocol to FFmpeg.
    video = cv2.VideoCapture(
        osp.abspath(what) if isinstance(what, str) else what)
    # Whether a phone's video is turned by default depends on OpenCV's version.
    video.set(cv2.CAP_PROP_ORIENTATION_AUTO, 1)
    return video


class FrameSource:
    """The frames of an input, in order; a frame that is broken is told.

    Iterating goes through the input once.

    Args:
        path (str): A video file, a folder of images (in natural order), a
            pattern of their names such as ``frames/%05d.png``, an image, or
            ``'webcam'`` or ``'webcam:N'``, the N-th camera.
        fps (float, optional): Frames per second. Defaults to None, those of
            the video or camera, 25 for images.

    Attributes:
        kind (str): ``'video'`` (also an image file of several pictures),
            ``'images'``, ``'image'`` or ``'webcam'``.
        files (list[str]): The images, none of a video or camera.
        fps (float): Frames per second.
        stem (str): What to call files that are made of it.
        num_frames (int, optional): How many frames there are, as far as the
            header tells; None if it does not, or for a camera.
        unreadable (list[int]): Numbers of the frames that could not be read
            so far.
        num_read (int): How many frames were given so far.

    Raises:
        FileNotFoundError: If there is no such file or folder.
        ValueError: If it holds no frames that can be read.
    """

    def __init__(self, path: str, fps: Optional[float] = None):
        self.path = path
        self.files: List[str] = []
        self.unreadable: List[int] = []
        self.num_read = 0
        self.num_frames: Optional[int] = None
        self._video: Optional[cv2.VideoCapture] = None
        self._told = 0.  # the rate, by the header
        self._messages: List[str] = []
        self._sizes: Dict[int, Optional[Tuple[int, int]]] = {}
        self._times: List[float] = []  # of the frames, in milliseconds
        camera = re.fullmatch(r'webcam(?::(\d+))?', path, re.IGNORECASE)
        if camera:
            self.kind, self.stem = 'webcam', 'webcam'
            self._open(int(camera.group(1) or 0))
        elif osp.isdir(path) or (_PATTERN.search(osp.basename(path))
                                 and not osp.exists(path)):
            self.kind, self.files = 'images', _image_files(path)
            self.stem = osp.basename(osp.dirname(osp.abspath(self.files[0])))
        elif not osp.isfile(path):
            raise FileNotFoundError(
                f'there is no input {path}: give a video, a folder of '
                'images, an image, or webcam:0')
        else:
            self.kind = 'video'
            self.stem = osp.splitext(osp.basename(path))[0]
            if not path.lower().endswith(IMAGE_SUFFIXES):
                self._open(path)
            elif count_images(path) > 1:
                self.num_frames = count_images(path)
            else:
                self.kind, self.files = 'image', [path]
        if self.files:
            self.num_frames = len(self.files)
        self.fps = fps or self._rate()

    def _open(self, what: Union[str, int]) -> None:
        self._video = open_video(what)
        if not self._video.isOpened():
            raise ValueError(
                f'{self.path} cannot be opened as a ' +
                ('camera: is it connected, and not in use?' if self.kind ==
                 'webcam' else
                 'video: is it complete, and does the build of OpenCV know '
                 'its codec? Frames as images in a folder work, too'))
        count = int(self._video.get(cv2.CAP_PROP_FRAME_COUNT))
        if self.kind == 'video' and count > 0:
            self.num_frames = count
        self._told = self._video.get(cv2.CAP_PROP_FPS)

    def _rate(self) -> float:
        """The rate of the input: told, else measured, else the default."""
        if self._video is None:
            return DEFAULT_FPS
        if LEAST_FPS <= self._told <= MOST_FPS:
            return self._told
        measured = 0. if self.kind == 'webcam' else _measured_rate(self.path)
        # Without timestamps OpenCV counts in what the header tells.
        if LEAST_FPS <= measured < 1000:
            return measured
        self._messages.append(
            f'{self.path} does not tell its frames per second (its header: '
            f'{self._told:g}): {DEFAULT_FPS:g} are taken; give --fps')
        return DEFAULT_FPS

    def size(self, index: int) -> Optional[Tuple[int, int]]:
        """Width and height of a frame, for which pictures are not decoded;
        None if they are not known."""
        if self.kind == 'webcam':
            return None
        index = index if self.files else 0  # a video has one size
        if index not in self._sizes:
            try:
                self._sizes[index] = picture_size(
                    self.files[index]) if self.files else next(
                        iter(FrameSource(self.path))).image.shape[1::-1]
            except ValueError:  # reading the frame will tell
                self._sizes[index] = None
        return self._sizes[index]

    def __iter__(self) -> Iterator[SourceFrame]:
        last, index, waiting = None, -1, 0
        for index, image in enumerate(self._read()):
            if image is None:
                # Whether a video is broken here or over shows later.
                waiting += 1
                continue
            if image.ndim == 2 or image.shape[2] == 1:  # of some cameras
                image = cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
            if last is None:
                last = np.zeros_like(image)
            yield from self._broken(index, waiting, last)
            waiting, last, self.num_read = 0, image, index + 1
            yield SourceFrame(index, image, True)
        if last is None:
            raise ValueError(f'no frame of {self.path} can be read: is it '
                             'complete, and are these pictures?')
        if self.files:
            yield from self._broken(index + 1, waiting, last)

    def _broken(self, end: int, count: int,
                image: np.ndarray) -> Iterator[SourceFrame]:
        """So many frames before one that could not be read."""
        for index in range(end - count, end):
            self.unreadable.append(index)
            self.num_read = index + 1
            yield SourceFrame(index, image, False)

    def _read(self) -> Iterator[Optional[np.ndarray]]:
        """The frames, None for one that cannot be read."""
        for path in self.files:
            try:
                yield read_image(path)
            except (OSError, ValueError):
                yield None
        if self._video is not None:
            yield from self._read_video()
        elif not self.files:
            with open(self.path, 'rb') as file:
                content = file.read()
            try:
                images = decode_images(content)
            except ValueError as error:
                raise ValueError(f'{self.path} cannot be read: {error}'
                                 ) from error
            yield from images

    def _read_video(self) -> Iterator[Optional[np.ndarray]]:
        failures, index = 0, 0
        while failures < MAX_FAILURES:
            success, image = self._video.read()
            failures = 0 if success else failures + 1
            if not success and self.kind == 'video' and index >= (
                    self.num_frames or 0):
                return
            if success and self.kind == 'video':
                self._times.append(self._video.get(cv2.CAP_PROP_POS_MSEC))
            yield image if success else None
            index += 1

    def _lost_frames(self) -> bool:
        """Whether a video with fewer frames than its header tells lost some.

        A header may count pictures that are repeated rather than stored: the
        clock says whether the video goes on to its end, without a hole.
        """
        period = 1000 / (self._told if self._told > 0 else self.fps)
        by_clock = (self._times[-1] - self._times[0]) / period + 1
        gap = np.diff(self._times).max(initial=0)
        return by_clock < self.num_frames - 0.5 or gap > 2.5 * period

    def report(self) -> List[str]:
        """What went wrong with the frames, in sentences, if anything did."""
        messages = list(self._messages)
        if self.unreadable:
            count = len(self.unreadable)
            messages.append(
                f'{count} of {self.num_read} frames of {self.path} could not '
                f'be read ({_spans(self.unreadable)}, from 0): they have the '
                'picture before them and nobody in it')
        if (self.kind == 'video' and self.num_read < (self.num_frames or 0)
                and self._lost_frames()):
            messages.append(
                f'the header of {self.path} announces {self.num_frames} '
                f'frames, and {self.num_read} could be decoded: it is cut '
                'off or damaged; get it again')
        return messages

    def close(self) -> None:
        """Let go of the video or camera. Calling it again is harmless."""
        if self._video is not None:
            self._video.release()


def _image_files(path: str) -> List[str]:
    """The images of a folder, or those of a pattern, in natural order."""
    folder, pattern = path, '.*'
    if not osp.isdir(path):
        folder, name = osp.split(path)
        pattern = _PATTERN.sub(r'\\d+', re.escape(name))
    names = sorted(list_files(folder or '.', pattern), key=natural_order)
    files = [
        osp.join(folder, name) for name in names
        if name.lower().endswith(IMAGE_SUFFIXES)
    ]
    if not files:
        raise ValueError(f'{path} holds no images '
                         f'({", ".join(IMAGE_SUFFIXES)})')
    several = [file for file in files if count_images(file) > 1]
    if several:
        raise ValueError(
            f'{several[0]} holds {count_images(several[0])} pictures, but '
            'each image of a folder is one frame: give that file alone, or '
            'save each picture as a file of its own')
    return files


def _measured_rate(path: str, count: int = 300) -> float:
    """Frames per second by the time of the first frames, NaN if unknown."""
    video, times = open_video(path), []
    while len(times) < count and video.grab():
        times.append(video.get(cv2.CAP_PROP_POS_MSEC))
    video.release()
    seconds = (times[-1] - times[0]) / 1000 if times else 0.
    return round((len(times) - 1) / seconds, 3) if seconds > 0 else math.nan


def _spans(numbers: List[int], count: int = 8) -> str:
    """Ascending numbers as '3, 7-9', the first few spans."""
    parts = np.split(numbers, np.flatnonzero(np.diff(numbers) > 1) + 1)
    words = [
        f'{part[0]}' if len(part) == 1 else f'{part[0]}-{part[-1]}'
        for part in parts[:count]
    ]
    more = f' and {len(parts) - count} more' if len(parts) > count else ''
    return ', '.join(words) + more
