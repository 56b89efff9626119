# Copyright (c) temporal_corr authors. All rights reserved.
"""COCO-style video annotations, in the layout of MMPose's JHMDB files.

All coordinates are 1-based, as both data sets release them and as MMPose's
``Sub1_train.json``, ... have them; the data sets subtract 1 on reading.
"""
import json
import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Dict, Iterator, List, Mapping, Sequence, Tuple

import numpy as np
from converter_io import ConversionError
from mmengine.utils import track_iter_progress

# Not projects.temporal_corr.video_io, which would import all of MMPose.
sys.path.append(
    str(Path(__file__).resolve().parents[2] / 'projects/temporal_corr'))
from video_io.images import picture_size  # noqa: E402

# image id = vid_id * FRAMES_PER_VIDEO + frame_id, as in MMPose's files
FRAMES_PER_VIDEO = 10000
# 1e-4 px is far below the precision of any annotation, and halves the files
DECIMALS = 4


@dataclass
class VideoClip:
    """The annotations of one person in one video, 1-based.

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

    @property
    def num_frames(self) -> int:
        """int: Number of frames T."""
        return len(self.keypoints)


def image_size(path: Path) -> Tuple[int, int]:
    """Read the size of an image, as the data sets load it.

    Args:
        path (Path): The image.

    Returns:
        Tuple[int, int]: Width and height in pixels.

    Raises:
        ConversionError: If it is not an image.
    """
    try:
        return picture_size(str(path))
    except ValueError as error:
        raise ConversionError(str(error)) from error


def nearest_valid(valid: np.ndarray) -> np.ndarray:
    """Find the valid frame nearest in time to every frame.

    Args:
        valid (np.ndarray): Whether a frame is valid, bool in shape (T, ),
            with at least one valid frame.

    Returns:
        np.ndarray: Frame indices in shape (T, ): a valid frame's own, else
        the nearest valid one's, the earlier of two at the same distance.
    """
    candidates = np.flatnonzero(valid)
    distances = np.abs(np.arange(len(valid))[:, None] - candidates)
    return candidates[distances.argmin(axis=1)]


def clip_images(clip: VideoClip, vid_id: int) -> List[dict]:
    """List the COCO images of a clip, in the order of time.

    Args:
        clip (VideoClip): The clip.
        vid_id (int): Its number among all videos, from 1.

    Returns:
        List[dict]: One image a frame.

    Raises:
        ConversionError: If the clip has too many frames for its image ids.
    """
    num_frames = clip.num_frames
    if num_frames >= FRAMES_PER_VIDEO:
        raise ConversionError(
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
    """List the COCO annotations of a clip, in the order of time.

    Args:
        clip (VideoClip): The clip.
        vid_id (int): Its number among all videos, from 1.

    Returns:
        List[dict]: One annotation a frame. Where the released box is
        degenerate, it is kept as ``bbox_released``.
    """
    keypoints = np.empty(clip.keypoints.shape, dtype=object)
    keypoints[..., :2] = clip.keypoints[..., :2].round(DECIMALS)
    keypoints[..., 2] = clip.keypoints[..., 2].astype(int)
    keypoints = keypoints.reshape(clip.num_frames, -1).tolist()
    num_visible = (clip.keypoints[..., 2] > 0).sum(axis=1).tolist()
    areas = clip.boxes[:, 2:].prod(axis=1).round(DECIMALS).tolist()
    boxes = clip.boxes.round(DECIMALS).tolist()

    annotations = []
    for i in range(clip.num_frames):
        image_id = vid_id * FRAMES_PER_VIDEO + i + 1
        annotation = dict(
            id=image_id,
            image_id=image_id,
            category_id=1,
            track_id=0,
            keypoints=keypoints[i],
            num_keypoints=num_visible[i],
            bbox=boxes[i],
            area=areas[i],
            iscrowd=0,
            scores=[])
        if i in clip.released_boxes:
            annotation['bbox_released'] = np.round(clip.released_boxes[i],
                                                   DECIMALS).tolist()
        annotations.append(annotation)
    return annotations


def coco_json(clips: Mapping[int, VideoClip], description: str,
              keypoint_names: Sequence[str],
              skeleton: Sequence[Tuple[str, str]]) -> Iterator[str]:
    """Put clips together as the text of one COCO-style JSON file.

    Only one clip at a time is held in memory as Python objects. Shows
    progress.

    Args:
        clips (Mapping[int, VideoClip]): The clips by ``vid_id``.
        description (str): What the data is.
        keypoint_names (Sequence[str]): Names of the K keypoints.
        skeleton (Sequence[tuple]): Links as pairs of keypoint names.

    Yields:
        str: Pieces of the text: info, categories, images and annotations,
        ordered by video and frame.
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
        for vid_id in track_iter_progress(sorted(clips), file=sys.stderr):
            text = json.dumps(
                records(clips[vid_id], vid_id), separators=(',', ':'))
            # the brackets of the clip's own list give way to the file's
            yield separator + text[1:-1]
            separator = ','
        print(file=sys.stderr)
        yield ']'
    yield '}\n'
