# Copyright (c) temporal_corr authors. All rights reserved.
"""Any frame of a recorded input, at once."""
from typing import List, Optional

import cv2
import numpy as np

from .frame_source import FrameSource, open_video
from .images import IMAGE_SUFFIXES, read_image

#: Milliseconds by which times of the same frame may differ.
SAME = 0.5
#: Frames to go back at first where a seek ends behind the frame.
STEP = 16
#: Codecs with packets that hold no picture to be shown.
HIDDEN = (cv2.VideoWriter_fourcc(*'VP80'), cv2.VideoWriter_fourcc(*'vp08'))


class FrameReader:
    """Reads frames by their number, as :class:`FrameSource` counts them.

    A video is not decoded as a whole: the times of its packets are read,
    which takes no time, and after a seek the time of a picture tells which
    frame it is, whatever the rate and wherever the seek ended.

    Args:
        source (FrameSource): The input, no camera. Not iterated.

    Attributes:
        num_frames (int): How many frames there are, by what is stored.
    """

    def __init__(self, source: FrameSource):
        self._source = source
        self._video: Optional[cv2.VideoCapture] = None
        self._next = 0  # the frame that is decoded next
        self._times = np.zeros(0)
        self.num_frames = source.num_frames
        if source.files:
            return
        if source.path.lower().endswith(IMAGE_SUFFIXES):  # of several
            self._images = [frame.image for frame in FrameSource(source.path)]
            return
        self._open()
        if self._video.grab():
            # What is before the first picture is cut off by the player.
            start = self._video.get(cv2.CAP_PROP_POS_MSEC) - SAME
            times = np.sort(_packet_times(source.path))
            self._times = times[times >= start]
        self.num_frames = len(self._times)
        codec = int(self._video.get(cv2.CAP_PROP_FOURCC))
        if (np.diff(self._times) <= 2 * SAME).any() or codec in HIDDEN:
            self._times = np.zeros(0)  # they do not tell frames apart
        self._open()

    def _open(self) -> None:
        self._video, self._next = open_video(self._source.path), 0

    def read(self, index: int) -> np.ndarray:
        """A frame, BGR uint8 in shape (H, W, 3).

        Raises:
            IndexError: If the input ends before.
            ValueError: If it cannot be read.
        """
        if self._source.files:
            return read_image(self._source.files[index])
        if self._video is None:
            return self._images[index]
        if not self._next - 1 <= index < self._next + STEP:
            self._seek(index)
        while self._next <= index:
            if not self._video.grab():
                end, self._next = self._next, np.inf
                raise IndexError(f'{self._source.path} ends with frame '
                                 f'{end - 1}')
            time = self._video.get(cv2.CAP_PROP_POS_MSEC)
            told = self._times[self._next:self._next + 1]
            if (np.abs(told - time) > SAME).any():
                # Not each packet is a picture: from now on they are counted.
                self._times = self._times[:0]
                self._open()
                continue
            self._next += 1
        success, image = self._video.retrieve()
        if not success:
            raise ValueError(f'frame {index} of {self._source.path} cannot be '
                             'read')
        return image

    def _seek(self, index: int) -> None:
        """Go to a frame, or to one before it."""
        target, back = index, STEP
        while len(self._times) and target > 0:
            self._video.set(cv2.CAP_PROP_POS_FRAMES, target)
            if not self._video.grab():
                break
            time = self._video.get(cv2.CAP_PROP_POS_MSEC)
            here = int(np.searchsorted(self._times, time - SAME))
            if here == len(self._times) or self._times[here] > time + SAME:
                break
            if here <= index:
                self._next = here + 1
                return
            target, back = target - back, 2 * back
        self._open()


def _packet_times(path: str) -> List[float]:
    """Milliseconds of the frames of a video as they are stored."""
    video, times = open_video(path), []
    video.set(cv2.CAP_PROP_FORMAT, -1)  # packets, not decoded
    while video.grab():
        times.append(video.get(cv2.CAP_PROP_POS_MSEC))
    video.release()
    return times
