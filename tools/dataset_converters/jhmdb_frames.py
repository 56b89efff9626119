# Copyright (c) temporal_corr authors. All rights reserved.
"""The frames of JHMDB: finding them, and extracting them from its videos."""
import os
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import List, Mapping, Tuple

import cv2
from mmengine.utils import track_iter_progress
from video_io.frame_source import FrameSource  # on the path of coco_video
from video_io.images import list_files, picture_size


def list_frames(folder: Path) -> List[str]:
    """Sorted names like ``'00001.png'``, none if there is no such folder."""
    return list_files(folder, r'(?i)\d+\.png')


def decode_video(video: Path, folder: Path, num_frames: int) -> None:
    """Write all frames of a video as 00001.png, 00002.png, ...

    Args:
        video (Path): The video.
        folder (Path): An empty folder for the frames.
        num_frames (int): Number of frames the video must have.

    Raises:
        ValueError: If the video cannot be read or has another number.
        OSError: If the frames cannot be written.
    """
    count = 0  # by decoding: the frame count in the headers is wrong
    try:
        for frame in FrameSource(str(video)):
            if not frame.readable:
                raise ValueError(f'frame {frame.index + 1} cannot be decoded')
            count += 1
            path = folder / f'{count:05d}.png'
            path.write_bytes(cv2.imencode('.png', frame.image)[1])
    except ValueError as error:
        raise ValueError(f'{video}: not a readable video ({error}); '
                         'download it again') from error
    if count != num_frames:
        raise ValueError(
            f"{video}: {count} frames could be read, but 'pos_img' in "
            f'joint_positions.mat of the clip has {num_frames}; download the '
            'video again')


def extract_frames(videos: Path, frames: Path,
                   num_frames: Mapping[str, int]) -> int:
    """Extract the frames of those clips that have none.

    A clip's folder appears once all its frames are in it, so an interrupted
    extraction goes on where it stopped.

    Args:
        videos (Path): The folder of ``<action>/<clip>.avi``.
        frames (Path): The folder of all frames.
        num_frames (Mapping[str, int]): Number of frames by
            ``'<action>/<clip>'``.

    Returns:
        int: The number of clips extracted.

    Raises:
        ValueError: If a video is damaged, or the folder cannot be written.
    """
    todo = [name for name in num_frames if not list_frames(frames / name)]
    if not todo:
        return 0

    def extract(staging: Path, name: str) -> None:
        partial, final = staging / name, frames / name
        partial.mkdir(parents=True)
        decode_video(videos / f'{name}.avi', partial, num_frames[name])
        final.parent.mkdir(exist_ok=True)
        try:
            os.replace(partial, final)
        except OSError:
            # another process was faster: its frames are complete, too
            if len(list_frames(final)) != num_frames[name]:
                raise

    print(
        f'Extracting the frames of {len(todo)} clips to {frames}',
        file=sys.stderr)
    try:
        frames.mkdir(parents=True, exist_ok=True)
        # threads suffice: OpenCV decodes and encodes without holding the GIL
        with TemporaryDirectory(prefix='.extract-', dir=frames) as staging, \
                ThreadPoolExecutor(os.cpu_count()) as pool:
            done = pool.map(partial(extract, Path(staging)), todo)
            for _ in track_iter_progress((done, len(todo)), file=sys.stderr):
                pass
        print(file=sys.stderr)
    except OSError as error:
        raise ValueError(
            f'{frames}: cannot be written to ({error}); free some space, or '
            f'choose a folder for the frames of {len(todo)} clips with '
            '--frames') from error
    return len(todo)


def check_frames(folder: Path, num_frames: int,
                 size: Tuple[int, int]) -> None:
    """Check that the frames of a clip are those its annotations are of.

    Args:
        folder (Path): The folder of the clip's frames.
        num_frames (int): Number of annotated frames.
        size (Tuple[int, int]): Width and height of the masks in pixels.

    Raises:
        ValueError: If the number or the size of the frames differs.
    """
    remedy = 'remove this folder, and the frames are extracted again'
    found = list_frames(folder)
    expected = [f'{i + 1:05d}.png' for i in range(num_frames)]
    if found != expected:
        raise ValueError(
            f"{folder}: {len(found)} images ({found[0]} to {found[-1]}), but "
            f"'pos_img' in joint_positions.mat of the clip has {num_frames} "
            f'frames ({expected[0]} to {expected[-1]}); give them these '
            f'names, or {remedy}')
    path = folder / expected[0]
    width, height = picture_size(str(path))
    if (width, height) != size:
        raise ValueError(
            f"{path}: {width}x{height} pixels, but 'part_mask' in "
            f'puppet_mask.mat of the clip is {size[0]}x{size[1]}; {remedy}')
