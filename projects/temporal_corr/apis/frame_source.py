# Copyright (c) temporal_corr authors. All rights reserved.
"""Frames of a video file, a folder of images, one image or a camera."""
import os
import os.path as osp
import re
from typing import Iterator, List, NamedTuple, Optional, Tuple

import cv2
import numpy as np

IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff',
                  '.webp')
#: Rate of what has none of its own: images, and cameras that do not tell.
DEFAULT_FPS = 25.
#: So many reads may fail in a row before a camera counts as gone, and a video
#: whose header promises more as over.
MAX_FAILURES = 1000


class SourceFrame(NamedTuple):
    """One frame of a source.

    Attributes:
        index (int): Its number, from 0.
        name (str): File name of an image, else the number.
        image (np.ndarray): BGR uint8 in shape (H, W, 3). Where the frame
            cannot be read, the one before it; black before the first.
        readable (bool): Whether it is the frame itself.
    """
    index: int
    name: str
    image: np.ndarray
    readable: bool


def natural_order(name: str) -> Tuple:
    """Sorting key by which 2.png comes before 10.png.

    Args:
        name (str): A file name.

    Returns:
        tuple: Parts of the name, numbers as numbers.
    """
    parts = re.split(r'(\d+)', name)
    return tuple(
        (int(part), part) if i % 2 else part for i, part in enumerate(parts))


class FrameSource:
    """The frames of an input, in order; a frame that is broken is told.

    Iterating goes through the input once.

    Args:
        path (str): A video file, a folder of images (in natural order), an
            image, or ``'webcam'`` or ``'webcam:N'``, the N-th camera.
        fps (float, optional): Frames per second. Defaults to None, those of
            the video or camera, 25 for images.

    Attributes:
        kind (str): ``'video'``, ``'images'``, ``'image'`` or ``'webcam'``.
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
        own_fps = 0.
        camera = re.fullmatch(r'webcam(?::(\d+))?', path, re.IGNORECASE)
        if camera:
            self.kind, self.stem = 'webcam', 'webcam'
            own_fps = self._open(int(camera.group(1) or 0))
        elif osp.isdir(path):
            self.kind, self.stem = 'images', osp.basename(osp.abspath(path))
            self.files = [
                osp.join(path, name)
                for name in sorted(os.listdir(path), key=natural_order)
                if name.lower().endswith(IMAGE_SUFFIXES)
                and not name.startswith('.')
            ]
            if not self.files:
                raise ValueError(f'the folder {path} holds no images '
                                 f'({", ".join(IMAGE_SUFFIXES)})')
        elif not osp.isfile(path):
            raise FileNotFoundError(
                f'there is no input {path}: give a video, a folder of '
                'images, an image, or webcam:0')
        elif path.lower().endswith(IMAGE_SUFFIXES):
            self.kind, self.files = 'image', [path]
        else:
            self.kind = 'video'
            own_fps = self._open(path)
        if self.kind in ('image', 'video'):
            self.stem = osp.splitext(osp.basename(path))[0]
        if self.files:
            self.num_frames = len(self.files)
        valid = np.isfinite(own_fps) and 0 < own_fps <= 1000
        self.fps = fps or (float(own_fps) if valid else DEFAULT_FPS)

    def _open(self, what) -> float:
        """Open a video or camera; returns the rate that it tells."""
        self._video = cv2.VideoCapture(what)
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
        return self._video.get(cv2.CAP_PROP_FPS)

    def __iter__(self) -> Iterator[SourceFrame]:
        last = None
        waiting: List[Tuple[int, str]] = []
        reads = self._read_files() if self.files else self._read_video()
        for index, (name, image) in enumerate(reads):
            if image is None:
                # Whether a video is broken here or over shows later.
                waiting.append((index, name))
                continue
            black = np.zeros_like(image)
            for frame in waiting:
                yield self._give(*frame, black if last is None else last,
                                 False)
            waiting, last = [], image
            yield self._give(index, name, image, True)
        if last is None:
            raise ValueError(f'no frame of {self.path} can be read: is it '
                             'complete, and are these pictures?')
        if self.files:
            for frame in waiting:
                yield self._give(*frame, last, False)

    def _give(self, index: int, name: str, image: np.ndarray,
              readable: bool) -> SourceFrame:
        self.num_read = index + 1
        if not readable:
            self.unreadable.append(index)
        return SourceFrame(index, name, image, readable)

    def _read_files(self) -> Iterator[Tuple[str, Optional[np.ndarray]]]:
        for path in self.files:
            try:
                image = cv2.imread(path, cv2.IMREAD_COLOR)
            except cv2.error:  # larger than OpenCV allows
                image = None
            yield osp.basename(path), image

    def _read_video(self) -> Iterator[Tuple[str, Optional[np.ndarray]]]:
        failures, index = 0, 0
        while failures < MAX_FAILURES:
            success, image = self._video.read()
            failures = 0 if success else failures + 1
            over = self.kind == 'video' and index >= (self.num_frames or 0)
            if not success and over:
                return
            yield str(index), _three_channels(image) if success else None
            index += 1

    def report(self) -> List[str]:
        """What went wrong with the frames, in words.

        Returns:
            list[str]: Sentences, none if every frame could be read.
        """
        messages = []
        if self.unreadable:
            count = len(self.unreadable)
            messages.append(
                f'{count} of {self.num_read} frames of {self.path} could not '
                f'be read ({_spans(self.unreadable)}, from 0): they have the '
                'picture before them and nobody in it')
        if self.kind == 'video' and self.num_read < (self.num_frames or 0):
            messages.append(
                f'the header of {self.path} announces {self.num_frames} '
                f'frames, and {self.num_read} could be decoded: it is cut '
                'off or damaged, or its header is not exact')
        return messages

    def close(self) -> None:
        """Let go of the video or camera. Calling it again is harmless."""
        if self._video is not None:
            self._video.release()


def _three_channels(image: np.ndarray) -> np.ndarray:
    """What a video or camera gave as BGR; some give grey."""
    if image.ndim == 2 or image.shape[2] == 1:
        return cv2.cvtColor(image, cv2.COLOR_GRAY2BGR)
    return image


def _spans(numbers: List[int], count: int = 8) -> str:
    """Ascending numbers as '3, 7-9', the first few spans."""
    spans: List[List[int]] = []
    for number in numbers:
        if spans and number == spans[-1][1] + 1:
            spans[-1][1] = number
        else:
            spans.append([number, number])
    words = [f'{a}' if a == b else f'{a}-{b}' for a, b in spans[:count]]
    more = f' and {len(spans) - count} more' if len(spans) > count else ''
    return ', '.join(words) + more
