# Copyright (c) temporal_corr authors. All rights reserved.
"""Boxes and labels of the people of a video, from files in COCO's formats."""
from collections import defaultdict
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple

import numpy as np
from mmpose.structures.bbox import bbox_xywh2xyxy

from ..datasets.coco_json import check_unique
from ..video_io.followed_person import People
from ..video_io.frame_source import FrameSource, SourceFrame
from .coco_entries import BEYOND, CocoFile, Key, key_of, numbers


class BoxFile(CocoFile):
    """The boxes of the people of each frame, from a JSON file.

    A provider of boxes, see :mod:`.people`, if the file tells who is who. It
    holds a list with one entry a box, as COCO's detections::

        [{"image_id": 0, "bbox": [x, y, w, h], "score": 0.9, "track_id": 3}]

    - ``image_id`` or ``frame_index``: the frame, from 0; or ``file_name``
      (or ``image_id``): the name of its image, with as many folders as are
      to be compared
    - ``bbox``: in pixels of the frame, which count from 0
    - ``score``: Defaults to 1
    - ``track_id``, also in ``attributes``: who it is. In all entries or in
      none; without, call :meth:`find` and leave the identities to a tracker
    - ``category_id``: of several, others than that of people are left out

    A dictionary with ``images``, ``annotations`` and ``categories``, COCO's
    format of data sets, is read, too.

    Args:
        path (str): The file.
        source (FrameSource): The frames that it is about.
        score_thr (float): Least score of a person. Defaults to 0.
        category (int, optional): ``category_id`` of people. Defaults to
            None, the one called "person", the only one, or COCO's 1.

    Attributes:
        has_identities (bool): Whether the entries have a ``track_id``.
    """

    def __init__(self,
                 path: str,
                 source: FrameSource,
                 score_thr: float = 0.,
                 category: Optional[int] = None):
        super().__init__(
            path, source, 'It must be a list of boxes: '
            '[{"image_id": 0, "bbox": [x, y, w, h]}, ...]')
        self.score_thr = score_thr
        names = {}
        if isinstance(self.content, dict) and 'images' in self.content:
            images, rows = self.images(), self.rows('annotations')
            frames = [self.image_of(*row, images) for row in rows]
            if self.content.get('categories'):
                names = {
                    key_of(row.get('id'), f'{place}.id'): row.get('name')
                    for row, place in self.rows('categories')
                }
        else:
            rows = self.rows(None)
            frames = self.frames_of(rows, by_id=True)
        # Without a category_id it is a person, as with 1 of COCO.
        keys = [
            1 if row.get('category_id') is None else key_of(
                row['category_id'], f'{place}.category_id')
            for row, place in rows
        ]
        people = self.category(
            set(keys), names, category,
            'name that of people with --bbox-cat, or ')
        found: Dict[int, List[tuple]] = defaultdict(list)
        for (row, place), frame, key in zip(rows, frames, keys):
            box = _read_box(row, place)
            if people is not None and key != people:
                frame = (f'category_id is {key}, and people have {people} '
                         '(--bbox-cat names another)')
            if isinstance(frame, str):
                self.leave_out(place, frame)
            else:
                found[frame].append((box, self.identity(row, place), place))
        boxes = np.array([box for row in found.values() for box, *_ in row])
        if len(boxes) and boxes[:, :4].max() <= 1.01:
            raise ValueError(
                f'{next(iter(found.values()))[0][2]}.bbox, and all others, '
                'lie between 0 and 1: they are shares of the picture; '
                'multiply them by its width and height in pixels')
        self._boxes: Dict[int, np.ndarray] = {}
        self._ids: Dict[int, List[int]] = {}
        for frame, row in found.items():
            kept, size = [], source.size(frame) or (np.inf, np.inf)
            for box, identity, place in row:
                if (box[:2] < size).all() and (box[2:4] > 0).all():
                    kept.append((box, identity))
                else:
                    self.leave_out(
                        place, 'bbox lies outside of the picture; it is x, '
                        'y, w, h in pixels')
            if kept:
                self._boxes[frame] = np.float32([box for box, _ in kept])
                self._ids[frame] = [identity for _, identity in kept]
        self.has_identities = self.check(self._boxes or not rows, 'box')
        for frame, ids in self._ids.items():
            if self.has_identities and len(set(ids)) < len(ids):
                twice = max(ids, key=ids.count)
                raise ValueError(
                    f'{path} has {ids.count(twice)} boxes with "track_id" '
                    f'{twice} in frame {frame}: a person is in a frame once')
        if score_thr > max((row[:, 4].max() for row in self._boxes.values()),
                           default=-np.inf):
            self.messages.append(f'{path} has no box with a score of at '
                                 f'least {score_thr} (--bbox-thr)')

    def find(self, frame: SourceFrame) -> Tuple[np.ndarray, np.ndarray]:
        """All boxes of a frame, of any score: x1, y1, x2, y2 in pixels,
        (N, 4), and scores (N, )."""
        rows = self._boxes.get(frame.index, np.zeros((0, 5), np.float32))
        return rows[:, :4], rows[:, 4]

    def __call__(self, frame: SourceFrame) -> People:
        """The people of a frame, where the file tells who they are."""
        bboxes, scores = self.find(frame)
        sure = np.flatnonzero(scores >= self.score_thr)
        ids = self._ids.get(frame.index, [])
        return People(bboxes[sure], [ids[i] for i in sure], scores[sure])

    def people(self) -> Dict[int, List[int]]:
        """Who is in which frame, by frame."""
        return {
            frame: [
                identity for identity, box in zip(ids, self._boxes[frame])
                if box[4] >= self.score_thr
            ]
            for frame, ids in self._ids.items()
        }

    def see(self, samples: Sequence) -> None:
        """Has no effect: boxes do not depend on poses."""

    def reset(self) -> None:
        """Has no effect: the file tells who is who in all shots."""


class Label(NamedTuple):
    """The labelled keypoints (K, 2) of a person in a frame, in pixels, NaN for
    one that is not labelled, and the box x1, y1, x2, y2, (4, ).

    ``visibility`` is COCO's (K, ): 2, 1 for a keypoint that is hidden, 0;
    None where that is not told.
    """
    track_id: int
    keypoints: np.ndarray
    bbox: np.ndarray
    visibility: Optional[np.ndarray] = None


class LabelFile(CocoFile):
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
    """

    def __init__(self, path: str, source: FrameSource, names: Sequence[str]):
        if source.kind == 'webcam':
            raise ValueError('a camera has no frames that are labelled '
                             'already: --prompt needs a recorded video')
        super().__init__(path, source, "It must be COCO's format of keypoints")
        images, rows = self.images(), self.rows('annotations')
        labelled = [row for row in rows if _is_labelled(*row)]
        if not labelled:
            raise ValueError(f'{path} holds no label: ' + (
                'set "labelled" to true in the annotations that are to be '
                'trusted' if rows else '"annotations" is empty'))
        category, columns, count = self._keypoints(labelled, names)
        frames: Dict[int, List[Label]] = defaultdict(list)
        for row, place in labelled:
            frame = self.image_of(row, place, images)
            key = row.get('category_id')
            if category is not None and (key is None or key_of(
                    key, f'{place}.category_id') != category):
                frame = f'category_id is {key}, and people have {category}'
            if isinstance(frame, str):
                if frame.startswith(BEYOND):
                    raise ValueError(f'{place} is about image '
                                     f'{row["image_id"]} (frame_index): '
                                     f'{frame}')
                self.leave_out(place, frame)
                continue
            identity = self.identity(row, place)
            if (identity or 0) in [label.track_id for label in frames[frame]]:
                raise ValueError(
                    f'{place} is one more label in frame {frame} ' +
                    ('without a track_id' if identity is
                     None else f'whose track_id is {identity}') +
                    ': number the people, or remove one of the labels')
            points, visibility, bbox = _read_label(row, columns, count, place)
            bbox = self._check_place(points, bbox, frame, place)
            frames[frame].append(
                Label(identity or 0, points, bbox, visibility))
        self.check(frames, 'label')
        self.frames = dict(sorted(frames.items()))

    def _keypoints(
            self, labelled: Sequence[Tuple[dict, str]],
            names: Sequence[str]) -> Tuple[Optional[Key], List[int], int]:
        """The category of people (None: all are people), where the model's
        keypoints are in its own, and how many these are."""
        path, rows = self.path, self.rows('categories')
        ids = [
            key_of(row.get('id', i), f'{place}.id')
            for i, (row, place) in enumerate(rows)
        ]
        check_unique(ids, 'categories[{}].id', path)
        titles = {key: row.get('name') for key, (row, _) in zip(ids, rows)}
        found = [i for i, (row, _) in enumerate(rows) if row.get('keypoints')]
        if len(found) > 1:
            found = [
                i for i in found if str(titles[ids[i]]).lower() == 'person'
            ]
        if len(found) != 1:
            raise ValueError(
                f'{path}: categories must hold one with keypoints, their '
                'names, or of several such name one "person"')
        row, place = rows[found[0]]
        given = row['keypoints']
        missing = list(names)
        if isinstance(given, list):
            given = list(map(str, given))
            missing = [name for name in names if name not in given]
        if missing:
            raise ValueError(f'{place}.keypoints are {given}, and lack '
                             f'{missing} of the model: name them as the model '
                             'does')
        check_unique(given, f'{place[len(path) + 2:]}.keypoints[{{}}]', path)
        keys = {
            key_of(row['category_id'], f'{place}.category_id')
            for row, place in labelled if row.get('category_id') is not None
        }
        category = self.category(keys, titles,
                                 ids[found[0]] if len(ids) > 1 else None)
        return category, [given.index(name) for name in names], len(given)

    def _check_place(self, points: np.ndarray, bbox: np.ndarray, frame: int,
                     place: str) -> np.ndarray:
        """The box of a label. Raises if it lies outside of its frame."""
        known = points[np.isfinite(points).all(axis=-1)]
        size = self.source.size(frame)
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
        if inside(known - bbox[:2], bbox[2:] - bbox[:2]).any():
            return bbox
        # Corrected, and the box left as it was.
        self.messages.append(f'{place}.bbox holds none of the labelled '
                             'keypoints: their extent is taken')
        return pose_extents(known[None])[0]


def inside(points: np.ndarray, size: Sequence[float]) -> np.ndarray:
    """Which points (..., 2) in pixels lie in a picture; NaN lies in none."""
    return ((points >= 0) & (points < size)).all(axis=-1)


def pose_extents(keypoints: np.ndarray, padding: float = 1.25) -> np.ndarray:
    """The padded extents (N, 4), float32, of poses (N, K, 2) in pixels, with
    NaN for a keypoint that is not known: boxes of at least two pixels a side.
    """
    low, high = np.nanmin(keypoints, axis=1), np.nanmax(keypoints, axis=1)
    sides = np.maximum((high - low) * padding, 2)
    centre = (low + high) / 2
    return np.concatenate([centre - sides / 2, centre + sides / 2],
                          axis=1).astype(np.float32)


def _xywh(row: dict, place: str) -> np.ndarray:
    """The box of an entry."""
    box = numbers(row.get('bbox'), 4)
    if box is None or (box[2:] <= 0).any():
        raise ValueError(f'{place}.bbox is {row.get("bbox")!r:.60}; it must '
                         'be four numbers x, y, w, h in pixels, with an area, '
                         'or be left out')
    return box


def _read_box(row: dict, place: str) -> np.ndarray:
    """x1, y1, x2, y2 and score of an entry, (5, )."""
    box, score = _xywh(row, place), row.get('score')
    score = numbers([1. if score is None else score], 1)
    if score is None:
        raise ValueError(f'{place}.score is {row["score"]!r:.60}, not a '
                         'number')
    return np.append(bbox_xywh2xyxy(box[None]), score)


def _is_labelled(row: dict, place: str) -> bool:
    value = row.get('labelled', True)
    if value not in (True, False):
        raise ValueError(f'{place}.labelled is {value!r:.60}; it must be true '
                         'or false')
    return bool(value)


def _read_label(row: dict, columns: Sequence[int], count: int,
                place: str) -> Tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Keypoints, their visibility, and box of an annotation."""
    given = row.get('keypoints')
    try:
        rows = np.array(given, dtype=object).reshape(count, 3)
    except ValueError as error:
        raise ValueError(
            f'{place}.keypoints has {np.size(given)} values; it must have '
            f'{3 * count}, x, y, v for each of the {count} names in '
            'categories') from error
    keypoints = np.full((len(columns), 2), np.nan)
    visibility = rows[columns, 2]
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
    if row.get('bbox') is None:
        bbox = pose_extents(keypoints[None])[0]
    else:
        bbox = bbox_xywh2xyxy(np.float32([_xywh(row, place)]))[0]
    return keypoints, visibility.astype(int), bbox
