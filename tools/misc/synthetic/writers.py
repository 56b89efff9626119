# Copyright (c) temporal_corr authors. All rights reserved.
"""Writing clips as JHMDB and Penn Action are released, 1-based."""
import io
from pathlib import Path
from typing import Dict, List, Tuple

import cv2
import numpy as np
from scipy.io import savemat

from .clip import Clip
from .skeleton import JHMDB_JOINTS, PENN_JOINTS

#: Numbers within an action, modulo ten, that are tested in splits 1 to 3.
TEST_NUMBERS = ((1, 4, 7), (0, 3, 6), (1, 5, 8))


def is_test(number: int, split: int) -> bool:
    """Whether the ``number``-th clip of an action (from 0) is a test clip
    of ``split`` 1, 2 or 3."""
    return number % 10 in TEST_NUMBERS[split - 1]


def _save_mat(path: Path, fields: Dict) -> None:
    """Write a MATLAB file; its header, with the time, gives way to one that
    is always the same."""
    path.parent.mkdir(parents=True, exist_ok=True)
    content = io.BytesIO()
    savemat(content, fields, do_compression=True)
    header = b'MATLAB 5.0 MAT-file Platform: posix, synthetic'.ljust(116)
    path.write_bytes(header + content.getvalue()[116:])


def _save_images(folder: Path, pattern: str, frames: np.ndarray) -> None:
    folder.mkdir(parents=True)
    for number, frame in enumerate(frames, 1):
        path = str(folder / pattern.format(number))
        if not cv2.imwrite(path, frame, [cv2.IMWRITE_JPEG_QUALITY, 92]):
            raise OSError(f'{path} cannot be written: is the disk full?')


def mask_boxes(masks: np.ndarray) -> np.ndarray:
    """Extents of masks (n, H, W): x1, y1, x2, y2, 1-based and inclusive."""
    boxes = np.zeros((len(masks), 4))
    for axis in (1, 2):
        hit = masks.any(axis)
        boxes[:, axis - 1] = hit.argmax(1) + 1
        boxes[:, axis + 1] = hit.shape[1] - hit[:, ::-1].argmax(1)
    return boxes


def write_jhmdb(clip: Clip, root: Path) -> None:
    """Write frames, joints and mask of a clip under JHMDB's root, which holds
    ``joint_positions`` and so on."""
    part = Path(clip.action) / clip.name
    _save_images(root / 'Rename_Images' / part, '{:05d}.png', clip.frames)
    h, w = clip.masks.shape[1:]
    pos_img = (clip.keypoints + 1).transpose(2, 1, 0)
    # The puppet's scale comes in steps; positions relative to it follow.
    scale = np.maximum(np.round(clip.scale / .05), 1) * .05
    centre = np.array([w / 2, h / 2])[:, None, None]
    _save_mat(root / 'joint_positions' / part / 'joint_positions.mat', dict(
        pos_img=pos_img, pos_world=(pos_img - centre) / (scale * h),
        scale=scale[None], viewpoint=clip.viewpoint))
    _save_mat(root / 'puppet_mask' / part / 'puppet_mask.mat', dict(
        part_mask=clip.masks.transpose(1, 2, 0)))


def write_jhmdb_splits(clips: List[Tuple[str, str, int]],
                       root: Path) -> None:
    """Write the three splits of clips: action, name and number of each."""
    folder = root / 'sub_splits'
    folder.mkdir(parents=True)
    for action, name, number in sorted(clips):
        for split in (1, 2, 3):
            path = folder / f'{action}_test_split_{split}.txt'
            with open(path, 'a', encoding='utf-8') as file:
                file.write(f'{name}.avi {2 if is_test(number, split) else 1}'
                           '\n')


def write_penn(clip: Clip, root: Path, index: int, number: int) -> None:
    """Write frames and labels of a clip, whose folder is called ``index`` + 1,
    under Penn Action's root, which holds ``frames`` and ``labels``."""
    n, h, w = clip.masks.shape
    name, order = f'{index + 1:04d}', [JHMDB_JOINTS.index(k)
                                       for k in PENN_JOINTS]
    _save_images(root / 'frames' / name, '{:06d}.jpg', clip.frames)
    x, y = np.moveaxis(clip.keypoints[:, order] + 1, -1, 0)
    small = np.uint8 if n < 256 else np.uint16
    _save_mat(root / 'labels' / f'{name}.mat', dict(
        action=clip.action, pose=clip.viewpoint, x=x, y=y,
        visibility=clip.visible[:, order].astype(np.uint8),
        train=np.int32([[-1 if is_test(number, 1) else 1]]),
        bbox=mask_boxes(clip.masks),
        dimensions=np.uint16([[h, w, n]]), nframes=small([[n]])))
