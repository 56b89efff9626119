# Copyright (c) temporal_corr authors. All rights reserved.
"""Files that are written: complete under their name, or not there."""
import json
import os
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, Iterator, Optional, Sequence, Tuple

import cv2
import numpy as np

from .frame_source import open_video

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def output_path(path: str,
                suffixes: Sequence[str],
                inputs: Sequence[str] = ()) -> Path:
    """Check where a file is to go before work is spent on it.

    A ValueError says what is wrong: an ending that is none of ``suffixes``, a
    file that would replace one of ``inputs``, or a folder that cannot be made
    or written to.
    """
    target = Path(path)
    if target.suffix.lower() not in suffixes:
        raise ValueError(f'{path} must end with {" or ".join(suffixes)}')
    if target.is_dir():
        raise ValueError(f'{path} is a folder: choose another name')
    for name in inputs:
        if target.exists() and os.path.exists(name) and target.samefile(name):
            raise ValueError(f'{path} is the input itself ({name}): choose '
                             'another folder or name')
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ValueError(f'{target.parent} cannot be the folder of '
                         f'{target.name} ({error.strerror}): choose another '
                         'one') from error
    if not os.access(target.parent, os.W_OK | os.X_OK):
        raise ValueError(f'{target.parent} cannot be written to: choose '
                         f'another folder for {target.name}')
    return target


def temporary_path(path: Path) -> Path:
    """A name beside the file; writers tell the format by its ending."""
    return path.with_name(f'.incomplete_{os.getpid()}_{path.name}')


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Write a file under another name until it is complete.

    What is yielded is to be written. It gets its name if the block ends
    without an error, and is removed if not.
    """
    temporary = temporary_path(path)
    try:
        yield temporary
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)


def save_image(image: np.ndarray, path: str) -> None:
    """Write a picture, RGB uint8 in shape (H, W, 3), as .png or .jpg."""
    target = output_path(path, ('.png', '.jpg'))
    _, content = cv2.imencode(target.suffix.lower(),
                              cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
    with replacing(target) as temporary:
        temporary.write_bytes(content.tobytes())


def save_figure(figure: 'Figure', path: str) -> None:
    """Write a figure as .png, .jpg, .pdf or .svg."""
    target = output_path(path, ('.png', '.jpg', '.pdf', '.svg'))
    with replacing(target) as temporary:
        figure.savefig(temporary)


class VideoFile(ExitStack):
    """An mp4 file to write frames to, as a context manager.

    Appears under its name when it is complete and has been read again, and
    not at all if an error ends the block. It must not replace ``inputs``.
    """

    def __init__(self, path: str, fps: float, inputs: Sequence[str] = ()):
        super().__init__()
        self.path = output_path(path, ('.mp4', ), inputs)
        self.fps = float(fps)
        self.num_frames = 0
        self._writer: Optional[cv2.VideoWriter] = None

    def __enter__(self) -> 'VideoFile':
        self._temporary = self.enter_context(replacing(self.path))
        self.push(self._finish)
        return self

    def write(self, image: np.ndarray) -> None:
        """Add a frame, RGB uint8 in shape (H, W, 3).

        All frames are of the size of the first: OpenCV would leave others
        out without a word, which is told at the end.
        """
        if self._writer is None:
            self._writer = cv2.VideoWriter(
                str(self._temporary.absolute()),
                cv2.VideoWriter_fourcc(*'mp4v'), self.fps,
                image.shape[1::-1])
            if not self._writer.isOpened():
                raise RuntimeError(
                    f'OpenCV cannot write {self.path} (codec mp4v): install '
                    'a build of opencv-python with FFmpeg')
        self._writer.write(cv2.cvtColor(image, cv2.COLOR_RGB2BGR))
        self.num_frames += 1

    def _finish(self, error_type, error, traceback) -> None:
        """Raise unless the file holds the frames that were written."""
        if self._writer is not None:
            self._writer.release()
        if error_type is not None:
            return
        if not self.num_frames:
            raise ValueError(f'no frame was written to {self.path}')
        reader = open_video(str(self._temporary))
        readable, _ = reader.read()
        count = int(reader.get(cv2.CAP_PROP_FRAME_COUNT))
        reader.release()
        if not readable or count != self.num_frames:
            raise RuntimeError(
                f'{self.path} holds {count} of {self.num_frames} frames when '
                'read again: is the disk full?')


def fit_image(size: Tuple[int, int], target: Tuple[int, int]) -> np.ndarray:
    """The (2, 3) map that fits an image of a size into a panel, centred."""
    scale = min(target[0] / size[0], target[1] / size[1])
    centre = (np.asarray(size) - 1) / 2
    offset = (np.asarray(target) - 1) / 2 - scale * centre
    return np.array([[scale, 0., offset[0]], [0., scale, offset[1]]])


class SameSize:
    """Fits pictures into the size of the first, with even sides for videos."""

    def __init__(self):
        self._size: Tuple[int, int] = ()

    def __call__(self, image: np.ndarray) -> np.ndarray:
        """Fit a picture, uint8 in shape (H, W, 3)."""
        size = image.shape[1::-1]
        self._size = self._size or size
        if size != self._size:
            image = cv2.warpAffine(image, fit_image(size, self._size),
                                   self._size)
        return cv2.copyMakeBorder(image, 0, self._size[1] % 2, 0,
                                  self._size[0] % 2, cv2.BORDER_REPLICATE)


class ListFile(ExitStack):
    """A JSON file with a list that grows, as a context manager.

    Entries go to the disk as they come, so that a long video takes no more
    memory than a short one. Appears under its name when it is complete, and
    not at all if an error ends the block. It must not replace ``inputs``.
    ``before`` is the JSON up to the first entry.
    """

    def __init__(self, path: str, before: str, inputs: Sequence[str] = ()):
        super().__init__()
        self.path = output_path(path, ('.json', ), inputs)
        self.num_entries = 0
        self._before = before

    def __enter__(self) -> 'ListFile':
        temporary = self.enter_context(replacing(self.path))
        self._file = self.enter_context(open(temporary, 'w', encoding='utf-8'))
        self._file.write(self._before)
        self.callback(lambda: self._file.write(self.after()))
        return self

    def append(self, entry: Any) -> None:
        """Add an entry, of anything with finite numbers and names in it."""
        try:
            text = dumps(entry)
        except ValueError as error:
            raise RuntimeError(
                f'entry {self.num_entries} (from 0) of {self.path} would hold '
                'numbers that are not finite: does the checkpoint?') from error
        comma = ',' if self.num_entries else ''
        self._file.write(f'{comma}\n{text}')
        self.num_entries += 1

    def after(self) -> str:
        """JSON from the last entry on."""
        return '\n]}\n'


def dumps(value: Any) -> str:
    """JSON of anything with finite numbers and names in it."""
    return json.dumps(value, default=_plain, allow_nan=False)


def _plain(value: Any) -> Any:
    """What stands in JSON for what is none of Python's own types."""
    if isinstance(value, (np.ndarray, np.generic)):
        return value.tolist()
    if isinstance(value, (set, tuple)):
        return list(value)
    return str(value)
