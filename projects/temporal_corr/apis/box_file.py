# Copyright (c) temporal_corr authors. All rights reserved.
"""Boxes from a file, in COCO's format of detections."""
import json
import os.path as osp
from collections import defaultdict
from typing import Dict, List, Optional, Sequence, Tuple

import numpy as np
from mmpose.structures import PoseDataSample
from mmpose.structures.bbox import bbox_xywh2xyxy

from ..video_io.frame_source import FrameSource, SourceFrame
from .person_boxes import People

FRAME_KEYS = ('frame_index', 'file_name', 'image_id')


class BoxFile:
    """The boxes of the people of each frame, from a JSON file.

    The file holds a list with one entry a box, as COCO's detections::

        [{"image_id": 0, "bbox": [x, y, w, h], "score": 0.9, "track_id": 3}]

    - ``image_id`` or ``frame_index``: the frame, from 0; or ``file_name``
      (or ``image_id``): the name of its image
    - ``bbox``: in pixels of the frame, which count from 0
    - ``score``: Defaults to 1
    - ``track_id``: who it is. In all entries or in none; without, call
      :meth:`find` and leave the identities to a tracker
    - ``category_id``: entries other than 1, COCO's person, are left out

    Args:
        path (str): The file.
        source (FrameSource): The frames that it is about.
        score_thr (float): Least score of a person. Defaults to 0.

    Attributes:
        has_identities (bool): Whether the entries have a ``track_id``.
        num_unmatched (int): How many entries are about no frame of the
            source.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such list, naming the entry and the field.
    """

    def __init__(self,
                 path: str,
                 source: FrameSource,
                 score_thr: float = 0.):
        self.path = path
        self.score_thr = score_thr
        self._source = source
        self._frames = {
            osp.basename(name): index
            for index, name in enumerate(source.files)
        }
        if not osp.isfile(path):
            raise FileNotFoundError(f'there is no file of boxes {path}')
        try:
            with open(path, encoding='utf-8') as file:
                entries = json.load(file)
        except ValueError as error:
            raise ValueError(f'{path} is no JSON file ({error})') from error
        if not isinstance(entries, list):
            raise ValueError(
                f'{path} holds a {type(entries).__name__}; it must be a list '
                'of boxes: [{"image_id": 0, "bbox": [x, y, w, h]}, ...]')
        self.num_unmatched = 0
        by_frame: Dict[int, List] = defaultdict(list)
        identities = set()
        for number, entry in enumerate(entries):
            frame, row, identity = self._read(number, entry)
            if entry.get('category_id', 1) != 1:
                continue
            identities.add(identity is None)
            if frame is None:
                self.num_unmatched += 1
            else:
                by_frame[frame].append((row, identity))
        if len(identities) > 1:
            raise ValueError(f'{path} has a "track_id" in some entries and '
                             'not in others: give all of them one, or none')
        if entries and not by_frame:
            raise ValueError(
                f'{path} has no box for any frame of {source.path}: '
                'its frames count from 0, file names are '
                'those of the images')
        self.has_identities = True not in identities
        self._rows = {
            frame: np.array([row for row, _ in rows], dtype=np.float32)
            for frame, rows in by_frame.items()
        }
        self._ids = {
            frame: [identity for _, identity in rows]
            for frame, rows in by_frame.items()
        }
        if self.has_identities:
            self._check_identities()

    def _read(self, number: int, entry: dict) -> Tuple:
        """Frame, (x1, y1, x2, y2, score) and identity of an entry."""

        def refuse(what: str):
            raise ValueError(f'{self.path}, entry {number} (from 0): {what}')

        if not isinstance(entry, dict):
            refuse(f'is {entry!r:.60}, not a dictionary with "bbox"')
        key = next((key for key in FRAME_KEYS if key in entry), None)
        if key is None:
            refuse('names no frame; add "image_id", the number of the frame '
                   'from 0, or "file_name"')
        frame = self._frame(entry[key])
        box = _numbers(entry.get('bbox'), 4)
        if box is None:
            refuse(f'"bbox" is {entry.get("bbox")!r:.60}; it must be four '
                   'numbers x, y, w, h')
        if (box[2:] <= 0).any():
            refuse(f'"bbox" is {box.tolist()}, which has no area; leave it '
                   'out')
        score = _numbers([entry.get('score', 1.)], 1)
        if score is None:
            refuse(f'"score" is {entry["score"]!r:.60}, not a number')
        identity = entry.get('track_id')
        if identity is not None and type(identity) is not int:
            refuse(f'"track_id" is {identity!r:.60}, not an integer')
        return frame, [*bbox_xywh2xyxy(box[None])[0], *score], identity

    def _frame(self, value) -> Optional[int]:
        """Number of a frame, None if the source does not have it."""
        if isinstance(value, str):
            return self._frames.get(osp.basename(value))
        known = self._source.num_frames
        inside = type(value) is int and 0 <= value < (known or value + 1)
        return value if inside else None

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

    def see(self, samples: Sequence[PoseDataSample]) -> None:
        """Has no effect: boxes do not depend on poses."""

    def reset(self) -> None:
        """Has no effect: the file tells who is who in all shots."""


def _numbers(values, count: int) -> Optional[np.ndarray]:
    """So many finite numbers as an array, None if they are none."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError):
        return None
    valid = array.shape == (count, ) and np.isfinite(array).all()
    return array if valid else None
