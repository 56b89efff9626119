# Copyright (c) temporal_corr authors. All rights reserved.
"""Pictures and videos on disk: complete under their name, or not there."""
import os
from pathlib import Path
from typing import Optional, Sequence

import cv2
import numpy as np
from matplotlib.figure import Figure


def output_path(path: str, suffixes: Sequence[str]) -> Path:
    """Check where a file is to go before work is spent on it.

    Args:
        path (str): Where it is to go. Its folder is made.
        suffixes (Sequence[str]): Allowed file name endings.

    Returns:
        Path: The path.

    Raises:
        ValueError: If the ending is none of these.
    """
    target = Path(path)
    if target.suffix.lower() not in suffixes:
        raise ValueError(f'{path} must end with {" or ".join(suffixes)}')
    target.parent.mkdir(parents=True, exist_ok=True)
    return target


def temporary_path(path: Path) -> Path:
    """A name beside the file; writers tell the format by its ending."""
    return path.with_name(f'.incomplete_{os.getpid()}_{path.name}')


def save_image(image: np.ndarray, path: str) -> None:
    """Write a picture.

    Args:
        image (np.ndarray): RGB uint8 in shape (H, W, 3).
        path (str): A .png or .jpg file.

    Raises:
        ValueError: If the ending is neither.
        OSError: If it cannot be written.
    """
    target = output_path(path, ('.png', '.jpg'))
    temporary = temporary_path(target)
    try:
        if not cv2.imwrite(str(temporary), cv2.cvtColor(
                image, cv2.COLOR_RGB2BGR)):
            raise OSError(f'{path} cannot be written: is the disk full?')
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


def save_figure(figure: Figure, path: str) -> None:
    """Write a figure.

    Args:
        figure (Figure): What to write.
        path (str): A .png, .jpg, .pdf or .svg file.

    Raises:
        ValueError: If the ending is none of these.
    """
    target = output_path(path, ('.png', '.jpg', '.pdf', '.svg'))
    temporary = temporary_path(target)
    try:
        figure.savefig(temporary)
        os.replace(temporary, target)
    finally:
        temporary.unlink(missing_ok=True)


class VideoFile:
    """An mp4 file to write frames to, as a context manager.

    Appears under its name when it is complete and has been read again, and
    not at all if an error ends the block.

    Args:
        path (str): An .mp4 file.
        fps (float): Frames per second.

    Raises:
        ValueError: If the path does not end with .mp4 or the frame rate is
            not positive.
    """

    def __init__(self, path: str, fps: float):
        if not fps > 0:
            raise ValueError(f'fps must be positive, got {fps}')
        self.path = output_path(path, ('.mp4', ))
        self.fps = float(fps)
        self.num_frames = 0
        self._size: Optional[tuple] = None
        self._writer: Optional[cv2.VideoWriter] = None
        self._temporary = temporary_path(self.path)

    def __enter__(self) -> 'VideoFile':
        return self

    def write(self, image: np.ndarray) -> None:
        """Add a frame.

        Args:
            image (np.ndarray): RGB uint8 in shape (H, W, 3); width and
                height are even, and the same for all frames.

        Raises:
            ValueError: If the size is odd or another one. OpenCV would leave
                such frames out without a word.
            RuntimeError: If OpenCV cannot write mp4.
        """
        size = (image.shape[1], image.shape[0])
        if size[0] % 2 or size[1] % 2:
            raise ValueError(f'frames of a video must be even, got {size}')
        if self._writer is None:
            self._size = size
            self._writer = cv2.VideoWriter(
                str(self._temporary), cv2.VideoWriter_fourcc(*'mp4v'),
                self.fps, size)
            if not self._writer.isOpened():
                raise RuntimeError(
                    f'OpenCV cannot write {self.path} (codec mp4v): install '
                    'a build of opencv-python with FFmpeg')
        if size != self._size:
            raise ValueError(f'a frame of {size} does not fit into a video '
                             f'of {self._size}')
        self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        self.num_frames += 1

    def __exit__(self, error_type, error, traceback) -> None:
        if self._writer is not None:
            self._writer.release()
        try:
            if error_type is None:
                self._check()
                os.replace(self._temporary, self.path)
        finally:
            self._temporary.unlink(missing_ok=True)

    def _check(self) -> None:
        """Raise unless the file holds the frames that were written."""
        if not self.num_frames:
            raise ValueError(f'no frame was written to {self.path}')
        reader = cv2.VideoCapture(str(self._temporary))
        readable, _ = reader.read()
        count = int(reader.get(cv2.CAP_PROP_FRAME_COUNT))
        reader.release()
        if not readable or count != self.num_frames:
            raise RuntimeError(
                f'{self.path} holds {count} of {self.num_frames} frames when '
                'read again: is the disk full?')
