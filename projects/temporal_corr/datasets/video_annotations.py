# Copyright (c) temporal_corr authors. All rights reserved.
import gc
import re
from collections import Counter
from itertools import chain
from typing import Any, List, Optional, Sequence, Tuple

import numpy as np
from mmengine.fileio import exists
from mmengine.logging import print_log

from .coco_json import entries, identity_of, read_json, whole_number
from .video_frames import VideoFrames

CONVERT = ('Convert the data set with tools/dataset_converters/jhmdb.py or '
           'tools/dataset_converters/penn_action.py, or write its fields as '
           'docs/data_preparation.md says')

# MMPose's published JHMDB files number a frame vid_id * 10000 + frame, ours
# number it frame; the remainder is the frame, counted from 1, in both.
FRAMES_PER_VIDEO = 10000


def load_video_frames(ann_file: str, names: Sequence[str],
                      origin: int) -> VideoFrames:
    """Reads COCO-style annotations of videos and checks them.

    The format is the one of MMPose's JHMDB files: images carry ``vid_id``,
    ``frame_id`` and ``nframes``, and every image has one annotated person.
    Frames may come in any order; they are sorted by video and time. Where the
    file names its keypoints (``categories``) they are taken by name.
    Annotations of other categories and of crowds are left out and counted in
    a line of the log.

    Args:
        ann_file (str): Path of the JSON file.
        names (Sequence[str]): Names of the K keypoints, in the order in which
            they are wanted and in which a file without names has them.
        origin (int): The coordinate of the first pixel, 0 or 1. A file with
            ``info.coordinates`` ``'0-based'`` or ``'1-based'`` knows better.

    Returns:
        VideoFrames: The frames, video by video in time.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If the file is no JSON, lacks a field, or holds values
            that cannot be used. The message names file, image and field.
    """
    if not exists(ann_file):
        raise FileNotFoundError(
            f'There is no annotation file {ann_file}. {CONVERT}, or correct '
            'data_root and ann_file (the configs take data_root from '
            'JHMDB_ROOT or PENN_ROOT in the environment, and the split of '
            'JHMDB from JHMDB_SPLIT, which is 1, 2 or 3)')
    # Parsing makes hundreds of thousands of objects and no cycle among them;
    # looking for cycles meanwhile would nearly double the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _parse(ann_file, read_json(ann_file, CONVERT), names, origin)
    finally:
        if collecting:
            gc.enable()


def _parse(ann_file: str, data: Any, names: Sequence[str],
           origin: int) -> VideoFrames:
    images, annotations = [
        entries(data, key, ann_file, CONVERT)
        for key in ('images', 'annotations')
    ]
    annotations, columns, num_stored = _people(ann_file, data, annotations,
                                               names)
    for key, records in (('images', images), ('annotations', annotations)):
        if not records:
            raise ValueError(f'{ann_file} holds no "{key}". {CONVERT}')
    image_id = _integers(ann_file, 'image', images, 'id')
    video = _integers(ann_file, 'image', images, 'vid_id')
    frame = _integers(ann_file, 'image', images, 'frame_id')
    length = _integers(ann_file, 'image', images, 'nframes')
    frame = np.where(frame > length, frame % FRAMES_PER_VIDEO, frame)
    width, height = size = [
        _integers(ann_file, 'image', images, field)
        for field in ('width', 'height')
    ]
    file_name = _file_names(ann_file, images)
    row = _rows_of_people(ann_file, image_id, annotations)
    annotations = [annotations[i] for i in row]
    keypoints = _keypoints(ann_file, annotations, num_stored)[:, columns]
    bbox = _boxes(ann_file, annotations, 'bbox')
    bbox_size = _released_size(ann_file, annotations, bbox)
    annotation_id = _integers(ann_file, 'annotation', annotations, 'id')
    track_id = np.array([
        identity_of(annotation, f'{ann_file}, image {image}: annotation') or 0
        for image, annotation in zip(image_id, annotations)
    ])

    info = data.get('info')
    told = info.get('coordinates') if isinstance(info, dict) else None
    if told not in (None, '0-based', '1-based'):
        raise ValueError(
            f'{ann_file}: info.coordinates is {told!r:.60}; it must be '
            "'0-based' or '1-based', the first pixel of pictures, or left "
            f'out. {CONVERT}')
    shift = 1 - (int(told[0]) if told else origin)
    keypoints[..., :2] += shift
    bbox[:, :2] += shift
    _check_values(ann_file, image_id, names, keypoints, bbox, width, height)
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
        image_size=np.stack(size, axis=1)[order].astype(np.int32),
        keypoints=keypoints[order],
        bbox=bbox[order],
        bbox_size=bbox_size[order])


def _people(ann_file: str, data: dict, annotations: List[dict],
            names: Sequence[str]) -> Tuple[List[dict], List[int], int]:
    """The annotations of people, where the keypoints are in them, and how
    many they have."""
    categories = entries(data, 'categories', ann_file, CONVERT) if data.get(
        'categories') is not None else []
    named = {}
    for row, category in enumerate(categories):
        given = category.get('keypoints') or []
        if not (isinstance(given, list)
                and all(isinstance(name, str) for name in given)):
            raise ValueError(
                f'{ann_file}: categories[{row}].keypoints is {given!r:.60}; '
                f'it must be the list of the names. {CONVERT}')
        if given:
            named[row] = [
                re.sub(r'[\s-]+', '_',
                       name.strip().lower()) for name in given
            ]
    fitting = [row for row in named if set(names) <= set(named[row])]
    if named and not fitting:
        row = next(iter(named))
        missing = [name for name in names if name not in named[row]]
        unknown = [name for name in named[row] if name not in names]
        raise ValueError(
            f'{ann_file}: categories[{row}].keypoints lacks '
            f'{", ".join(missing)}'
            f'{" and has " * bool(unknown)}{", ".join(unknown)}. Rename the '
            'keypoints that are the same, use the data set class of these '
            f'annotations, or VideoCocoDataset with a metainfo of them. '
            f'{CONVERT}')
    stored = named[fitting[0]] if fitting else list(names)
    if any(named[row] != stored for row in fitting):
        raise ValueError(
            f'{ann_file}: categories[{fitting[0]}] and '
            f'categories[{fitting[1]}] have the same keypoints in another '
            f'order. Leave one of them out. {CONVERT}')
    if len(set(stored)) < len(stored):
        twice = Counter(stored).most_common(1)[0][0]
        raise ValueError(
            f'{ann_file}: categories[{fitting[0]}].keypoints has {twice} '
            f'twice. Give each keypoint a name of its own. {CONVERT}')

    people = fitting or [
        row for row, category in enumerate(categories)
        if category.get('name') == 'person'
    ]
    others = {
        whole_number(category.get('id')): category.get('name')
        for row, category in enumerate(categories)
        if people and row not in people
    }
    left_out: Counter = Counter()
    kept = []
    for annotation in annotations:
        category = annotation.get('category_id')
        if others and whole_number(category) in others:
            left_out[f'category {others[whole_number(category)]}'] += 1
        elif annotation.get('iscrowd') in (1, '1'):
            left_out['crowds (iscrowd)'] += 1
        else:
            kept.append(annotation)
    if left_out:
        counts = ', '.join(f'{n} of {why}' for why, n in left_out.items())
        print_log(
            f'{ann_file}: {len(kept)} of {len(annotations)} annotations are '
            f'used; left out: {counts}',
            logger='current')
    return kept, [stored.index(name) for name in names], len(stored)


def _refuse(ann_file: str, kind: str, row: int, record: dict,
            field: str) -> None:
    """Raises for a field that is missing or of no use."""
    value = record.get(field)
    where = f'{kind}s[{row}]'
    if isinstance(record.get('id'), (int, float, str)):
        where = f'{kind} {record["id"]}'
    elif 'image_id' in record:
        where = f'{kind} of image {record["image_id"]}'
    raise ValueError(
        f'{ann_file}: {where} has '
        f'{"no" if value is None else "an unusable"} "{field}"'
        f'{"" if value is None else f" ({value!r:.60})"}. The videos '
        f'need vid_id, frame_id and nframes in every image. {CONVERT}')


def _integers(ann_file: str, kind: str, records: Sequence[dict],
              field: str) -> np.ndarray:
    """One field of all records as int64."""
    values: List[Optional[int]] = [record.get(field) for record in records]
    if set(map(type, values)) != {int}:
        values = [whole_number(value) for value in values]
    try:
        return np.array(values, dtype=np.int64)
    except (TypeError, OverflowError):
        row = [whole_number(v) is None for v in values].index(True)
        _refuse(ann_file, kind, row, records[row], field)


def _file_names(ann_file: str, images: List[dict]) -> np.ndarray:
    """Paths of the images as UTF-8, with slashes whoever wrote them."""
    names = []
    for row, image in enumerate(images):
        name = image.get('file_name')
        if not isinstance(name, str) or not name.strip() or '\0' in name:
            _refuse(ann_file, 'image', row, image, 'file_name')
        names.append(name.replace('\\', '/').encode(errors='replace'))
    return np.array(names)


def _rows_of_people(ann_file: str, image_id: np.ndarray,
                    annotations: List[dict]) -> np.ndarray:
    """Index of the one annotation of each image."""
    annotated = _integers(ann_file, 'annotation', annotations, 'image_id')
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
    values = [ann.get(field) for ann in annotations]
    try:
        return _flat(values, length, dtype)
    except (TypeError, ValueError, LookupError, OverflowError):
        pass
    for ann, value in zip(annotations, values):  # find the one to name
        try:
            _flat([value], length, dtype)
        except (TypeError, ValueError, LookupError, OverflowError):
            size = len(value) if isinstance(value, list) else 'no'
            if size == length:
                size = 'other things: ' + repr(
                    [v for v in value if type(v) not in (int, float)])[:60]
            raise ValueError(
                f'{ann_file}: "{field}" of image {ann["image_id"]} should be '
                f'{length} numbers, but has {size}. Use the data set class '
                f'and the metainfo of these annotations. {CONVERT}') from None
    raise ValueError(f'{ann_file}: "{field}" cannot be read as numbers. '
                     f'{CONVERT}')


def _flat(values: Sequence[list], length: int, dtype: Any) -> np.ndarray:
    """Lists of numbers, or of lists of them, as an array; null is NaN."""
    if length > 4 and any(isinstance(value[0], list) for value in values):
        # [[x, y, v], ...]
        values = [
            list(chain.from_iterable(value)) if all(
                isinstance(part, list) and len(part) == 3
                for part in value) else value for value in values
        ]
    if any(len(value) != length for value in values):
        raise ValueError
    types = set(map(type, chain.from_iterable(values)))
    if not types <= {int, float, type(None)}:
        raise TypeError
    numbers = chain.from_iterable(values)
    if type(None) in types:
        numbers = (np.nan if v is None else v for v in numbers)
    return np.fromiter(numbers, dtype,
                       len(values) * length).reshape(-1, length)


def _keypoints(ann_file: str, annotations: List[dict],
               num_keypoints: int) -> np.ndarray:
    keypoints = _numbers(ann_file, annotations, 'keypoints', 3 * num_keypoints,
                         np.float32).reshape(-1, num_keypoints, 3)
    # what is not labelled has no place
    keypoints[(keypoints[..., 2] == 0) & np.isnan(keypoints).any(axis=-1)] = 0
    return keypoints


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


def _check_values(ann_file: str, image_id: np.ndarray, names: Sequence[str],
                  keypoints: np.ndarray, bbox: np.ndarray,
                  width: np.ndarray, height: np.ndarray) -> None:
    """Raises if a number is not finite, a visibility is none of COCO's, or a
    box holds no pixel."""
    for field, values in (('keypoints', keypoints), ('bbox', bbox)):
        finite = np.isfinite(values).reshape(len(values), -1).all(axis=1)
        if not finite.all():
            raise ValueError(
                f'{ann_file}: "{field}" of image {image_id[~finite][0]} is '
                f'not finite ({int((~finite).sum())} such images). Correct '
                'the source files: an unseen keypoint has coordinates and '
                'visibility 0')
    visible = keypoints[..., 2]
    strange = np.argwhere((visible != 0) & (visible != 1) & (visible != 2))
    if len(strange):
        i, k = strange[0]
        raise ValueError(
            f'{ann_file}: the visibility of {names[k]} in "keypoints" of '
            f'image {image_id[i]} is {visible[i, k]:g} ({len(strange)} such '
            'keypoints); it must be 0 (not labelled), 1 (labelled, not '
            f'visible) or 2 (visible). Correct the source files. {CONVERT}')
    for field, values in (('width', width), ('height', height)):
        if (values < 1).any():
            i = values.argmin()
            raise ValueError(
                f'{ann_file}: "{field}" of image {image_id[i]} is '
                f'{values[i]}; it must be that of the picture, in pixels. '
                f'{CONVERT}')
    labelled = visible > 0
    xy = keypoints[..., :2]
    in_corner = ((xy >= 0) & (xy <= 2)).all(axis=-1)
    shares = (in_corner | ~labelled).all(axis=1) & (labelled.sum(axis=1) > 1)
    shares |= (bbox[:, :2] + bbox[:, 2:] <= 2).all(axis=1) & (
        bbox >= 0).all(axis=1) & (bbox[:, 2:] > 0).all(axis=1)
    if shares.any():
        raise ValueError(
            f'{ann_file}: "bbox" or "keypoints" of image '
            f'{image_id[shares][0]} lie within the first pixel '
            f'({int(shares.sum())} such images): they seem to be shares of '
            'the picture, 0 to 1. Multiply them by its width and height. '
            f'{CONVERT}')
    limit = np.stack([width, height], axis=1) - 1
    outside = ((xy < 0) | (xy > limit[:, None] + 2)).any(axis=-1)
    outside = (outside | ~labelled).all(axis=1) & (labelled.sum(axis=1) > 1)
    if outside.any():
        raise ValueError(
            f'{ann_file}: all "keypoints" of image {image_id[outside][0]} lie '
            f'outside of its picture ({int(outside.sum())} such images). '
            'Correct "width" and "height", or scale the annotations to the '
            f'picture. {CONVERT}')
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
    (twice, count), = Counter(file_name.tolist()).most_common(1)
    if count > 1:
        first, second = image_id[file_name == twice][:2]
        raise ValueError(
            f'{ann_file}: images {first} and {second} have the same '
            f'"file_name" ({twice.decode()}). Remove the duplicate. {CONVERT}')
    digits = re.compile(rb'\d+')
    for i in np.flatnonzero(same & (file_name[1:] < file_name[:-1])):
        first, second = file_name[i:i + 2].tolist()
        if digits.sub(b'', first) == digits.sub(b'', second) and list(
                map(int, digits.findall(first))) > list(
                    map(int, digits.findall(second))):
            raise ValueError(
                f'{ann_file}: "frame_id" of image {image_id[i]} is before '
                f'that of image {image_id[i + 1]}, but "file_name" is after '
                f'it ({first.decode()}, {second.decode()}). Number the '
                f'frames in the order of their files. {CONVERT}')
