# Copyright (c) temporal_corr authors. All rights reserved.
"""Label files of Penn Action: the real ones, or as many synthetic ones."""
import os
import re
import shutil
import sys
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import List, Tuple

import numpy as np
from mmengine.utils import track_iter_progress
from scipy.io import loadmat, savemat

from .settings import Settings

#: As in the data set: clips of both subsets, and frames.
NUM_CLIPS, NUM_TEST, NUM_FRAMES = 2326, 1068, 163841
#: Shortest clip and longest clip.
SHORTEST, LONGEST = 18, 663


@dataclass(frozen=True)
class PennSource:
    """Where label files come from.

    Attributes:
        root (Path): Folder that holds ``labels/``.
        kind (str): ``'real'`` or ``'synthetic'``.
    """
    root: Path
    kind: str

    def test_lengths(self) -> List[int]:
        """list[int]: Frames of each test clip."""
        if self.kind == 'synthetic':
            lengths, is_test = synthetic_lengths()
            return lengths[is_test].tolist()
        lengths = []
        print('Lengths of the test clips', file=sys.stderr)
        for path in track_iter_progress(label_files(self.root),
                                        file=sys.stderr):
            label = loadmat(path, variable_names=('train', 'nframes'))
            if label['train'].item() == -1:
                lengths.append(int(label['nframes'].item()))
        print(file=sys.stderr)
        return lengths

    def prepare(self) -> Path:
        """Path: The folder, with its label files written."""
        if self.kind == 'synthetic' and not (self.root / 'labels').is_dir():
            write_synthetic_labels(self.root)
        return self.root


def penn_source(settings: Settings) -> PennSource:
    """The label files that the settings name, or else synthetic ones."""
    if settings.penn_labels is not None:
        return PennSource(settings.penn_labels, 'real')
    return PennSource(settings.work_dir / 'penn_action', 'synthetic')


def label_files(root: Path) -> List[Path]:
    """The label files under a folder, in order.

    Args:
        root (Path): Folder that holds ``labels/``.

    Returns:
        list[Path]: Files like ``labels/0001.mat``.
    """
    return sorted(
        path for path in (root / 'labels').glob('*.mat')
        if re.fullmatch(r'\d+', path.stem))


def synthetic_lengths() -> Tuple[np.ndarray, np.ndarray]:
    """Lengths as uneven as those of the data set, always the same.

    Returns:
        tuple: Frames of each clip, which are as many in all, and whether it
        is a test clip.
    """
    rng = np.random.default_rng(0)
    lengths = rng.lognormal(np.log(57), 0.52, NUM_CLIPS)
    lengths[0] = LONGEST
    lengths = np.clip(lengths, SHORTEST, LONGEST).round().astype(int)
    # Frame by frame to the right sum.
    missing = NUM_FRAMES - int(lengths.sum())
    inside = np.flatnonzero((lengths > SHORTEST) & (lengths < LONGEST))
    np.add.at(lengths, np.resize(inside, abs(missing)), np.sign(missing))
    is_test = np.zeros(NUM_CLIPS, dtype=bool)
    is_test[0] = True
    is_test[1 + rng.permutation(NUM_CLIPS - 1)[:NUM_TEST - 1]] = True
    return lengths, is_test


def write_synthetic_labels(root: Path) -> None:
    """Write label files of random walks, as many and as long.

    Args:
        root (Path): Folder to make ``labels/`` in.
    """
    root.mkdir(parents=True, exist_ok=True)
    rng = np.random.default_rng(1)
    partial = Path(tempfile.mkdtemp(prefix='.labels.', dir=root))
    print('Writing synthetic label files', file=sys.stderr)
    try:
        for clip, (length, is_test) in enumerate(
                track_iter_progress(
                    list(zip(*synthetic_lengths())), file=sys.stderr),
                start=1):
            savemat(
                partial / f'{clip:04d}.mat',
                _label(rng, int(length), bool(is_test)),
                do_compression=True)
        print(file=sys.stderr)
        os.chmod(partial, 0o755)
        os.replace(partial, root / 'labels')
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def _label(rng: np.random.Generator, length: int, is_test: bool) -> dict:
    """The variables that the converter reads, and the others' size."""
    walk = rng.normal(0, 2, (length, 1, 2)).cumsum(axis=0) + (240, 180)
    points = walk + rng.normal(0, 40, (1, 13, 2))
    points = np.clip(points, 1, (480, 360)).round(4)
    low, high = points.min(axis=1) - 5, points.max(axis=1) + 5
    return dict(
        action='synthetic',
        pose='front',
        x=points[..., 0],
        y=points[..., 1],
        visibility=(rng.random((length, 13)) < 0.9).astype(float),
        train=-1 if is_test else 1,
        bbox=np.concatenate([low, high], axis=1),
        dimensions=np.array([[360., 480., length]]),
        nframes=length)
