# Copyright (c) temporal_corr authors. All rights reserved.
"""Boxes from a file, in COCO's format of detections."""
from collections import defaultdict
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from mmpose.structures import PoseDataSample
from mmpose.structures.bbox import bbox_xywh2xyxy

from ..datasets.coco_json import entries, identity_of, read_json
from ..video_io.frame_source import FrameSource, SourceFrame
from .coco_entries import (describe, find_frames, image_frames, key_of,
                           numbers, person_category, size_reader)
from .person_boxes import People

REMEDY = ('It must be a list of boxes: '
          '[{"image_id": 0, "bbox": [x, y, w, h]}, ...]')


class BoxFile:
    """The boxes of the people of each frame, from a JSON file.

    The file holds a list with one entry a box, as COCO's detections::

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
        messages (list[str]): What was left out, and why.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such list, naming the entry and the field.
    """

    def __init__(self,
                 path: str,
                 source: FrameSource,
                 score_thr: float = 0.,
                 category: Optional[int] = None):
        self.path = path
        self.score_thr = score_thr
        self.messages: List[str] = []
        content = read_json(path, REMEDY)
        if isinstance(content, dict) and 'images' in content:
            rows = entries(content, 'annotations', path)
            places = [f'{path}: annotations[{i}]' for i in range(len(rows))]
            images = image_frames(path, entries(content, 'images', path),
                                  source, self.messages)
            frames = [
                self._of_image(row, place, images)
                for row, place in zip(rows, places)
            ]
        else:
            rows, content = entries(content, None, path, REMEDY), {}
            places = [f'{path}: entries[{i}]' for i in range(len(rows))]
            frames = find_frames(rows, places, source, self.messages, True)
        categories = content.get('categories') or []
        names = {
            key_of(row.get('id'), f'{path}: categories[{i}].id'):
            row.get('name')
            for i, row in enumerate(
                entries(dict(categories=categories), 'categories', path))
        }
        # Without a category_id it is a person, as with 1 of COCO.
        keys = [
            1 if row.get('category_id') is None else key_of(
                row['category_id'], f'{place}.category_id')
            for row, place in zip(rows, places)
        ]
        people = person_category(path, keys, names, category,
                                 'name that of people with --bbox-cat, or ')
        left_out: Dict[str, List[str]] = defaultdict(list)
        by_frame: Dict[int, List] = defaultdict(list)
        known = {}
        for row, place, frame, key in zip(rows, places, frames, keys):
            box, identity = _read(row, place)
            if people is not None and key != people:
                left_out[f'category_id is {key}, and people have {people} '
                         '(--bbox-cat names another)'].append(place)
                continue
            if isinstance(frame, str):
                left_out[frame].append(place)
            else:
                known[identity is None] = place
                by_frame[frame].append((box, identity, place))
        if len(known) > 1:
            raise ValueError(f'{known[True]} has no "track_id" and '
                             f'{known[False]} has: give all entries one, or '
                             'none')
        self._drop_outside(by_frame, source, left_out)
        self.messages += describe(path, left_out)
        if rows and not by_frame:
            raise ValueError(f'{path} has no box for any frame of '
                             f'{source.path}. {". ".join(self.messages)}')
        self.has_identities = True not in known
        self._rows = {
            frame: np.array([box for box, _, _ in found], dtype=np.float32)
            for frame, found in by_frame.items()
        }
        self._ids = {
            frame: [identity for _, identity, _ in found]
            for frame, found in by_frame.items()
        }
        if self.has_identities:
            self._check_identities()
        if score_thr > max((rows[:, 4].max() for rows in self._rows.values()),
                           default=-np.inf):
            self.messages.append(f'{path} has no box with a score of at '
                                 f'least {score_thr} (--bbox-thr)')

    @staticmethod
    def _of_image(row: dict, place: str, images: dict):
        key = key_of(row.get('image_id'), f'{place}.image_id')
        if key not in images:
            raise ValueError(f'{place}.image_id is {key!r}, which no entry '
                             'of images has as id')
        return images[key]

    def _drop_outside(self, by_frame: dict, source: FrameSource,
                      left_out: dict) -> None:
        """Leave out boxes that do not meet their picture."""
        boxes = [box for found in by_frame.values() for box, _, _ in found]
        if boxes and np.array(boxes)[:, :4].max() <= 1.01:
            _, _, place = next(iter(by_frame.values()))[0]
            raise ValueError(
                f'{place}.bbox, and all others, lie between 0 and 1: they '
                'are shares of the picture; multiply them by its width and '
                'height in pixels')
        sizes = size_reader(source)
        for frame, found in list(by_frame.items()):
            kept, size = [], sizes(frame)
            for box, identity, place in found:
                start, end = np.array(box[:2]), np.array(box[2:4])
                if size and ((start >= size).any() or (end <= 0).any()):
                    left_out['bbox lies outside of the picture; it is x, y, '
                             'w, h in pixels'].append(place)
                else:
                    kept.append((box, identity, place))
            by_frame[frame] = kept
            if not kept:
                del by_frame[frame]

    def _check_identities(self) -> None:
        """Raise if a person is twice in a frame."""
        for frame, ids in self._ids.items():
            twice = [identity for identity in ids if ids.count(identity) > 1]
            if twice:
                raise ValueError(
                    f'{self.path} has {ids.count(twice[0])} boxes with '
                    f'"track_id" {twice[0]} in frame {frame}: a person is '
                    'in a frame once')

    def find(self, frame: SourceFrame) -> Tuple[np.ndarray, np.ndarray]:
        """All boxes of a frame, of any score.

        Args:
            frame (SourceFrame): The frame.

        Returns:
            tuple: x1, y1, x2, y2 in pixels, (N, 4), and scores (N, ).
        """
        rows = self._rows.get(frame.index, np.zeros((0, 5), np.float32))
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
            frame: [ids[i] for i in np.flatnonzero(
                self._rows[frame][:, 4] >= self.score_thr)]
            for frame, ids in self._ids.items()
        }  # yapf: disable

    def see(self, samples: Sequence[PoseDataSample]) -> None:
        """Has no effect: boxes do not depend on poses."""

    def reset(self) -> None:
        """Has no effect: the file tells who is who in all shots."""


def _read(entry: dict, place: str) -> Tuple[list, Optional[int]]:
    """(x1, y1, x2, y2, score) and identity of an entry."""
    box = numbers(entry.get('bbox'), 4)
    if box is None:
        raise ValueError(f'{place}.bbox is {entry.get("bbox")!r:.60}; it must '
                         'be four numbers x, y, w, h')
    if (box[2:] <= 0).any():
        raise ValueError(f'{place}.bbox is {box.tolist()}, which has no area; '
                         'leave it out')
    score = [1.]
    if entry.get('score') is not None:
        score = numbers([entry['score']], 1)
    if score is None:
        raise ValueError(f'{place}.score is {entry["score"]!r:.60}, not a '
                         'number')
    return [*bbox_xywh2xyxy(box[None])[0], *score], identity_of(entry, place)
