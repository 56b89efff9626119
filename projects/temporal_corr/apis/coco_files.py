# Copyright (c) temporal_corr authors. All rights reserved.
"""Boxes and labels of the people of a video, from files in COCO's formats."""
import os.path as osp
import re
from collections import defaultdict
from typing import (Any, Collection, Dict, List, NamedTuple, Optional,
                    Sequence, Tuple, Union)

import numpy as np
from mmpose.structures.bbox import bbox_xywh2xyxy

from ..datasets.coco_json import (check_unique, entries, identity_of,
                                  read_json, whole_number)
from ..video_io.followed_person import People, PeopleProvider
from ..video_io.frame_source import FrameSource, SourceFrame
from ..video_io.images import IMAGE_SUFFIXES

#: An id as it is compared.
Key = Union[int, str]
#: A frame by its number, or in words why an entry is about none of the input.
Frame = Union[int, str]
#: How :meth:`CocoFile.frames_of` says that the input has no such frame.
BEYOND = 'the number is none of the frames of the input, which count from 0'


class Entry(NamedTuple):
    """An entry of a file, and what messages call it."""
    row: dict
    place: str

    def get(self, field: str) -> Any:
        """A field, None if it is missing."""
        return self.row.get(field)

    def wrong(self, field: str, remedy: str) -> ValueError:
        """The error that a field cannot be used."""
        return ValueError(f'{self.place}.{field} is {self.get(field)!r:.60}; '
                          f'it must be {remedy}')

    def key(self, field: str = 'id') -> Key:
        """An id as it is compared: text that is a number is that number."""
        value = self.get(field)
        number = whole_number(value)
        if number is None and not (isinstance(value, str) and value):
            raise self.wrong(field, 'a whole number or text')
        return value if number is None else number

    def box(self) -> np.ndarray:
        """The box, x1, y1, x2, y2, (4, )."""
        box = _numbers(self.get('bbox'), 4)
        if box is None or (box[2:] <= 0).any():
            raise self.wrong(
                'bbox', 'four numbers x, y, w, h in pixels, with an area, or '
                'be left out')
        return bbox_xywh2xyxy(box[None])[0]


class CocoFile:
    """A JSON file about people in frames of an input; ``remedy`` says what it
    must be. ``messages`` tell what was left out, and why."""

    def __init__(self, path: str, source: FrameSource, remedy: str):
        self.path, self.source, self.remedy = path, source, remedy
        self.content = read_json(path, remedy)
        self.messages: List[str] = []
        self._left_out: Dict[str, List[str]] = defaultdict(list)
        # An entry that tells who it is about, and one that does not.
        self._told: Dict[bool, str] = {}

    def entries(self, key: Optional[str]) -> List[Entry]:
        """Those of a list of the file, None if it is a list itself."""
        rows = entries(self.content, key, self.path, self.remedy)
        return [
            Entry(row, f'{self.path}: {key or "entries"}[{i}]')
            for i, row in enumerate(rows)
        ]

    def leave_out(self, entry: Entry, reason: str) -> None:
        """Note that an entry is not used."""
        self._left_out[reason].append(entry.place)

    def identity(self, entry: Entry) -> Optional[int]:
        """Who an entry is about, None if it does not tell."""
        identity = identity_of(*entry)
        self._told[identity is None] = entry.place
        return identity

    def check(self, found: object, what: str) -> bool:
        """To be called behind the last entry: whether entries have
        identities. Raises if only some have, or if there is no entry left."""
        self.messages += [
            f'{self.path}: {len(places)} entries are left out, the first is '
            f'{places[0][len(self.path) + 2:]}: {reason}'
            for reason, places in self._left_out.items()
        ]
        if not found:
            raise ValueError(f'{self.path} has no {what} for any frame of '
                             f'{self.source.path}. {". ".join(self.messages)}')
        if len(self._told) > 1:
            raise ValueError(f'{self._told[True]} has no "track_id" and '
                             f'{self._told[False]} has: give all entries one, '
                             'or none')
        return True not in self._told

    def category(self,
                 keys: Collection[Key],
                 names: Dict[Key, str],
                 chosen: Optional[Key] = None,
                 remedy: str = '') -> Optional[Key]:
        """Which ``category_id`` people have; None if all entries are people.

        The one that is called "person", the only one, or without names 1,
        which is COCO's, unless there is 0, too, where classes may count from
        0. ``keys`` are those of the entries, ``names`` are of categories,
        ``chosen`` is what is known.
        """
        if not keys or (chosen is None and len(keys) < 2 and len(names) < 2):
            return None
        people = [
            key for key in {*keys, *names}
            if str(names.get(key, key)).lower() == 'person'
        ]
        if chosen is not None:
            people = [chosen]
        elif not people and not names and 1 in keys and 0 not in keys:
            people = [1]
        if len(people) != 1 or people[0] not in keys:
            told = (f'and people {people[0]}' if len(people) == 1 else
                    'and nothing tells which one is people')
            raise ValueError(
                f'{self.path}: the entries have the category_id '
                f'{", ".join(sorted(map(str, keys)))}, {told}: {remedy}leave '
                'what is not about people out of the file')
        return people[0]

    def images(self) -> Dict[Key, Frame]:
        """The frames of the ``images`` of the file by their id; ``width`` and
        ``height`` are compared with the frame."""
        images = self.entries('images')
        ids = [image.key() for image in images]
        check_unique(ids, 'images[{}].id', self.path)
        frames = self.frames_of(images)
        for image, frame in zip(images, frames):
            given = [image.get('width'), image.get('height')]
            size = None
            if not isinstance(frame, str) and given != [None, None]:
                size = self.source.size(frame)
            if size and any(
                    side not in (None, 0) and whole_number(side) != own
                    for side, own in zip(given, size)):
                raise ValueError(
                    f'{image.place} ({image.get("file_name") or frame}) has '
                    f'width and height {given[0]} x {given[1]}, and the frame '
                    f'is {size[0]} x {size[1]}: scale the coordinates to the '
                    'frames of the input, or give the input that was '
                    'annotated')
        return dict(zip(ids, frames))

    @staticmethod
    def image_of(row: Entry, images: Dict[Key, Frame]) -> Frame:
        """The frame of an annotation, by its ``image_id``."""
        key = row.key('image_id')
        if key not in images:
            raise row.wrong('image_id', 'the id of an entry of images')
        return images[key]

    def frames_of(self,
                  rows: Sequence[Entry],
                  by_id: bool = False) -> List[Frame]:
        """The frames that entries are about.

        They are told by ``frame_index``, from 0, or by ``file_name``, of
        which as many folders count as entry and input have. A name that is
        an absolute path, maybe of another computer, counts from the last
        folder on. With ``by_id`` ``image_id`` is a frame or a name, too.
        """
        source = self.source
        path = osp.splitext(osp.abspath(source.path))[0]
        if source.files:
            path = osp.dirname(osp.abspath(source.files[0]))
        here = path.replace('\\', '/').split('/')
        files: Dict[str, set] = defaultdict(set)
        for index, path in enumerate(source.files):
            name = osp.basename(path)
            for key in (name, osp.splitext(name)[0]):
                files[key].add(index)
                files[key.lower()].add(index)
        names = [_Name(row, source, by_id) for row in rows]
        # How many of the last folders are the same.
        shared = [
            len(osp.commonprefix([name.folders[::-1], here[::-1]]))
            for name in names
        ]
        deepest = max(shared, default=0)
        frames: List[Frame] = []
        videos: Dict[str, str] = {}
        counted = set()
        other = doubtful = ''
        for row, name, common in zip(rows, names, shared):
            elsewhere = common < min(len(name.folders), len(here))
            if elsewhere and not (name.absolute and common == deepest > 0):
                other = other or (
                    f'{name.field} ({name.text!r:.99}) has other folders than '
                    f'the input {osp.abspath(source.path)}; correct it, or '
                    'give the name alone')
                frames.append(other)
                continue
            index = name.frame(files)
            if isinstance(index, int):
                if not name.folders:
                    video = row.row.get('video_id', row.get('vid_id'))
                    videos.setdefault(str(video), row.place)
                counted.add(index)
                if not 0 <= index < (source.num_frames or index + 1):
                    index = BEYOND + ('' if index < 0 else
                                      f' to {source.num_frames - 1}')
            frames.append(index)
            doubtful = doubtful or elsewhere and row.place
        if doubtful:
            self.messages.append(
                f'{doubtful} is named by an absolute path that is not here: '
                f'it, and others like it, count by the last {deepest} '
                f'folders, {"/".join(here[-deepest:])}')
        if counted and 1 == min(counted) < max(counted) == source.num_frames:
            raise ValueError(
                f'{rows[0].place}, and those behind it, are about frames 1 to '
                f'{source.num_frames}, and frames count from 0: subtract 1')
        if len(videos) > 1:
            raise ValueError(
                f'{[*videos.values()][1]} has another video_id than entries '
                f'before it ({", ".join(videos)}): leave out those that are '
                f'not about {source.path}, or let file_name begin with the '
                'folder of the video')
        return frames


class _Name:
    """What an entry calls its image: folders and base, of any system."""

    def __init__(self, entry: Entry, source: FrameSource, by_id: bool):
        self.entry, self.by_id = entry, by_id
        if not isinstance(entry.get('file_name'), (str, type(None))):
            raise entry.wrong('file_name', 'text')
        self.field = next(
            (field for field in ('file_name', 'image_id')[:1 + by_id]
             if isinstance(entry.get(field), str) and entry.get(field)), None)
        self.text = (entry.get(self.field) or '').replace('\\', '/')
        self.absolute = bool(re.match(r'/|\w+:|\.\.', self.text))
        *folders, self.base = self.text.split('/')
        self.folders = [name for name in folders if name not in ('', '.')]
        if source.kind == 'video':
            # A video stands for the folder of its frames.
            if self.folders and self.folders[-1] == osp.basename(source.path):
                self.folders[-1] = source.stem
            stem, suffix = osp.splitext(self.base)
            if suffix and suffix.lower() not in IMAGE_SUFFIXES:
                self.folders.append(stem)
            by_cvat = re.fullmatch(r'frame_(\d{6,})\.\w+', self.base)
            if by_cvat:
                self.base = str(int(by_cvat.group(1)))

    def frame(self, files: Dict[str, set]) -> Frame:
        """The frame of an entry whose folders are those of the input."""
        entry, field = self.entry, 'frame_index'
        if entry.get(field) is None and self.by_id and self.field is None:
            field = 'image_id'
        index = whole_number(entry.get(field))
        if index is None and entry.get(field) is not None:
            raise entry.wrong(field, 'the number of the frame, from 0')
        if self.field is None:
            if index is None:
                raise ValueError(
                    f'{entry.place} names no frame; add "frame_index"'
                    f'{" or image_id" if self.by_id else ""}, the number of '
                    'the frame from 0, or "file_name", the name of an image '
                    'of the input')
            return index
        base = self.base
        found = sorted(files.get(base) or files.get(base.lower(), ()))
        what = f'{entry.place}.{self.field} is {self.text!r:.60}, which '
        if len(found) > 1:
            raise ValueError(f'{what}may be frame '
                             f'{" or ".join(map(str, found))}: give the whole '
                             'name')
        number = int(base) if re.fullmatch('0|[1-9][0-9]*', base) else None
        if found:
            other = number if self.field == 'image_id' else index
            if other not in (None, *found):
                raise ValueError(
                    f'{what}is frame {found[0]} of the input, and by number '
                    f'it is frame {other}: give one of both (frames count '
                    'from 0)')
            return found[0]
        index = number if index is None else index
        return index if index is not None else (
            f'{self.field} is no image of the input; add "frame_index", the '
            'number of the frame from 0')


class BoxFile(CocoFile, PeopleProvider):
    """The boxes of the people of each frame, from a JSON file.

    A provider if the file tells who is who. It holds a list with one entry a
    box, as COCO's detections::

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
            images, rows = self.images(), self.entries('annotations')
            frames = [self.image_of(row, images) for row in rows]
            if self.content.get('categories'):
                names = {
                    row.key(): row.get('name')
                    for row in self.entries('categories')
                }
        else:
            rows = self.entries(None)
            frames = self.frames_of(rows, by_id=True)
        # Without a category_id it is a person, as with 1 of COCO.
        keys = [
            1 if row.get('category_id') is None else row.key('category_id')
            for row in rows
        ]
        people = self.category(
            set(keys), names, category,
            'name that of people with --bbox-cat, or ')
        boxes = [_scored_box(row) for row in rows]
        #: Box and score, and who it is, of the people of each frame.
        self._found: Dict[int, List[tuple]] = defaultdict(list)
        first, largest = None, 0.
        for row, frame, key, box in zip(rows, frames, keys, boxes):
            if people is not None and key != people:
                frame = (f'category_id is {key}, and people have {people} '
                         '(--bbox-cat names another)')
            if not isinstance(frame, str):
                identity = self.identity(row)
                first, largest = first or row, max(largest, box[:4].max())
                size = source.size(frame) or (np.inf, np.inf)
                if (box[:2] < size).all() and (box[2:4] > 0).all():
                    self._found[frame].append((box, identity))
                    continue
                frame = ('bbox lies outside of the picture; it is x, y, w, h '
                         'in pixels')
            self.leave_out(row, frame)
        if first and largest <= 1.01:
            raise ValueError(
                f'{first.place}.bbox, and all others, lie between 0 and 1: '
                'they are shares of the picture; multiply them by its width '
                'and height in pixels')
        self.has_identities = self.check(self._found or not rows, 'box')
        for frame, found in self._found.items():
            ids = [identity for _, identity in found]
            if self.has_identities and len(set(ids)) < len(ids):
                twice = max(ids, key=ids.count)
                raise ValueError(
                    f'{path} has {ids.count(twice)} boxes with "track_id" '
                    f'{twice} in frame {frame}: a person is in a frame once')
        scores = [box[4] for row in self._found.values() for box, _ in row]
        if score_thr > max(scores, default=-np.inf):
            self.messages.append(f'{path} has no box with a score of at '
                                 f'least {score_thr} (--bbox-thr)')

    def find(self, frame: SourceFrame) -> Tuple[np.ndarray, np.ndarray]:
        """All boxes of a frame, of any score: x1, y1, x2, y2 in pixels,
        (N, 4), and scores (N, )."""
        boxes = [box for box, _ in self._found.get(frame.index, ())]
        rows = np.float32(boxes).reshape(-1, 5)
        return rows[:, :4], rows[:, 4]

    def __call__(self, frame: SourceFrame) -> People:
        bboxes, scores = self.find(frame)
        sure = np.flatnonzero(scores >= self.score_thr)
        ids = [identity for _, identity in self._found.get(frame.index, ())]
        return People(bboxes[sure], [ids[i] for i in sure], scores[sure])

    def people(self) -> Dict[int, List[int]]:
        """Who is in which frame, by frame."""
        return {
            frame: self(SourceFrame(frame, None, True)).track_ids
            for frame in self._found
        }


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
        images, rows = self.images(), self.entries('annotations')
        labelled = [row for row in rows if _is_labelled(row)]
        if not labelled:
            raise ValueError(f'{path} holds no label: ' + (
                'set "labelled" to true in the annotations that are to be '
                'trusted' if rows else '"annotations" is empty'))
        category, columns, count = self._keypoints(labelled, names)
        frames: Dict[int, List[Label]] = defaultdict(list)
        for row in labelled:
            frame = self.image_of(row, images)
            key = row.get('category_id')
            if category is not None and (key is None or
                                         row.key('category_id') != category):
                frame = f'category_id is {key}, and people have {category}'
            if isinstance(frame, str):
                if frame.startswith(BEYOND):
                    raise ValueError(f'{row.place} is about image '
                                     f'{row.get("image_id")} (frame_index): '
                                     f'{frame}')
                self.leave_out(row, frame)
                continue
            identity = self.identity(row)
            if (identity or 0) in [label.track_id for label in frames[frame]]:
                raise ValueError(
                    f'{row.place} is one more label in frame {frame} ' +
                    ('without a track_id' if identity is
                     None else f'whose track_id is {identity}') +
                    ': number the people, or remove one of the labels')
            points, visibility = _read_keypoints(row, columns, count)
            bbox = self._check_place(row, points, frame)
            frames[frame].append(
                Label(identity or 0, points, bbox, visibility))
        self.check(frames, 'label')
        self.frames = dict(sorted(frames.items()))

    def _keypoints(
            self, labelled: Sequence[Entry],
            names: Sequence[str]) -> Tuple[Optional[Key], List[int], int]:
        """The category of people (None: all are people), where the model's
        keypoints are in its own, and how many these are."""
        rows = self.entries('categories')
        ids = [
            row.key() if 'id' in row.row else i for i, row in enumerate(rows)
        ]
        check_unique(ids, 'categories[{}].id', self.path)
        titles = {key: row.get('name') for key, row in zip(ids, rows)}
        found = [i for i, row in enumerate(rows) if row.get('keypoints')]
        if len(found) > 1:
            found = [
                i for i in found if str(titles[ids[i]]).lower() == 'person'
            ]
        if len(found) != 1:
            raise ValueError(
                f'{self.path}: categories must hold one with keypoints, their '
                'names, or of several such name one "person"')
        row = rows[found[0]]
        given = row.get('keypoints')
        given = list(map(str, given)) if isinstance(given, list) else []
        missing = [name for name in names if name not in given]
        if missing:
            raise row.wrong('keypoints', 'names, all those of the model among '
                            f'them; {missing} are missing')
        check_unique(given, f'categories[{found[0]}].keypoints[{{}}]',
                     self.path)
        keys = {
            row.key('category_id')
            for row in labelled if row.get('category_id') is not None
        }
        category = self.category(keys, titles,
                                 ids[found[0]] if len(ids) > 1 else None)
        return category, [given.index(name) for name in names], len(given)

    def _check_place(self, row: Entry, points: np.ndarray,
                     frame: int) -> np.ndarray:
        """The box of a label. Raises if it lies outside of its frame."""
        known = points[np.isfinite(points).all(axis=-1)]
        size = self.source.size(frame)
        if (known >= 0).all() and (known <= 1).all():
            raise ValueError(
                f'{row.place}.keypoints lie between 0 and 1: they are shares '
                'of the picture; multiply them by its width and height in '
                'pixels')
        outside = ~inside(known, size or (np.inf, np.inf))
        if size and outside.all():
            raise ValueError(
                f'{row.place}.keypoints lie outside of frame {frame}, which '
                f'is {size[0]} x {size[1]}: scale them to the frames of the '
                'input')
        if size and outside.any():
            self.messages.append(
                f'{row.place}: {outside.sum()} keypoints lie outside of frame '
                f'{frame} ({size[0]} x {size[1]}) and do not count as '
                'labelled')
        if row.get('bbox') is not None:
            bbox = row.box().astype(np.float32)
            if inside(known - bbox[:2], bbox[2:] - bbox[:2]).any():
                return bbox
            # Corrected, and the box left as it was.
            self.messages.append(f'{row.place}.bbox holds none of the '
                                 'labelled keypoints: their extent is taken')
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


def _numbers(values: Any, count: int) -> Optional[np.ndarray]:
    """So many finite numbers as an array, None if they are none."""
    if isinstance(values, list) and bool not in map(type, values):
        try:
            array = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            return None
        if array.shape == (count, ) and np.isfinite(array).all():
            return array
    return None


def _scored_box(row: Entry) -> np.ndarray:
    """x1, y1, x2, y2 and score of an entry, (5, )."""
    score = 1. if row.get('score') is None else row.get('score')
    score = _numbers([score], 1)
    if score is None:
        raise row.wrong('score', 'a number')
    return np.append(row.box(), score)


def _is_labelled(row: Entry) -> bool:
    value = row.row.get('labelled', True)
    if value not in (True, False):
        raise row.wrong('labelled', 'true or false')
    return bool(value)


def _read_keypoints(row: Entry, columns: Sequence[int],
                    count: int) -> Tuple[np.ndarray, np.ndarray]:
    """The labelled keypoints of an annotation, (K, 2), NaN for others, and
    their visibility (K, )."""
    try:
        rows = np.array(row.get('keypoints'), dtype=object).reshape(count, 3)
    except ValueError:
        raise row.wrong('keypoints', f'{3 * count} values, x, y, v for each '
                        f'of the {count} names in categories') from None
    keypoints = np.full((len(columns), 2), np.nan)
    for i, column in enumerate(columns):
        x, y, v = rows[column]
        point = _numbers([x, y], 2)
        if isinstance(v, bool) or v not in (0, 1, 2) or (v and point is None):
            raise ValueError(
                f'{row.place}.keypoints: number {column} (from 0) is {x!r}, '
                f'{y!r}, {v!r}; it must be x, y and 2 or 1, or v must be 0 '
                'for a keypoint that is not labelled')
        if v:
            keypoints[i] = point
    if not np.isfinite(keypoints).any():
        raise row.wrong('keypoints', 'left out with its entry where none is '
                        'labelled, with v > 0')
    return keypoints, rows[columns, 2].astype(int)
