# Copyright (c) temporal_corr authors. All rights reserved.
"""Videos and annotations for those who have no data set at hand."""
import subprocess
import sys
from functools import lru_cache
from pathlib import Path

from repo_path import ROOT

NUM_VIDEOS, NUM_FRAMES = 32, 12
#: The larger part of split 1.
ANN_FILE = 'annotations/Sub1_train.json'


@lru_cache(maxsize=None)
def synthetic_jhmdb(work_dir: Path) -> Path:
    """Synthetic videos in the layout of JHMDB, converted; made once.

    Args:
        work_dir (Path): Folder to keep them in.

    Returns:
        Path: The data root.
    """
    videos = work_dir / 'videos'
    root = videos / 'jhmdb'
    _run('tools/misc/make_synthetic_videos.py', videos, '--num-videos',
         NUM_VIDEOS, '--num-frames', NUM_FRAMES, '--layout', 'jhmdb',
         '--overwrite')
    _run('tools/dataset_converters/jhmdb.py', root, '--split', 1, '--out',
         root / 'annotations')
    return root


def _run(*command) -> None:
    subprocess.run([sys.executable, *map(str, command)],
                   cwd=ROOT,
                   stdout=sys.stderr,
                   check=True)
