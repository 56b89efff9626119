# Copyright (c) temporal_corr authors. All rights reserved.
"""Videos and annotations for those who have no data set at hand."""
import subprocess
import sys
from pathlib import Path

from repo_path import ROOT

NUM_VIDEOS, NUM_FRAMES = 32, 12
#: The larger part of split 1.
ANN_FILE = 'annotations/Sub1_train.json'


def synthetic_jhmdb(work_dir: Path) -> Path:
    """Synthetic videos in the layout of JHMDB, converted; made once.

    Args:
        work_dir (Path): Folder to keep them in.

    Returns:
        Path: The data root.
    """
    videos = work_dir / 'videos'
    root = videos / 'jhmdb'
    commands = (
        ('tools/misc/make_synthetic_videos.py', videos, '--num-videos',
         NUM_VIDEOS, '--num-frames', NUM_FRAMES, '--layout', 'jhmdb',
         '--overwrite'),
        ('tools/dataset_converters/jhmdb.py', root, '--split', 1, '--out',
         root / 'annotations'))
    for command in commands:
        subprocess.run([sys.executable, *map(str, command)],
                       cwd=ROOT,
                       stdout=sys.stderr,
                       check=True)
    return root
