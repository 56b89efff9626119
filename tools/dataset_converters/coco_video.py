# Copyright (c) temporal_corr authors. All rights reserved.
"""COCO-style video annotations, in the layout of MMPose's JHMDB files.

All coordinates are 1-based, as both data sets release them and as MMPose's
``Sub1_train.json``, ... have them; the data sets subtract 1 on reading.
"""
import json
import sys
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterable, Iterator, List, Mapping, Sequence, Tuple

import numpy as np

# Not projects.temporal_corr.video_io, which would import all of MMPose.
sys.path.append(
    str(Path(__file__).resolve().parents[2] / 'projects/temporal_corr'))
from video_io.output_files import output_path, replacing  # noqa: E402
from video_io.progress import track  # noqa: E402

# image id = vid_id * FRAMES_PER_VIDEO + frame_id, as in MMPose's files
FRAMES_PER_VIDEO = 10000
# 1e-4 px is far below the precision of any annotation, and halves the files
DECIMALS = 4


@dataclass
class VideoClip:
    """The annotations of one person in one video of T frames, 1-based.

    Attributes:
        frame_pattern (str): Path of a frame relative to the data root, with
            a format field for the 1-based frame number, such as
            ``'frames/0001/{:06d}.jpg'``.
        width (int): Width of the frames in pixels.
        height (int): Height of the frames in pixels.
        keypoints (np.ndarray): x, y, v in shape (T, K, 3); v is 2 for
            visible and 0 for invisible keypoints.
        boxes (np.ndarray): Person boxes x, y, w, h in shape (T, 4).
        released_boxes (Dict[int, Sequence[float]]): The boxes as released,
            x, y, w, h, of those frames (0-based) whose released box is
            degenerate. Defaults to an empty dict.
    """
    frame_pattern: str
    width: int
    height: int
    keypoints: np.ndarray
    boxes: np.ndarray
    released_boxes: Dict[int, Sequence[float]] = field(default_factory=dict)


def nearest_valid(valid: np.ndarray) -> np.ndarray:
    """The valid frame nearest in time to every frame, (T, ); the earlier of
    two at the same distance. ``valid`` (T, ) is true at least once."""
    candidates = np.flatnonzero(valid)
    distances = np.abs(np.arange(len(valid))[:, None] - candidates)
    return candidates[distances.argmin(axis=1)]


def clip_images(clip: VideoClip, vid_id: int) -> List[dict]:
    """The COCO images of a clip, in the order of time."""
    num_frames = len(clip.keypoints)
    if num_frames >= FRAMES_PER_VIDEO:
        raise ValueError(
            f'{clip.frame_pattern}: {num_frames} frames, but image ids allow '
            f'{FRAMES_PER_VIDEO - 1} a video; split the video')
    return [
        dict(
            id=vid_id * FRAMES_PER_VIDEO + frame_id,
            file_name=clip.frame_pattern.format(frame_id),
            width=clip.width,
            height=clip.height,
            vid_id=vid_id,
            frame_id=frame_id,
            nframes=num_frames,
            is_labeled=True) for frame_id in range(1, num_frames + 1)
    ]


def clip_annotations(clip: VideoClip, vid_id: int) -> List[dict]:
    """The COCO annotations of a clip, in the order of time. Where the
    released box is degenerate, it is kept as ``bbox_released``."""
    keypoints = np.empty(clip.keypoints.shape, dtype=object)
    keypoints[..., :2] = clip.keypoints[..., :2].round(DECIMALS)
    keypoints[..., 2] = clip.keypoints[..., 2].astype(int)
    rows = zip(
        keypoints.reshape(len(keypoints), -1).tolist(),
        (clip.keypoints[..., 2] > 0).sum(axis=1).tolist(),
        clip.boxes.round(DECIMALS).tolist(),
        clip.boxes[:, 2:].prod(axis=1).round(DECIMALS).tolist())
    annotations = []
    for i, (points, num_visible, box, area) in enumerate(rows):
        image_id = vid_id * FRAMES_PER_VIDEO + i + 1
        annotations.append(
            dict(
                id=image_id,
                image_id=image_id,
                category_id=1,
                track_id=0,
                keypoints=points,
                num_keypoints=num_visible,
                bbox=box,
                area=area,
                iscrowd=0,
                scores=[]))
        if i in clip.released_boxes:
            annotations[i]['bbox_released'] = np.round(
                clip.released_boxes[i], DECIMALS).tolist()
    return annotations


def coco_json(clips: Mapping[int, VideoClip], description: str,
              keypoint_names: Sequence[str],
              skeleton: Sequence[Tuple[str, str]]) -> Iterator[str]:
    """The text of a COCO-style JSON file in pieces, so that one clip at a time
    is held in memory as Python objects.

    Args:
        clips (Mapping[int, VideoClip]): The clips by ``vid_id``.
        description (str): What the data is.
        keypoint_names (Sequence[str]): Names of the K keypoints.
        skeleton (Sequence[tuple]): Links as pairs of keypoint names.
    """
    category = dict(
        id=1,
        name='person',
        supercategory='person',
        keypoints=list(keypoint_names),
        # COCO counts keypoints from 1 here
        skeleton=[[keypoint_names.index(a) + 1,
                   keypoint_names.index(b) + 1] for a, b in skeleton])
    info = dict(description=description, coordinates='1-based')
    yield f'{{"info":{json.dumps(info)},"categories":[{json.dumps(category)}]'
    print(f'Writing {description}', file=sys.stderr)
    for field_name, records in (('images', clip_images),
                                ('annotations', clip_annotations)):
        yield f',"{field_name}":['
        separator = ''
        for vid_id in track(sorted(clips), unit='clips'):
            text = json.dumps(
                records(clips[vid_id], vid_id), separators=(',', ':'))
            # the brackets of the clip's own list give way to the file's
            yield separator + text[1:-1]
            separator = ','
        yield ']'
    yield '}\n'


def check_outputs(paths: Iterable[Path]) -> None:
    """Make the folder of files; a ValueError if one cannot be written, or
    exists and is not of these converters: MMPose's published annotations, for
    example, have the same names."""
    ours = (b'{"info":{"desc', b'{\n  "data_set"')
    for path in paths:
        output_path(str(path), ('.json', ))
        if path.is_file() and not path.read_bytes().startswith(ours):
            raise ValueError(
                f'{path}: is there already, and no file of this '
                'converter; move it, or choose another --out')


def write_together(contents: Mapping[Path, Iterable[str]]) -> None:
    """Write or replace text files, given in pieces, all of them or none."""
    with ExitStack() as stack:
        for path, pieces in contents.items():
            temporary = stack.enter_context(replacing(path))
            with open(temporary, 'w', encoding='utf-8') as file:
                file.writelines(pieces)
