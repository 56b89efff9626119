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
from mmengine.utils import track_parallel_progress, track_progress
from synthetic.clip import clip_action, make_clip
from synthetic.writers import write_jhmdb, write_jhmdb_splits, write_penn

# Not projects.temporal_corr, which would import all of MMPose.
sys.path.append(
    str(Path(__file__).resolve().parents[2] / 'projects/temporal_corr'))
from video_io.arguments import number  # noqa: E402

#: Written last: a folder that has it is complete.
RECORD = 'synthetic_videos.json'
#: Raised whenever the same arguments would make other files.
VERSION = 2


def parse_args(argv=None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(
        description='Make synthetic videos of people in the raw layouts of '
        'JHMDB (OUT/jhmdb) and Penn Action (OUT/penn_action).')
    parser.add_argument('out', type=Path, help='folder to make')
    parser.add_argument('--num-videos', type=number(int, 1), default=100)
    parser.add_argument(
        '--num-frames', type=number(int, 1, 65535), nargs='+', default=[24],
        metavar='N',
        help='frames per video, or the least and the largest number')
    parser.add_argument('--seed', type=number(int, 0), default=0)
    parser.add_argument('--layout', choices=('jhmdb', 'penn', 'both'),
                        default='both')
    parser.add_argument('--size', type=number(int, 64, 4096), nargs=2,
                        default=[320, 240], metavar=('W', 'H'),
                        help='of the frames, in pixels')
    parser.add_argument(
        '--video', action='store_true', help='write the JHMDB layout with '
        'compressed videos (ReCompress_Videos) instead of PNG frames')
    parser.add_argument('--workers', type=number(int, 1), default=2,
                        help='number of processes')
    parser.add_argument(
        '--overwrite', action='store_true',
        help='replace what an earlier run with other arguments made')
    args = parser.parse_args(argv)
    if len(args.num_frames) > 2 or args.num_frames != sorted(args.num_frames):
        parser.error('--num-frames takes one number, or two in ascending '
                     'order')
    args.num_frames = [args.num_frames[0], args.num_frames[-1]]
    if args.video and args.layout == 'penn':
        parser.error('--video concerns the JHMDB layout; choose --layout '
                     'jhmdb or both')
    return args


def write_clip(index: int, root: Path,
               settings: Dict) -> Tuple[str, str, int]:
    """Make clip ``index`` and write it under ``root``.

    Returns:
        tuple: Its action, name and number within the action.
    """
    cv2.setNumThreads(1)  # one process is one core
    clip = make_clip(index, settings['seed'], settings['num_frames'],
                     settings['size'])
    _, number = clip_action(index)
    if settings['layout'] != 'penn':
        write_jhmdb(clip, root / 'jhmdb', settings['video'])
    if settings['layout'] != 'jhmdb':
        write_penn(clip, root / 'penn_action', index, number)
    return clip.action, clip.name, number


def make(root: Path, settings: Dict, workers: int) -> None:
    """Make all clips under ``root``, in ``workers`` processes."""
    task = partial(write_clip, root=root, settings=settings)
    indices = range(settings['num_videos'])
    if workers == 1:
        clips = track_progress(task, indices)
    else:
        clips = track_parallel_progress(task, indices, workers)
    if settings['layout'] != 'penn':
        write_jhmdb_splits(clips, root / 'jhmdb')
    (root / RECORD).write_text(
        json.dumps(settings, indent=2) + '\n', encoding='utf-8')


def main(argv=None) -> None:
    """Entry point."""
    args = parse_args(argv)
    out = args.out.absolute()
    settings = dict(version=VERSION, **{
        key: value for key, value in vars(args).items()
        if key not in ('out', 'workers', 'overwrite')})
    try:
        found = json.loads((out / RECORD).read_text(encoding='utf-8'))
    except (OSError, ValueError):
        found = None
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
    with tempfile.TemporaryDirectory(
            prefix=f'.{out.name}.', dir=out.parent) as partial_dir:
        new = Path(partial_dir) / 'new'
        new.mkdir()
        make(new, settings, args.workers)
        if out.exists():
            os.replace(out, Path(partial_dir) / 'old')
        os.replace(new, out)


if __name__ == '__main__':
    main()
