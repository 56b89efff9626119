# Copyright (c) temporal_corr authors. All rights reserved.
import gc
import json
from itertools import chain
from typing import Any, Dict, List, Sequence

import numpy as np
from mmengine.fileio import exists, get_text

from .video_frames import VideoFrames

CONVERT = ('Convert the data set with tools/dataset_converters/jhmdb.py or '
           'tools/dataset_converters/penn_action.py')

# MMPose's published JHMDB files number a frame vid_id * 10000 + frame, ours
# number it frame; the remainder is the frame, counted from 1, in both.
FRAMES_PER_VIDEO = 10000


def load_video_frames(ann_file: str, num_keypoints: int) -> VideoFrames:
    """Reads COCO-style annotations of videos and checks them.

    The format is the one of MMPose's JHMDB files: images carry ``vid_id``,
    ``frame_id`` and ``nframes``, every image has one annotated person, and
    coordinates count from 1. Frames may come in any order; they are sorted
    by video and time.

    Args:
        ann_file (str): Path of the JSON file.
        num_keypoints (int): Keypoints K of each annotation.

    Returns:
        VideoFrames: The frames, video by video in time.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no JSON, lacks a field, or holds values
            that cannot be used. The message names file, image and field.
    """
    # Parsing makes hundreds of thousands of objects and no cycle among them;
    # looking for cycles meanwhile would nearly double the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        data = _read_json(ann_file)
        return _parse(ann_file, data['images'], data['annotations'],
                      num_keypoints)
    finally:
        if collecting:
            gc.enable()


def _parse(ann_file: str, images: List[dict], annotations: List[dict],
           num_keypoints: int) -> VideoFrames:
    image_id = _column(ann_file, 'image', images, 'id', np.int64)
    video = _column(ann_file, 'image', images, 'vid_id', np.int64)
    frame_id = _column(ann_file, 'image', images, 'frame_id', np.int64)
    frame = frame_id % FRAMES_PER_VIDEO
    length = _column(ann_file, 'image', images, 'nframes', np.int64)
    width = _column(ann_file, 'image', images, 'width', np.int32)
    height = _column(ann_file, 'image', images, 'height', np.int32)
    names = _column(ann_file, 'image', images, 'file_name', str)
    file_name = np.array([name.encode() for name in names.tolist()])
    row = _rows_of_people(ann_file, image_id, annotations)
    annotations = [annotations[i] for i in row]
    keypoints = _keypoints(ann_file, annotations, num_keypoints)
    bbox = _boxes(ann_file, annotations, 'bbox')
    bbox_size = _released_size(ann_file, annotations, bbox)
    annotation_id = _column(ann_file, 'annotation', annotations, 'id',
                            np.int64)
    track_id = np.array([ann.get('track_id', 0) for ann in annotations],
                        dtype=np.int32)

    _check_values(ann_file, image_id, keypoints, bbox, width, height)
    order = np.lexsort((frame, video))
    _check_time(ann_file, video[order], frame[order], image_id[order],
                length[order], file_name[order])
    return VideoFrames(
        file_name=file_name[order],
        image_id=image_id[order],
        annotation_id=annotation_id[order],
        track_id=track_id[order],
        video=video[order],
        frame_index=frame[order] - 1,
        image_size=np.stack([width, height], axis=1)[order],
        keypoints=keypoints[order],
        bbox=bbox[order],
        bbox_size=bbox_size[order])


def _read_json(ann_file: str) -> Dict[str, List[dict]]:
    if not exists(ann_file):
        raise FileNotFoundError(
            f'There is no annotation file {ann_file}. {CONVERT}, or correct '
            'data_root and ann_file (the configs take data_root from '
            'JHMDB_ROOT or PENN_ROOT in the environment, and the split of '
            'JHMDB from JHMDB_SPLIT, which is 1, 2 or 3)')
    try:
        data = json.loads(get_text(ann_file))
    except ValueError as error:
        raise ValueError(f'{ann_file} is not a complete JSON file ({error}). '
                         f'{CONVERT} again') from error
    for key in ('images', 'annotations'):
        if not isinstance(data, dict) or not data.get(key):
            raise ValueError(f'{ann_file} holds no "{key}". {CONVERT}')
    return data


def _column(ann_file: str, kind: str, records: Sequence[dict], field: str,
            dtype: Any) -> np.ndarray:
    """One field of all records as an array."""
    try:
        return np.array([record[field] for record in records]).astype(dtype)
    except (KeyError, TypeError, ValueError):
        pass
    for record in records:  # only on failure: find the record to name
        value = record.get(field)
        try:
            np.array([value]).astype(dtype)
            broken = value is None
        except (TypeError, ValueError):
            broken = True
        if broken:
            raise ValueError(
                f'{ann_file}: {kind} {record.get("id")} has '
                f'{"no" if value is None else "an unusable"} "{field}"'
                f'{"" if value is None else f" ({value!r})"}. The videos '
                'need vid_id, frame_id and nframes in every image. '
                f'{CONVERT}')
    raise ValueError(f'{ann_file}: the values of "{field}" in the {kind}s '
                     f'are of different kinds. {CONVERT}')


def _rows_of_people(ann_file: str, image_id: np.ndarray,
                    annotations: List[dict]) -> np.ndarray:
    """Index of the one annotation of each image."""
    annotated = _column(ann_file, 'annotation', annotations, 'image_id',
                        np.int64)
    for what, ids in (('is listed', image_id), ('is annotated', annotated)):
        unique, count = np.unique(ids, return_counts=True)
        if (count > 1).any():
            raise ValueError(
                f'{ann_file}: image {unique[count > 1][0]} {what} twice; '
                'every frame shows one annotated person once. Remove the '
                'duplicate')
    row = np.argsort(annotated)
    found = np.searchsorted(annotated, image_id, sorter=row)
    row = row[np.minimum(found, len(row) - 1)]
    missing = annotated[row] != image_id
    if missing.any():
        raise ValueError(
            f'{ann_file}: image {image_id[missing][0]} has no annotation '
            f'({int(missing.sum())} such images). Leave it out of "images" '
            f'or annotate it. {CONVERT}')
    if len(annotated) > len(image_id):
        stray = np.setdiff1d(annotated, image_id)[0]
        raise ValueError(
            f'{ann_file}: an annotation belongs to image {stray}, which is '
            f'not in "images". {CONVERT}')
    return row


def _numbers(ann_file: str, annotations: List[dict], field: str,
             length: int, dtype: Any) -> np.ndarray:
    """A field of ``length`` numbers of all annotations, (F, length)."""
    try:
        values = [ann[field] for ann in annotations]
        if all(len(value) == length for value in values):
            return np.fromiter(
                chain.from_iterable(values), dtype,
                len(values) * length).reshape(-1, length)
    except (KeyError, TypeError, ValueError):
        pass
    for ann in annotations:  # only on failure: find the annotation to name
        value = ann.get(field)
        if not (isinstance(value, list) and len(value) == length
                and all(isinstance(v, (int, float)) for v in value)):
            size = len(value) if isinstance(value, list) else 'no'
            raise ValueError(
                f'{ann_file}: "{field}" of image {ann["image_id"]} should be '
                f'{length} numbers, but has {size}. Use the data set class '
                f'and the metainfo of these annotations. {CONVERT}')
    raise ValueError(f'{ann_file}: "{field}" cannot be read as numbers. '
                     f'{CONVERT}')


def _keypoints(ann_file: str, annotations: List[dict],
               num_keypoints: int) -> np.ndarray:
    return _numbers(ann_file, annotations, 'keypoints', 3 * num_keypoints,
                    np.float32).reshape(-1, num_keypoints, 3)


def _boxes(ann_file: str, annotations: List[dict],
           field: str) -> np.ndarray:
    return _numbers(ann_file, annotations, field, 4, np.float64)


def _released_size(ann_file: str, annotations: List[dict],
                   bbox: np.ndarray) -> np.ndarray:
    """Size of the released boxes, (F, 2): zero where one is degenerate.

    ``bbox`` is filled in such frames so that they can be cropped;
    ``bbox_released`` holds what was released.
    """
    size = bbox[:, 2:].copy()
    filled = [i for i, a in enumerate(annotations) if 'bbox_released' in a]
    if filled:
        size[filled] = _boxes(ann_file, [annotations[i] for i in filled],
                              'bbox_released')[:, 2:]
    size[(size <= 0).any(axis=1)] = 0
    return size.astype(np.float32)


def _check_values(ann_file: str, image_id: np.ndarray,
                  keypoints: np.ndarray, bbox: np.ndarray,
                  width: np.ndarray, height: np.ndarray) -> None:
    """Raises if a number is not finite or a box holds no pixel."""
    for field, values in (('keypoints', keypoints), ('bbox', bbox)):
        finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        if not finite.all():
            raise ValueError(
                f'{ann_file}: "{field}" of image {image_id[~finite][0]} is '
                f'not finite ({int((~finite).sum())} such images). Correct '
                'the source files: an unseen keypoint has coordinates and '
                'visibility 0')
    limit = np.stack([width, height], axis=1) - 1
    low = np.clip(bbox[:, :2] - 1, 0, limit)
    high = np.clip(bbox[:, :2] - 1 + bbox[:, 2:], 0, limit)
    empty = (high <= low).any(axis=1)
    if empty.any():
        raise ValueError(
            f'{ann_file}: "bbox" of image {image_id[empty][0]} '
            f'({bbox[empty][0].tolist()}) covers nothing of the image '
            f'({int(empty.sum())} such images). The converters fill such '
            f'boxes from the nearest frame. {CONVERT}')


def _check_time(ann_file: str, video: np.ndarray, frame: np.ndarray,
                image_id: np.ndarray, length: np.ndarray,
                file_name: np.ndarray) -> None:
    """Raises unless each video, sorted in time, passes frame by frame."""
    same = video[1:] == video[:-1]
    step = frame[1:] - frame[:-1]
    broken = np.flatnonzero(same & (step != 1))
    if len(broken):
        i = broken[0]
        problem = ('twice' if step[i] == 0 else f'and then {frame[i + 1]}')
        raise ValueError(
            f'{ann_file}: video {video[i]} has frame {frame[i]} {problem} '
            f'(images {image_id[i]} and {image_id[i + 1]}, field '
            '"frame_id"); a video needs each of its frames once. '
            f'{CONVERT}; for fewer frames a second use frame_stride')
    outside = np.flatnonzero((frame < 1) | (frame > length))
    if len(outside):
        i = outside[0]
        raise ValueError(
            f'{ann_file}: "frame_id" of image {image_id[i]} is frame '
            f'{frame[i]} of a video of {length[i]} ("nframes"); frames count '
            f'from 1. {CONVERT}')
    folder = np.array([name.rpartition(b'/')[0] for name in file_name])
    start = np.flatnonzero(np.append(True, ~same))
    if (folder[1:] != folder[:-1])[same].any() or len(
            np.unique(folder[start])) != len(start):
        _, first = np.unique(folder[start], return_index=True)
        moved = np.flatnonzero(same & (folder[1:] != folder[:-1]))
        i = moved[0] if len(moved) else start[np.setdiff1d(
            np.arange(len(start)), first)[0]]
        raise ValueError(
            f'{ann_file}: video {video[i]} (image {image_id[i]}) does not '
            f'have a folder of its own in "file_name" '
            f'({folder[i].decode()!r}); a video is known by the folder of '
            f'its frames. {CONVERT}')
