# Copyright (c) temporal_corr authors. All rights reserved.
import gc
import re
from collections import Counter
from itertools import chain
from typing import Any, Callable, List, Optional, Sequence, Tuple, Union

import numpy as np
from mmengine.logging import print_log

from .coco_json import (check_unique, entries, identity_of, read_json,
                        whole_number)
from .video_frames import VideoFrames

CONVERT = ('Convert the data set with tools/dataset_converters/jhmdb.py or '
           'tools/dataset_converters/penn_action.py, or write its fields as '
           'docs/data_preparation.md says')
GET = (f'{CONVERT}, or correct data_root and ann_file (the configs take '
       'data_root from JHMDB_ROOT or PENN_ROOT in the environment, and the '
       'split of JHMDB from JHMDB_SPLIT, which is 1, 2 or 3)')

# MMPose's published JHMDB files number a frame vid_id * 10000 + frame, ours
# number it frame; the remainder is the frame, counted from 1, in both.
FRAMES_PER_VIDEO = 10000


class _Unusable(ValueError):
    """What is wrong; file and remedy are added where it is caught."""


def load_video_frames(ann_file: str, names: Sequence[str],
                      origin: int) -> VideoFrames:
    """Read COCO-style annotations of videos and check them.

    The format is that of MMPose's JHMDB files: images have ``vid_id``,
    ``frame_id`` and ``nframes``, in any order, and every image has one
    annotated person. Where the file names its keypoints (``categories``) they
    are taken by name. Annotations of other categories and of crowds are left
    out, with a line in the log.

    Args:
        ann_file (str): Path of the JSON file.
        names (Sequence[str]): Names of the K keypoints that are wanted, in
            the order of a file that does not name them.
        origin (int): The coordinate of the first pixel, 0 or 1, unless the
            file has ``info.coordinates`` ``'0-based'`` or ``'1-based'``.

    Returns:
        VideoFrames: The frames, video by video in time.

    Raises:
        ValueError: If the file cannot be used, with file, image and field.
    """
    # Parsing makes hundreds of thousands of objects and no cycle among them;
    # looking for cycles meanwhile would nearly double the time.
    collecting = gc.isenabled()
    gc.disable()
    try:
        return _parse(ann_file, read_json(ann_file, GET), names, origin)
    except _Unusable as error:
        raise ValueError(f'{ann_file}: {error}. {CONVERT}') from None
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
            raise _Unusable(f'it holds no "{key}"')
    image_id, video, frame, length, *size = (
        _column('image', images, field) for field in
        ('id', 'vid_id', 'frame_id', 'nframes', 'width', 'height'))
    frame = np.where(frame > length, frame % FRAMES_PER_VIDEO, frame)
    size = np.stack(size, axis=1)
    file_name = _column('image', images, 'file_name', _path)
    check_unique(image_id.tolist(), 'images[{}].id', ann_file)
    row = _rows_of_people(image_id, annotations)
    annotations = [annotations[i] for i in row]
    keypoints = _numbers(annotations, 'keypoints', 3 * num_stored, np.float32)
    keypoints = keypoints.reshape(-1, num_stored, 3)[:, columns]
    # what is not labelled has no place
    keypoints[(keypoints[..., 2] == 0) & np.isnan(keypoints).any(axis=-1)] = 0
    bbox = _numbers(annotations, 'bbox', 4)
    # Where the released box is degenerate, ``bbox`` is filled for cropping.
    bbox_size = bbox[:, 2:].copy()
    filled = [i for i, a in enumerate(annotations) if 'bbox_released' in a]
    bbox_size[filled] = _numbers([annotations[i] for i in filled],
                                 'bbox_released', 4)[:, 2:]
    bbox_size[(bbox_size <= 0).any(axis=1)] = 0
    annotation_id = _column('annotation', annotations, 'id')
    track_id = np.array([
        identity_of(annotation, f'{ann_file}, image {image}: annotation') or 0
        for image, annotation in zip(image_id, annotations)
    ])

    info = data.get('info')
    told = info.get('coordinates') if isinstance(info, dict) else None
    if told not in (None, '0-based', '1-based'):
        raise _Unusable(
            f"info.coordinates is {told!r:.60}; it must be '0-based' or "
            "'1-based', the first pixel of pictures, or left out")
    shift = 1 - (int(told[0]) if told else origin)
    keypoints[..., :2] += shift
    bbox[:, :2] += shift
    _check_values(image_id, names, keypoints, bbox, size)
    order = np.lexsort((frame, video))
    _check_time(*(values[order]
                  for values in (video, frame, image_id, length, file_name)))
    return VideoFrames(
        file_name=file_name[order],
        image_id=image_id[order],
        annotation_id=annotation_id[order],
        track_id=track_id[order],
        video=video[order],
        frame_index=frame[order] - 1,
        image_size=size[order].astype(np.int32),
        keypoints=keypoints[order],
        bbox=bbox[order],
        bbox_size=bbox_size[order].astype(np.float32))


def _people(ann_file: str, data: dict, annotations: List[dict],
            names: Sequence[str]) -> Tuple[List[dict], List[int], int]:
    """The annotations of people, where the keypoints are in them, and how
    many they have."""
    categories = entries(data, 'categories', ann_file, CONVERT) if data.get(
        'categories') is not None else []
    named = {}
    for row, category in enumerate(categories):
        given = category.get('keypoints') or []
        if not isinstance(given, list) or set(map(type, given)) - {str}:
            raise _Unusable(f'categories[{row}].keypoints is {given!r:.60}; '
                            'it must be the list of the names')
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
        raise _Unusable(
            f'categories[{row}].keypoints lacks {", ".join(missing)}'
            f'{" and has " * bool(unknown)}{", ".join(unknown)}. Rename the '
            'keypoints that are the same, use the data set class of these '
            'annotations, or VideoCocoDataset with a metainfo of them')
    stored = named[fitting[0]] if fitting else list(names)
    if any(named[row] != stored for row in fitting):
        raise _Unusable(
            f'categories[{fitting[0]}] and categories[{fitting[1]}] have the '
            'same keypoints in another order. Leave one of them out')
    if fitting:
        check_unique(stored, f'categories[{fitting[0]}].keypoints[{{}}]',
                     ann_file)

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
        category = others and whole_number(annotation.get('category_id'))
        if others and category in others:
            left_out[f'category {others[category]}'] += 1
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


def _column(kind: str,
            records: Sequence[dict],
            field: str,
            read: Callable = whole_number) -> np.ndarray:
    """One field of all records, by a function that gives None for what cannot
    be used; integers by default."""
    values = [read(record.get(field)) for record in records]
    if None in values:
        row = values.index(None)
        record = records[row]
        where = f'{kind}s[{row}]'
        if isinstance(record.get('id'), (int, float, str)):
            where = f'{kind} {record["id"]}'
        elif 'image_id' in record:
            where = f'{kind} of image {record["image_id"]}'
        value = record.get(field)
        what = 'no' if value is None else f'an unusable ({value!r:.60})'
        raise _Unusable(f'{where} has {what} "{field}"; the videos need '
                        'vid_id, frame_id and nframes in every image')
    return np.array(values)


def _path(name: Any) -> Optional[bytes]:
    """The path of an image as UTF-8, with slashes whoever wrote it."""
    if isinstance(name, str) and name.strip() and '\0' not in name:
        return name.replace('\\', '/').encode(errors='replace')
    return None


def _rows_of_people(image_id: np.ndarray,
                    annotations: List[dict]) -> np.ndarray:
    """Index of the one annotation of each image."""
    annotated = _column('annotation', annotations, 'image_id')
    unique, count = np.unique(annotated, return_counts=True)
    if (count > 1).any():
        raise _Unusable(
            f'image {unique[count > 1][0]} is annotated twice; every frame '
            'shows one annotated person. Remove the duplicate')
    missing = np.setdiff1d(image_id, annotated)
    if len(missing):
        raise _Unusable(f'image {missing[0]} has no annotation '
                        f'({len(missing)} such images). Leave it out of '
                        '"images" or annotate it')
    stray = np.setdiff1d(annotated, image_id)
    if len(stray):
        raise _Unusable(f'an annotation belongs to image {stray[0]}, which is '
                        'not in "images"')
    row = np.argsort(annotated)
    return row[np.searchsorted(annotated, image_id, sorter=row)]


def _numbers(annotations: List[dict],
             field: str,
             length: int,
             dtype: Any = np.float64) -> np.ndarray:
    """A field of ``length`` numbers of all annotations, (F, length)."""
    values = [ann.get(field) for ann in annotations]
    unreadable = (TypeError, ValueError, LookupError, OverflowError)
    try:
        return _flat(values, length, dtype)
    except unreadable:
        for ann, value in zip(annotations, values):  # find the one to name
            try:
                _flat([value], length, dtype)
            except unreadable:
                count = len(value) if isinstance(value, list) else 'no'
                raise _Unusable(
                    f'"{field}" of image {ann["image_id"]} should be a list '
                    f'of {length} numbers, but has {count}: {value!r:.60}. '
                    'Use the data set class and the metainfo of these '
                    'annotations') from None
        raise


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


#: Which frames are wrong (F, ), the field, and what is wrong with it.
Check = Tuple[np.ndarray, str, Union[str, Callable[[int], str]]]


def _raise_first(checks: Sequence[Check], image_id: np.ndarray) -> None:
    for wrong, field, what in checks:
        if wrong.any():
            i = wrong.argmax()
            what = what if isinstance(what, str) else what(i)
            raise _Unusable(f'"{field}" of image {image_id[i]} {what} '
                            f'({int(wrong.sum())} such images)')


def _check_values(image_id: np.ndarray, names: Sequence[str],
                  keypoints: np.ndarray, bbox: np.ndarray,
                  size: np.ndarray) -> None:
    """Check keypoints (F, K, 3) and boxes (F, 4), which count from 1, of
    pictures of the size (F, 2)."""
    xy, visible = keypoints[..., :2], keypoints[..., 2]
    strange = ~np.isin(visible, (0, 1, 2))
    labelled = visible > 0
    several = labelled.sum(axis=1) > 1
    limit = size - 1
    in_corner = ((xy >= 0) & (xy <= 2)).all(axis=-1)
    outside = ((xy < 0) | (xy > limit[:, None] + 2)).any(axis=-1)
    small_box = (bbox[:, :2] + bbox[:, 2:] <= 2) & (bbox[:, :2] >= 0) & (
        bbox[:, 2:] > 0)
    low = np.clip(bbox[:, :2] - 1, 0, limit)
    high = np.clip(bbox[:, :2] - 1 + bbox[:, 2:], 0, limit)
    shares = ('lies within the first pixel: it seems to be shares of the '
              'picture, 0 to 1. Multiply by its width and height')

    def of_visibility(i: int) -> str:
        k = strange[i].argmax()
        return (f'has the visibility {visible[i, k]:g} of {names[k]}; it '
                'must be 0 (not labelled), 1 (labelled, not visible) or 2 '
                '(visible)')

    _raise_first((
        (~np.isfinite(keypoints).all(axis=(1, 2)), 'keypoints',
         'is not finite: an unseen keypoint has coordinates and visibility '
         '0'),
        (~np.isfinite(bbox).all(axis=1), 'bbox', 'is not finite'),
        (strange.any(axis=1), 'keypoints', of_visibility),
        (size[:, 0] < 1, 'width', lambda i: f'is {size[i, 0]}, no pixels'),
        (size[:, 1] < 1, 'height', lambda i: f'is {size[i, 1]}, no pixels'),
        ((in_corner | ~labelled).all(axis=1) & several, 'keypoints', shares),
        (small_box.all(axis=1), 'bbox', shares),
        ((outside | ~labelled).all(axis=1) & several, 'keypoints',
         'lies outside of its picture altogether. Correct "width" and '
         '"height", or scale the annotations to the picture'),
        ((high <= low).any(axis=1), 'bbox', lambda i:
         f'{bbox[i].tolist()} covers nothing of the picture. The converters '
         'fill such boxes from the nearest frame'),
    ), image_id)  # yapf: disable


def _check_time(video: np.ndarray, frame: np.ndarray, image_id: np.ndarray,
                length: np.ndarray, file_name: np.ndarray) -> None:
    """Check that each video, sorted in time, has all of its frames."""
    # of a frame and the next one
    same = np.append(video[1:] == video[:-1], False)
    step = np.append(np.diff(frame), 0)
    folder = np.array([name.rpartition(b'/')[0] for name in file_name])
    moved = np.append(folder[1:] != folder[:-1], False)
    start = np.flatnonzero(np.append(True, ~same[:-1]))
    _, first = np.unique(folder[start], return_index=True)
    shared = np.zeros(len(video), dtype=bool)
    shared[np.delete(start, first)] = True
    _, first = np.unique(file_name, return_index=True)
    repeated = np.ones(len(video), dtype=bool)
    repeated[first] = False

    def of_next(i: int) -> str:
        what = 'twice' if step[i] == 0 else f'and then {frame[i + 1]}'
        return (f'says that video {video[i]} has frame {frame[i]} {what} '
                f'(image {image_id[i + 1]}); a video needs each of its frames '
                'once. For fewer frames a second use frame_stride')

    own_folder = (lambda i: f'({folder[i].decode()!r}) is in the folder of '
                  f'another video than {video[i]}, or in several; each video '
                  'needs a folder of its own, by which it is known')
    _raise_first((
        (same & (step != 1), 'frame_id', of_next),
        ((frame < 1) | (frame > length), 'frame_id', lambda i:
         f'is frame {frame[i]} of a video of {length[i]} ("nframes"); frames '
         'count from 1'),
        ((same & moved) | shared, 'file_name', own_folder),
        (repeated, 'file_name', lambda i:
         f'({file_name[i].decode()}) is that of another image, too'),
        (same & _files_run_back(file_name), 'frame_id', lambda i:
         f'is before that of image {image_id[i + 1]}, but "file_name" is '
         f'after it ({file_name[i].decode()}, {file_name[i + 1].decode()}). '
         'Number the frames in the order of their files'),
    ), image_id)  # yapf: disable


def _files_run_back(file_name: np.ndarray) -> np.ndarray:
    """Where the next name is the same but for smaller numbers, (F, )."""
    digits = re.compile(rb'\d+')
    back = np.append(file_name[1:] < file_name[:-1], False)
    for i in np.flatnonzero(back):
        first, second = file_name[i:i + 2].tolist()
        back[i] = digits.sub(b'', first) == digits.sub(b'', second) and list(
            map(int, digits.findall(first))) > list(
                map(int, digits.findall(second)))
    return back
