# Copyright (c) temporal_corr authors. All rights reserved.
"""Labelled frames of a video, from a file in COCO's format."""
from collections import defaultdict
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from mmpose.structures.bbox import bbox_xywh2xyxy

from ..datasets.coco_json import check_unique, entries, identity_of, read_json
from ..video_io.frame_source import FrameSource
from .coco_entries import (BEYOND, describe, image_frames, key_of, numbers,
                           person_category, size_reader)
from .person_boxes import pose_extents

REMEDY = "It must be COCO's format of keypoints"


class Label(NamedTuple):
    """The labelled keypoints of a person in a frame.

    Attributes:
        track_id (int): Who it is.
        keypoints (np.ndarray): In pixels, (K, 2), NaN for one that is not
            labelled.
        bbox (np.ndarray): Box x1, y1, x2, y2, (4, ).
    """
    track_id: int
    keypoints: np.ndarray
    bbox: np.ndarray


class LabelFile:
    """Labelled frames of a video, from COCO's format of keypoints.

    - ``images``: ``id``, and ``frame_index``, the frame, from 0, or
      ``file_name`` of an input that is a folder of images, with as many
      folders as are to be compared; ``width`` and ``height`` of the frame
    - ``annotations``: ``image_id``, ``keypoints`` (x, y, v for each; v = 0
      is not labelled), ``track_id``, also in ``attributes`` (0 where no
      label has one), ``bbox`` (x, y, w, h; defaults to the padded extent of
      the keypoints) and ``labelled``: where some annotations have it, those
      with ``false`` are left out
    - ``categories``: ``keypoints``, the names, among them the model's, by
      which the keypoints are taken

    :class:`CocoPoses` writes predictions like this, with ``labelled`` false
    for predictions, to be corrected, set to true, and fed back.

    Args:
        path (str): The file.
        source (FrameSource): The frames that it is about.
        names (Sequence[str]): Names of the K keypoints of the model.

    Attributes:
        frames (dict): Labels by frame, ascending.
        messages (list[str]): What was left out, and why.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, naming the entry and the field.
    """

    def __init__(self, path: str, source: FrameSource, names: Sequence[str]):
        self.path = path
        self.messages: List[str] = []
        if source.kind == 'webcam':
            raise ValueError('a camera has no frames that are labelled '
                             'already: --prompt needs a recorded video')
        content = read_json(path, REMEDY)
        images = image_frames(path, entries(content, 'images', path, REMEDY),
                              source, self.messages)
        annotations = entries(content, 'annotations', path, REMEDY)
        places = [f'{path}: annotations[{i}]' for i in range(len(annotations))]
        labelled = [(entry, place)
                    for entry, place in zip(annotations, places)
                    if _is_labelled(entry, place)]
        if not labelled:
            raise ValueError(f'{path} holds no label: ' + (
                'set "labelled" to true in the annotations that are to be '
                'trusted' if annotations else '"annotations" is empty'))
        category, columns, count = self._keypoints(content, labelled, names)
        left_out: Dict[str, List[str]] = defaultdict(list)
        frames: Dict[int, List[Label]] = defaultdict(list)
        sizes = size_reader(source)
        told = {}
        for entry, place in labelled:
            image = key_of(entry.get('image_id'), f'{place}.image_id')
            if image not in images:
                raise ValueError(f'{place}.image_id is {image!r}, which no '
                                 'entry of images has as id')
            frame = images[image]
            key = entry.get('category_id')
            if category is not None and (key is None or key_of(
                    key, f'{place}.category_id') != category):
                frame = f'category_id is {key}, and people have {category}'
            if isinstance(frame, str):
                if frame.startswith(BEYOND):
                    raise ValueError(f'{place} is about image {image} '
                                     f'(frame_index): {frame}')
                left_out[frame].append(place)
                continue
            identity = identity_of(entry, place)
            told[identity is None] = place
            label = Label(identity or 0,
                          *_read_label(entry, columns, count, place))
            if label.track_id in [other.track_id for other in frames[frame]]:
                raise ValueError(
                    f'{place} is one more label in frame {frame} ' +
                    ('without a track_id' if identity is
                     None else f'whose track_id is {identity}') +
                    ': number the people, or remove one of the labels')
            frames[frame].append(
                self._check_place(label, frame, place, sizes(frame)))
        self.messages += describe(path, left_out)
        if not frames:
            raise ValueError(f'{path} has no label for any frame of '
                             f'{source.path}. {". ".join(self.messages)}')
        if len(told) > 1:
            raise ValueError(f'{told[True]} has no track_id and '
                             f'{told[False]} has: give all labels one')
        self.frames = dict(sorted(frames.items()))

    def _keypoints(self, content: dict, labelled: Sequence[tuple],
                   names: Sequence[str]) -> Tuple:
        """The category of people (None: all are people), where the model's
        keypoints are in its own, and how many these are."""
        path = self.path
        categories = entries(content, 'categories', path, REMEDY)
        ids = [
            key_of(row.get('id', i), f'{path}: categories[{i}].id')
            for i, row in enumerate(categories)
        ]
        check_unique(ids, 'categories[{}].id', path)
        rows = [i for i, row in enumerate(categories) if row.get('keypoints')]
        if len(rows) > 1:
            rows = [
                i for i in rows
                if str(categories[i].get('name')).lower() == 'person'
            ]
        if len(rows) != 1:
            raise ValueError(
                f'{path}: categories must hold one with keypoints, their '
                'names, or of several such name one "person"')
        row, = rows
        given = categories[row]['keypoints']
        missing = list(names)
        if isinstance(given, list):
            given = list(map(str, given))
            missing = [name for name in names if name not in given]
        if missing:
            raise ValueError(
                f'{path}: categories[{row}].keypoints are {given}, and lack '
                f'{missing} of the model: name them as the model does')
        check_unique(given, f'categories[{row}].keypoints[{{}}]', path)
        category = person_category(path, [
            key_of(entry['category_id'], f'{place}.category_id')
            for entry, place in labelled
            if entry.get('category_id') is not None
        ], {
            key: row.get('name')
            for key, row in zip(ids, categories)
        }, ids[row] if len(ids) > 1 else None)
        return category, [given.index(name) for name in names], len(given)

    def _check_place(self, label: Label, frame: int, place: str,
                     size: Optional[Tuple[int, int]]) -> Label:
        """Raise if a label lies outside of its frame; correct its box."""
        known = label.keypoints[np.isfinite(label.keypoints).all(axis=-1)]
        if (known >= 0).all() and (known <= 1).all():
            raise ValueError(
                f'{place}.keypoints lie between 0 and 1: they are shares of '
                'the picture; multiply them by its width and height in '
                'pixels')
        outside = ~inside(known, size or (np.inf, np.inf))
        if size and outside.all():
            raise ValueError(
                f'{place}.keypoints lie outside of frame {frame}, which is '
                f'{size[0]} x {size[1]}: scale them to the frames of the '
                'input')
        if size and outside.any():
            self.messages.append(
                f'{place}: {outside.sum()} keypoints lie outside of frame '
                f'{frame} ({size[0]} x {size[1]}) and do not count as '
                'labelled')
        if not inside(known - label.bbox[:2],
                      label.bbox[2:] - label.bbox[:2]).any():
            # Corrected, and the box left as it was.
            self.messages.append(f'{place}.bbox holds none of the labelled '
                                 'keypoints: their extent is taken')
            label = label._replace(bbox=pose_extents(known[None])[0])
        return label


def inside(points: np.ndarray, size: Tuple[int, int]) -> np.ndarray:
    """Which points lie in a picture.

    Args:
        points (np.ndarray): In pixels, (..., 2); NaN lies in none.
        size (tuple): Width and height of the picture.

    Returns:
        np.ndarray: Boolean, in shape (...).
    """
    return ((points >= 0) & (points < size)).all(axis=-1)


def _is_labelled(entry: dict, place: str) -> bool:
    value = entry.get('labelled', True)
    if value not in (True, False):
        raise ValueError(f'{place}.labelled is {value!r:.60}; it must be true '
                         'or false')
    return bool(value)


def _read_label(entry: dict, columns: Sequence[int], count: int,
                place: str) -> Tuple[np.ndarray, np.ndarray]:
    """Keypoints and box of an annotation."""
    given = entry.get('keypoints')
    try:
        rows = np.array(given, dtype=object).reshape(count, 3)
    except ValueError as error:
        raise ValueError(
            f'{place}.keypoints has {np.size(given)} values; it must have '
            f'{3 * count}, x, y, v for each of the {count} names in '
            'categories') from error
    keypoints = np.full((len(columns), 2), np.nan)
    for i, column in enumerate(columns):
        x, y, v = rows[column]
        if isinstance(v, bool) or v not in (0, 1, 2):
            raise ValueError(
                f'{place}.keypoints: v of number {column} (from 0) is {v!r}; '
                'it must be 2 or 1 for a keypoint that is labelled, else 0')
        if v:
            point = numbers([x, y], 2)
            if point is None:
                raise ValueError(
                    f'{place}.keypoints: x, y of number {column} (from 0) '
                    f'are {x!r}, {y!r}; they must be numbers, or v 0')
            keypoints[i] = point
    if not np.isfinite(keypoints).any():
        raise ValueError(f'{place}.keypoints has no labelled keypoint, with '
                         'v > 0: remove the entry')
    if entry.get('bbox') is None:
        return keypoints, pose_extents(keypoints[None])[0]
    bbox = numbers(entry['bbox'], 4)
    if bbox is None or (bbox[2:] <= 0).any():
        raise ValueError(f'{place}.bbox is {entry["bbox"]!r:.60}; it must be '
                         'x, y, w, h in pixels with an area, or null')
    return keypoints, bbox_xywh2xyxy(bbox[None].astype(np.float32))[0]
