# Copyright (c) temporal_corr authors. All rights reserved.
"""Make videos of moving people in the raw layouts of the public data sets.

For everybody who does not have JHMDB or Penn Action: articulated, textured
people walk, run, jump, throw and so on in front of places, with camera
motion, motion blur, things and people passing in front, and look-alikes.
Keypoints, masks and boxes are exact. The files are laid out as released, so
the data set converters read them like the originals::

    python tools/misc/make_synthetic_videos.py data/synthetic
    python tools/dataset_converters/jhmdb.py data/synthetic/jhmdb ...
    python tools/dataset_converters/penn_action.py data/synthetic/penn_action

The same seed makes the same files, and a clip depends on nothing but the
seed, its number, the range of frames and the size.
"""
import argparse
import json
import os
import shutil
import sys
import tempfile
from functools import partial
from multiprocessing import Pool
from pathlib import Path
from typing import Dict, List, Optional, Tuple

import cv2
from mmengine.utils import track_iter_progress
from synthetic.clip import clip_action, make_clip
from synthetic.writers import write_jhmdb, write_jhmdb_splits, write_penn

#: Written last and renamed with the whole: a folder that has it is complete.
RECORD = 'synthetic_videos.json'
#: Raised whenever the same arguments would make other files.
VERSION = 1


def parse_args(argv: Optional[List[str]] = None) -> argparse.Namespace:
    """Read and check the command line."""
    parser = argparse.ArgumentParser(
        description='Make synthetic videos of people in the raw layouts of '
        'JHMDB (OUT/jhmdb) and Penn Action (OUT/penn_action).')
    parser.add_argument('out', type=Path, help='folder to make')
    parser.add_argument('--num-videos', type=int, default=100)
    parser.add_argument(
        '--num-frames', type=int, nargs='+', default=[24], metavar='N',
        help='frames per video, or the least and the largest number')
    parser.add_argument('--seed', type=int, default=0)
    parser.add_argument('--layout', choices=('jhmdb', 'penn', 'both'),
                        default='both')
    parser.add_argument('--size', type=int, nargs=2, default=[320, 240],
                        metavar=('W', 'H'), help='of the frames, in pixels')
    parser.add_argument(
        '--video', action='store_true', help='write the JHMDB layout with '
        'compressed videos (ReCompress_Videos) instead of PNG frames')
    parser.add_argument('--workers', type=int, default=2,
                        help='number of processes')
    parser.add_argument(
        '--overwrite', action='store_true',
        help='replace what an earlier run with other arguments made')
    args = parser.parse_args(argv)
    args.num_frames = (args.num_frames * 2)[:2] if len(
        args.num_frames) == 1 else args.num_frames
    if len(args.num_frames) != 2 or not (
            1 <= args.num_frames[0] <= args.num_frames[1] <= 65535):
        parser.error('--num-frames takes one number, or two in ascending '
                     'order, from 1 to 65535')
    if args.num_videos < 1 or args.workers < 1 or args.seed < 0:
        parser.error('--num-videos and --workers must be at least 1, --seed '
                     'at least 0')
    if not all(64 <= k <= 4096 for k in args.size):
        parser.error('--size must be from 64 to 4096 pixels')
    if args.video and args.layout == 'penn':
        parser.error('--video concerns the JHMDB layout; choose --layout '
                     'jhmdb or both')
    return args


def contents(args: argparse.Namespace) -> Dict:
    """Everything that decides what the files hold."""
    return dict(version=VERSION, num_videos=args.num_videos,
                num_frames=list(args.num_frames), seed=args.seed,
                layout=args.layout, size=list(args.size), video=args.video)


def made_before(out: Path) -> Optional[Dict]:
    """The record of an earlier run in ``out``, None where there is none."""
    try:
        return json.loads((out / RECORD).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        return None


def write_clip(index: int, root: Path,
               settings: Dict) -> Tuple[str, str, int]:
    """Make clip ``index`` and write it under ``root``.

    Returns:
        tuple: Its action, name and number within the action.
    """
    cv2.setNumThreads(1)  # one process is one core
    clip = make_clip(index, settings['seed'], tuple(settings['num_frames']),
                     tuple(settings['size']))
    number = clip_action(index)[1]
    if settings['layout'] != 'penn':
        write_jhmdb(clip, root / 'jhmdb', settings['video'])
    if settings['layout'] != 'jhmdb':
        write_penn(clip, root / 'penn_action', index, number)
    return clip.action, clip.name, number


def make(root: Path, settings: Dict, workers: int) -> None:
    """Make all clips under ``root``, in ``workers`` processes."""
    task = partial(write_clip, root=root, settings=settings)
    count = settings['num_videos']
    if workers == 1:
        clips = [task(k) for k in track_iter_progress(range(count))]
    else:
        with Pool(min(workers, count)) as pool:
            clips = list(track_iter_progress(
                (pool.imap_unordered(task, range(count)), count)))
    print()
    if settings['layout'] != 'penn':
        write_jhmdb_splits(clips, root / 'jhmdb')
    (root / RECORD).write_text(
        json.dumps(settings, indent=2) + '\n', encoding='utf-8')


def main(argv: Optional[List[str]] = None) -> None:
    """Entry point."""
    args = parse_args(argv)
    out, settings = args.out.absolute(), contents(args)
    found = made_before(out)
    if found == settings:
        print(f'{out} is complete; nothing to do')
        return
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        if found is None:
            sys.exit(f'{out} is not empty and was not made by this tool; '
                     'choose another folder for OUT, or empty it')
        if not args.overwrite:
            sys.exit(f'{out} holds videos made with other arguments '
                     f'({out / RECORD}); add --overwrite to replace them, '
                     'or choose another folder for OUT')
    out.parent.mkdir(parents=True, exist_ok=True)
    print(f'Making {args.num_videos} videos in {out}')
    # Beside OUT, so that the last step is one rename.
    partial_dir = Path(tempfile.mkdtemp(prefix=f'.{out.name}.',
                                        dir=out.parent))
    try:
        new, old = partial_dir / 'new', partial_dir / 'old'
        new.mkdir()
        make(new, settings, args.workers)
        if out.exists():
            os.replace(out, old)
        os.replace(new, out)
    finally:
        shutil.rmtree(partial_dir, ignore_errors=True)
    for name in ('jhmdb', 'penn_action'):
        if (out / name).is_dir():
            print(f'  {out / name}')


if __name__ == '__main__':
    main()
