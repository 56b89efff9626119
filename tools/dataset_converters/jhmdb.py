# Copyright (c) temporal_corr authors. All rights reserved.
"""Convert JHMDB or sub-JHMDB, as released, to MMPose's JHMDB format."""
import argparse
import json
import os
import re
import sys
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Dict, List, Mapping, Optional, Tuple

import cv2
import numpy as np
from coco_video import (VideoClip, check_outputs, coco_json, nearest_valid,
                        write_together)
from mat_file import read_mat
from video_io.arguments import run_command  # on the path of coco_video
from video_io.frame_source import FrameSource
from video_io.images import list_files, picture_size
from video_io.progress import track

KEYPOINTS = ('neck', 'belly', 'head', 'right_shoulder', 'left_shoulder',
             'right_hip', 'left_hip', 'right_elbow', 'left_elbow',
             'right_knee', 'left_knee', 'right_wrist', 'left_wrist',
             'right_ankle', 'left_ankle')
SKELETON = (('right_ankle', 'right_knee'), ('right_knee', 'right_hip'),
            ('right_hip', 'belly'), ('belly', 'left_hip'),
            ('left_hip', 'left_knee'), ('left_knee', 'left_ankle'),
            ('belly', 'neck'), ('neck', 'head'), ('neck', 'right_shoulder'),
            ('right_shoulder', 'right_elbow'), ('right_elbow', 'right_wrist'),
            ('neck', 'left_shoulder'), ('left_shoulder', 'left_elbow'),
            ('left_elbow', 'left_wrist'))
# the numbers of the split files; HMDB51, their model, also knows 0, unused
SUBSETS = {'1': 'train', '2': 'test', '0': None}


def read_split(root: Path, split: int) -> Dict[str, str]:
    """``'train'`` or ``'test'`` by ``'<action>/<clip>'``, sorted by name, of
    one of the three splits of the data set in ``root``."""
    folder, suffix = root / 'sub_splits', f'_test_split_{split}.txt'
    names = list_files(folder, f'(?i).+{re.escape(suffix)}')
    if not names:
        raise ValueError(f'{folder}: no file <action>{suffix}; unpack '
                         'sub_splits.zip of JHMDB there')
    subsets = {}
    for path in (folder / name for name in names):
        action = path.name[:-len(suffix)]
        content = path.read_bytes()
        # also UTF-16, and byte order marks
        text = content.decode(json.detect_encoding(content), 'replace')
        for number, line in enumerate(text.splitlines(), 1):
            if not line.strip():
                continue
            video, *subset = line.strip().rsplit(None, 1)
            subset = ''.join(subset)
            if not video.lower().endswith('.avi') or subset not in SUBSETS:
                raise ValueError(
                    f'{path}, line {number}: {line!r} is not '
                    '"<clip>.avi 1" (train) or "<clip>.avi 2" (test); '
                    'download this file again')
            clip = f'{action}/{video[:-len(".avi")]}'
            if clip in subsets:
                raise ValueError(
                    f'{path}, line {number}: {video} is listed twice; '
                    'remove one of the lines')
            if SUBSETS[subset]:
                subsets[clip] = SUBSETS[subset]
    return dict(sorted(subsets.items()))


def mask_boxes(mask: np.ndarray) -> np.ndarray:
    """Boxes (T, 4) around a mask (H, W, T): x1, y1, x2-x1+1, y2-y1+1 with x1
    and y1 1-based, as in MMPose's files; zeros where it is empty."""
    boxes = []
    for occupied in (mask.any(axis=0), mask.any(axis=1)):
        first = occupied.argmax(axis=0)
        last = len(occupied) - 1 - occupied[::-1].argmax(axis=0)
        boxes.append((first + 1, last - first + 1))
    (x, w), (y, h) = boxes
    return np.stack([x, y, w, h], axis=1) * mask.any(axis=(0, 1))[:, None]


def mat_files(root: Path, name: str) -> List[Path]:
    """The files of joints and masks of a clip ``'<action>/<clip>'``."""
    return [root / kind / name / f'{kind}.mat'
            for kind in ('joint_positions', 'puppet_mask')]


def read_clip(root: Path, name: str,
              folder: str) -> Tuple[VideoClip, List[int]]:
    """The annotations of a clip ``'<action>/<clip>'``, whose frames are in a
    folder of this name, and the 1-based frames with an empty mask, whose box
    is that of the nearest frame with a mask."""
    joint_path, mask_path = mat_files(root, name)
    joints, = read_mat(joint_path, pos_img=(2, len(KEYPOINTS), None))
    mask, = read_mat(mask_path, part_mask=(None, None, None))
    num_frames = joints.shape[2]
    if mask.shape[2] != num_frames:
        raise ValueError(
            f"{mask_path}: 'part_mask' has {mask.shape[2]} frames, but "
            f"'pos_img' in {joint_path} has {num_frames}; download both "
            'files again')
    boxes = mask_boxes(mask)
    filled = boxes[:, 2] > 0
    if not filled.any():
        raise ValueError(
            f"{mask_path}: 'part_mask' is empty in every frame; download "
            'this file again')
    # the puppet model gives no occlusion: every keypoint counts as visible
    keypoints = np.full((num_frames, len(KEYPOINTS), 3), 2.)
    keypoints[..., :2] = joints.transpose(2, 1, 0)
    clip = VideoClip(
        # a brace in a clip's name is no format field
        frame_pattern=f'{folder}/{name}'.replace('{', '{{').replace(
            '}', '}}') + '/{:05d}.png',
        width=mask.shape[1],
        height=mask.shape[0],
        keypoints=keypoints,
        boxes=boxes[nearest_valid(filled)].astype(np.float64))
    return clip, (np.flatnonzero(~filled) + 1).tolist()


def list_frames(folder: Path) -> List[str]:
    """Sorted names like ``'00001.png'``, none if there is no such folder."""
    return list_files(folder, r'(?i)\d+\.png')


def decode_video(video: Path, folder: Path, num_frames: int) -> None:
    """Write all frames of a video as 00001.png, 00002.png, ... into an empty
    folder; a ValueError if they are not ``num_frames``."""
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
    """Extract the frames of those clips (``num_frames`` by
    ``'<action>/<clip>'``) that have none; returns how many clips these were.

    A clip's folder appears once all its frames are in it, so an interrupted
    extraction goes on where it stopped.
    """
    todo = [name for name in num_frames if not list_frames(frames / name)]
    if not todo:
        return 0

    def extract(staging: Path, name: str) -> None:
        unfinished, final = staging / name, frames / name
        unfinished.mkdir(parents=True)
        decode_video(videos / f'{name}.avi', unfinished, num_frames[name])
        final.parent.mkdir(exist_ok=True)
        os.replace(unfinished, final)

    print(
        f'Extracting the frames of {len(todo)} clips to {frames}',
        file=sys.stderr)
    try:
        frames.mkdir(parents=True, exist_ok=True)
        # threads suffice: OpenCV decodes and encodes without holding the GIL
        with TemporaryDirectory(prefix='.extract-', dir=frames) as staging, \
                ThreadPoolExecutor(os.cpu_count()) as pool:
            done = pool.map(partial(extract, Path(staging)), todo)
            for _ in track(done, len(todo), 'clips'):
                pass
    except OSError as error:
        raise ValueError(
            f'{frames}: cannot be written to ({error}); free some space, or '
            f'choose a folder for the frames of {len(todo)} clips with '
            '--frames') from error
    return len(todo)


def check_frames(folder: Path, num_frames: int,
                 size: Tuple[int, int]) -> None:
    """Raise a ValueError unless a clip's frames are as many as the annotated
    ones, and of the size (width, height) of the masks."""
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


def convert(root: Path,
            split: int,
            out: Path,
            frames: Optional[Path] = None,
            allow_missing: bool = False) -> dict:
    """Convert one split, see the command line, and return the report. If a
    ValueError says what is wrong with the input, nothing was written to
    ``out``."""
    frames = Path(os.path.abspath(frames or root / 'Rename_Images'))
    files = {part: out / f'Sub{split}_{part}.json'
             for part in ('train', 'test', 'report')}
    check_outputs(files.values())
    listed, missing = read_split(root, split), {}
    vid_ids = {name: i for i, name in enumerate(listed, 1)}
    for name in listed:
        needed = mat_files(root, name)
        if not list_frames(frames / name):
            needed.append(root / 'ReCompress_Videos' / f'{name}.avi')
        lacking = [str(path) for path in needed if not path.is_file()]
        if lacking:
            missing[name] = lacking
    if missing and not allow_missing:
        name, lacking = next(iter(missing.items()))
        raise ValueError(
            f'{len(missing)} of the {len(listed)} clips in sub_splits lack '
            f'files, the first of them {name}: no {lacking[0]}; unpack the '
            'archive it belongs to, or pass --allow-missing to leave such '
            'clips out')
    names = [name for name in listed if name not in missing]
    if not names:
        raise ValueError(
            f'{root}: no clip listed in sub_splits is there; unpack '
            'joint_positions, puppet_mask and Rename_Images (or '
            'ReCompress_Videos) of JHMDB there')

    clips, empty_masks, outside = {}, {}, 0
    print(f'Reading the annotations of {len(names)} clips', file=sys.stderr)
    for name in track(names, unit='clips'):
        clip, empty = read_clip(root, name, frames.name)
        if empty:
            empty_masks[name] = empty
        xy = clip.keypoints[..., :2]
        outside += int(
            ((xy < 1) | (xy > [clip.width, clip.height])).any(axis=-1).sum())
        clips[name] = clip
    extracted = extract_frames(
        root / 'ReCompress_Videos', frames,
        {name: len(clip.keypoints) for name, clip in clips.items()})
    for name, clip in clips.items():
        check_frames(frames / name, len(clip.keypoints),
                     (clip.width, clip.height))

    contents = {}
    report = dict(data_set='JHMDB', split=split, subsets={})
    for subset in ('train', 'test'):
        chosen = {
            vid_ids[name]: clip
            for name, clip in clips.items() if listed[name] == subset
        }
        contents[files[subset]] = coco_json(
            chosen, f'JHMDB split {split} {subset}', KEYPOINTS, SKELETON)
        report['subsets'][subset] = dict(
            clips=len(chosen),
            frames=sum(len(clip.keypoints) for clip in chosen.values()))
    report.update(
        frames_at=str(frames),
        clips_extracted_now=extracted,
        empty_mask_frames_filled_from_the_nearest=empty_masks,
        joints_outside_the_image=outside,
        clips_left_out_for_missing_files=missing)
    contents[files['report']] = [json.dumps(report, indent=2)]
    write_together(contents)
    return report


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'root',
        type=Path,
        help='folder of JHMDB with joint_positions, puppet_mask, sub_splits, '
        'and Rename_Images or ReCompress_Videos')
    parser.add_argument(
        '--split', type=int, choices=(1, 2, 3), required=True,
        help='which of the three splits')
    parser.add_argument(
        '--out', type=Path, required=True,
        help='folder for Sub<K>_train.json, Sub<K>_test.json and '
        'Sub<K>_report.json')
    parser.add_argument(
        '--frames', type=Path,
        help='folder DIR whose files DIR/<action>/<clip>/00001.png are the '
        'frames; extracted from ReCompress_Videos where missing. In the JSON '
        'they are <basename of DIR>/<action>/<clip>/00001.png, so that the '
        'data root is the parent of DIR. Default: ROOT/Rename_Images. With '
        'another folder, ROOT may be read-only')
    parser.add_argument(
        '--allow-missing', action='store_true',
        help='leave out, and report, clips in sub_splits without files')
    return parser.parse_args(argv)


def main(argv=None) -> None:
    args = parse_args(argv)
    report = convert(args.root, args.split, args.out, args.frames,
                     args.allow_missing)
    print(json.dumps(report, indent=2))


if __name__ == '__main__':
    run_command(main)
