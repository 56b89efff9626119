# Copyright (c) temporal_corr authors. All rights reserved.
"""Make videos of moving people in the raw layouts of the public data sets.

For everybody who does not have JHMDB or Penn Action: drawn people walk, run,
wave and so on in front of places, with camera motion, passers-by and things
in front. Keypoints, masks and boxes are exact. The files are laid out as
released, so the data set converters read them like the originals::

    python tools/misc/make_synthetic_videos.py data/synthetic
    python tools/dataset_converters/jhmdb.py data/synthetic/jhmdb ...
    python tools/dataset_converters/penn_action.py data/synthetic/penn_action

The same arguments make the same files.
"""
import argparse
import json
import os
import sys
import tempfile
from functools import partial
from pathlib import Path
from typing import Dict, Tuple

import cv2
from mmengine.utils import track_parallel_progress
from synthetic.clip import clip_action, make_clip
from synthetic.writers import write_jhmdb, write_jhmdb_splits, write_penn

#: Written last: a folder that has it is complete.
RECORD = 'synthetic_videos.json'
#: Raised whenever the same arguments would make other files.
VERSION = 2


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        description='Make synthetic videos of people in the raw layouts of '
        'JHMDB (OUT/jhmdb) and Penn Action (OUT/penn_action).')
    parser.add_argument('out', type=Path, help='folder to make')
    parser.add_argument('--num-videos', type=int, default=100)
    parser.add_argument('--num-frames', type=int, default=24,
                        help='frames per video. Defaults to 24')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--layout', choices=('jhmdb', 'penn', 'both'),
                        default='both')
    parser.add_argument('--size', type=int, nargs=2, default=[320, 240],
                        metavar=('W', 'H'), help='of the frames, in pixels')
    parser.add_argument('--workers', type=int, default=2,
                        help='number of processes. Defaults to 2')
    return parser.parse_args(argv)


def write_clip(index: int, root: Path,
               settings: Dict) -> Tuple[str, str, int]:
    """Make clip ``index`` and write it under ``root``; returns its action,
    name and number within the action."""
    clip = make_clip(index, settings['seed'], settings['num_frames'],
                     settings['size'])
    _, number = clip_action(index)
    if settings['layout'] != 'penn':
        write_jhmdb(clip, root / 'jhmdb')
    if settings['layout'] != 'jhmdb':
        write_penn(clip, root / 'penn_action', index, number)
    return clip.action, clip.name, number


def main(argv=None) -> None:
    settings = vars(parse_args(argv))
    out, workers = settings.pop('out').absolute(), settings.pop('workers')
    settings['version'] = VERSION
    if (out / RECORD).is_file() and json.loads(
            (out / RECORD).read_text(encoding='utf-8')) == settings:
        print(f'{out} is complete; nothing to do')
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        sys.exit(f'{out} is not empty, and holds nothing that was made with '
                 f'these arguments ({RECORD} names them): choose another '
                 'folder for OUT, or remove it')
    out.parent.mkdir(parents=True, exist_ok=True)
    print(f'Making {settings["num_videos"]} videos in {out}')
    # One process is one core, and a fork may not copy OpenCV's threads.
    cv2.setNumThreads(1)
    # Beside OUT, so that the last step is one rename.
    with tempfile.TemporaryDirectory(
            prefix=f'.{out.name}.', dir=out.parent) as partial_dir:
        new = Path(partial_dir) / 'new'
        new.mkdir()
        clips = track_parallel_progress(
            partial(write_clip, root=new, settings=settings),
            range(settings['num_videos']), workers)
        if settings['layout'] != 'penn':
            write_jhmdb_splits(clips, new / 'jhmdb')
        (new / RECORD).write_text(
            json.dumps(settings, indent=2) + '\n', encoding='utf-8')
        os.replace(new, out)


if __name__ == '__main__':
    main()
