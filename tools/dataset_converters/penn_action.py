# Copyright (c) temporal_corr authors. All rights reserved.
"""Convert Penn Action, as released, to MMPose's JHMDB format."""
import argparse
import json
import sys
from pathlib import Path
from typing import Dict, NamedTuple, Optional, Tuple

import numpy as np
from coco_video import (VideoClip, check_outputs, coco_json, nearest_valid,
                        write_together)
from mat_file import read_mat
from video_io.arguments import run_command  # on the path of coco_video
from video_io.images import list_files, picture_size
from video_io.progress import track

# In the stored order. The first of each pair is anatomically right, whatever
# the README of the data set says: it is image-left of the second wherever
# the person faces the camera.
KEYPOINTS = ('head', 'right_shoulder', 'left_shoulder', 'right_elbow',
             'left_elbow', 'right_wrist', 'left_wrist', 'right_hip',
             'left_hip', 'right_knee', 'left_knee', 'right_ankle',
             'left_ankle')
SKELETON = (('right_ankle', 'right_knee'), ('right_knee', 'right_hip'),
            ('right_hip', 'right_shoulder'), ('right_shoulder',
                                              'right_elbow'),
            ('right_elbow', 'right_wrist'), ('left_ankle', 'left_knee'),
            ('left_knee', 'left_hip'), ('left_hip', 'left_shoulder'),
            ('left_shoulder', 'left_elbow'), ('left_elbow', 'left_wrist'),
            ('right_shoulder', 'left_shoulder'), ('right_hip', 'left_hip'),
            ('head', 'right_shoulder'), ('head', 'left_shoulder'))
SUBSETS = {1: 'train', -1: 'test'}


class PennClip(NamedTuple):
    """One clip, its subset, by how many rows the table of boxes is short, and
    how many keypoints are invisible, or visible but outside of the labelled
    size, outside of the released box, or in a frame whose released box is
    degenerate."""
    clip: VideoClip
    subset: str
    missing_boxes: int
    invisible: int
    outside_image: int
    outside_box: int
    on_degenerate_boxes: int


def read_label(path: Path) -> PennClip:
    """Read one label file, ``labels/<clip>.mat``.

    Missing boxes at the end repeat the last one; one without width or height
    is replaced by that of the nearest valid frame. A ValueError if the file
    is damaged or contradicts itself.
    """
    again = 'download this file again'
    num_frames = int(read_mat(path, nframes=(1, 1))[0][0, 0])
    shape = num_frames, len(KEYPOINTS)
    x, y, visibility, dimensions, train, bbox = read_mat(
        path, x=shape, y=shape, visibility=shape, dimensions=(1, 3),
        train=(1, 1), bbox=(None, 4))  # yapf: disable
    height, width, _ = dimensions[0]
    train = train[0, 0]
    if train not in SUBSETS:
        raise ValueError(f"{path}: 'train' is {train:g}, expected 1 (train) "
                         f'or -1 (test); {again}')
    strange = np.setdiff1d(visibility, [0, 1])
    if len(strange):
        raise ValueError(f"{path}: 'visibility' has {strange[0]:g}, expected "
                         f'0 or 1; {again}')
    if len(bbox) > num_frames:
        raise ValueError(f"{path}: 'bbox' has {len(bbox)} rows for "
                         f'{num_frames} frames; {again}')
    corners = bbox[np.minimum(np.arange(num_frames), len(bbox) - 1)]
    released = np.concatenate(
        [corners[:, :2], corners[:, 2:] - corners[:, :2]], axis=1)
    valid = (released[:, 2:] > 0).all(axis=1)
    if not valid.any():
        raise ValueError(
            f"{path}: 'bbox' has no box of positive width and height; "
            f'{again}, or leave it out of labels/')

    visible = visibility > 0
    left, top, right, bottom = np.split(corners, 4, axis=1)
    outside_image = (x < 1) | (y < 1) | (x > width) | (y > height)
    outside_box = (x < left) | (y < top) | (x > right) | (y > bottom)
    clip = VideoClip(
        frame_pattern=f'frames/{path.stem}/{{:06d}}.jpg',
        width=int(width),
        height=int(height),
        keypoints=np.stack([x, y, 2 * visible], axis=-1),
        boxes=released[nearest_valid(valid)],
        released_boxes={i: released[i]
                        for i in np.flatnonzero(~valid)})
    return PennClip(
        clip=clip,
        subset=SUBSETS[int(train)],
        missing_boxes=num_frames - len(bbox),
        invisible=int((~visible).sum()),
        outside_image=int((visible & outside_image).sum()),
        outside_box=int((visible & outside_box).sum()),
        on_degenerate_boxes=int(visible[~valid].sum()))


def frame_size(folder: Path, num_frames: int) -> Optional[Tuple[int, int]]:
    """Width and height of a clip's first frame, None if there is no such
    folder; a ValueError if labelled frames are missing in it."""
    if not folder.exists():
        return None
    names = set(list_files(folder))
    missing = [
        name for name in (f'{i + 1:06d}.jpg' for i in range(num_frames))
        if name not in names
    ]
    if missing:
        raise ValueError(
            f"{folder}: {missing[0]} is missing, one of {len(missing)} of "
            f"the {num_frames} frames in 'nframes' of the label; unpack the "
            'frames again, or remove the folder to convert without them')
    return picture_size(str(folder / '000001.jpg'))


def convert(root: Path, out: Path) -> dict:
    """Convert both subsets, see the command line, and return the report. If
    a ValueError says what is wrong with the input, nothing was written."""
    files = {part: out / f'penn_action_{part}.json'
             for part in (*SUBSETS.values(), 'report')}
    check_outputs(files.values())
    folder = root / 'labels'
    paths = [folder / name for name in list_files(folder, r'(?i)\d+\.mat')]
    if not paths:
        raise ValueError(
            f'{root / "labels"}: no label files like 0001.mat; unpack '
            'Penn_Action.tar.gz and pass its folder')
    clips, mismatches, no_frames = {}, {}, []
    print(f'Reading {len(paths)} label files', file=sys.stderr)
    for path in track(paths, unit='clips'):
        clips[path.stem] = read_label(path)
        clip = clips[path.stem].clip
        size = frame_size(root / 'frames' / path.stem, len(clip.keypoints))
        if size is None:
            no_frames.append(path.stem)
        elif size != (clip.width, clip.height):
            mismatches[path.stem] = (
                f'labelled {clip.width}x{clip.height}, '
                f'JPEG {size[0]}x{size[1]}')
            clip.width, clip.height = size

    contents = {
        files[subset]: coco_json(
            {vid_id: item.clip
             for vid_id, item in enumerate(clips.values(), 1)
             if item.subset == subset},
            f'Penn Action {subset}', KEYPOINTS, SKELETON)
        for subset in SUBSETS.values()
    }
    numbers = {int(name) for name in clips}
    report = dict(
        make_report(clips),
        labels_missing_in_between=sorted(
            set(range(1, max(numbers))) - numbers),
        clips_whose_labelled_size_is_not_the_JPEGs=mismatches,
        clips_without_frames=no_frames
        if len(no_frames) < len(clips) else f'all {len(clips)}')
    contents[files['report']] = [json.dumps(report, indent=2)]
    write_together(contents)
    return report


def make_report(clips: Dict[str, PennClip]) -> dict:
    """What the labels of clips hold, by subset and by special case."""
    subsets = {}
    for subset in SUBSETS.values():
        items = [item for item in clips.values() if item.subset == subset]
        subsets[subset] = dict(
            clips=len(items),
            frames=sum(len(item.clip.keypoints) for item in items),
            invisible_joints=sum(item.invisible for item in items),
            visible_joints_outside_image=sum(
                item.outside_image for item in items),
            visible_joints_outside_box=sum(
                item.outside_box for item in items))
    return dict(
        data_set='Penn Action',
        subsets=subsets,
        short_bbox_tables_last_row_repeated={
            name: dict(subset=item.subset, missing_rows=item.missing_boxes)
            for name, item in clips.items() if item.missing_boxes
        },
        degenerate_boxes_filled_from_the_nearest={
            name: dict(
                subset=item.subset,
                frames=len(item.clip.released_boxes),
                visible_joints=item.on_degenerate_boxes)
            for name, item in clips.items() if item.clip.released_boxes
        })


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'root',
        type=Path,
        help='folder of Penn Action with labels/ and, optionally, frames/; '
        'where a clip has frames, width and height are those of its JPEGs')
    parser.add_argument(
        '--out',
        type=Path,
        required=True,
        help='folder for penn_action_train.json, penn_action_test.json and '
        'penn_action_report.json')
    return parser.parse_args(argv)


def main(argv=None) -> None:
    args = parse_args(argv)
    report = convert(args.root, args.out)
    print(json.dumps(report, indent=2))


if __name__ == '__main__':
    run_command(main)
