# Copyright (c) temporal_corr authors. All rights reserved.
"""Entries of files in COCO's formats: about which frame of an input, and who.
"""
import os.path as osp
import re
from collections import defaultdict
from typing import Any, Dict, List, Optional, Sequence, Set, Tuple, Union

import numpy as np

from ..datasets.coco_json import (check_unique, entries, identity_of,
                                  read_json, whole_number)
from ..video_io.frame_source import FrameSource
from ..video_io.images import IMAGE_SUFFIXES

#: An id as :func:`key_of` compares it.
Key = Union[int, str]
#: How :meth:`CocoFile.frames_of` says that the input has no such frame.
BEYOND = 'the number is none of the frames of the input, which count from 0'


def numbers(values: Any, count: int) -> Optional[np.ndarray]:
    """So many finite numbers as an array, None if they are none."""
    if isinstance(values, list) and bool not in map(type, values):
        try:
            array = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            return None
        if array.shape == (count, ) and np.isfinite(array).all():
            return array
    return None


def key_of(value: Any, field: str) -> Key:
    """An id as it is compared: text that is a number is that number."""
    number = whole_number(value)
    if number is None and not (isinstance(value, str) and value):
        raise ValueError(f'{field} is {value!r:.60}; it must be a whole '
                         'number or text')
    return value if number is None else number


class CocoFile:
    """A JSON file about people in frames of an input.

    Args:
        path (str): The file.
        source (FrameSource): The frames that it is about.
        remedy (str): What it must be, for messages.

    Attributes:
        content (Any): What the file holds.
        messages (list[str]): What was left out, and why.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be used, as in all methods, naming the entry
            and the field.
    """

    def __init__(self, path: str, source: FrameSource, remedy: str):
        self.path, self.source, self.remedy = path, source, remedy
        self.content = read_json(path, remedy)
        self.messages: List[str] = []
        self._left_out: Dict[str, List[str]] = defaultdict(list)
        # An entry that tells who it is about, and one that does not.
        self._told: Dict[bool, str] = {}

    def rows(self, key: Optional[str]) -> List[Tuple[dict, str]]:
        """The entries of a list of the file, None if it is one itself, and
        what they are called in messages."""
        return [(row, f'{self.path}: {key or "entries"}[{i}]')
                for i, row in enumerate(
                    entries(self.content, key, self.path, self.remedy))]

    def leave_out(self, place: str, reason: str) -> None:
        """Note that an entry is not used."""
        self._left_out[reason].append(place)

    def identity(self, row: dict, place: str) -> Optional[int]:
        """Who an entry is about, None if it does not tell."""
        identity = identity_of(row, place)
        self._told[identity is None] = place
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
                 keys: Set[Key],
                 names: Dict[Key, str],
                 chosen: Optional[Key] = None,
                 remedy: str = '') -> Optional[Key]:
        """Which ``category_id`` people have; None if all entries are people.

        The one that is called "person", the only one, or without names 1,
        which is COCO's, unless there is 0, too, where classes may count from
        0.

        Args:
            keys (set): Those of the entries.
            names (dict): Names of the categories.
            chosen (int or str, optional): What is known. Defaults to None.
            remedy (str): What to do, for the message, beside leaving others
                out of the file. Defaults to ''.
        """
        if not keys or (chosen is None and len(keys) < 2 and len(names) < 2):
            return None
        people = [
            key for key in keys | set(names)
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

    def images(self) -> Dict[Key, Union[int, str]]:
        """What :meth:`frames_of` says of the ``images`` of the file, by id;
        ``width`` and ``height`` are compared with the frame."""
        rows = self.rows('images')
        ids = [key_of(row.get('id'), f'{place}.id') for row, place in rows]
        check_unique(ids, 'images[{}].id', self.path)
        frames = self.frames_of(rows)
        for (image, place), frame in zip(rows, frames):
            given = [image.get('width'), image.get('height')]
            size = None
            if not isinstance(frame, str) and given != [None, None]:
                size = self.source.size(frame)
            if size and any(
                    side not in (None, 0) and whole_number(side) != own
                    for side, own in zip(given, size)):
                raise ValueError(
                    f'{place} ({image.get("file_name", frame)}) has width and '
                    f'height {given[0]} x {given[1]}, and the frame is '
                    f'{size[0]} x {size[1]}: scale the coordinates to the '
                    'frames of the input, or give the input that was '
                    'annotated')
        return dict(zip(ids, frames))

    @staticmethod
    def image_of(row: dict, place: str, images: dict) -> Union[int, str]:
        """The frame of an annotation, by its ``image_id``."""
        key = key_of(row.get('image_id'), f'{place}.image_id')
        if key not in images:
            raise ValueError(f'{place}.image_id is {key!r}, which no entry '
                             'of images has as id')
        return images[key]

    def frames_of(self,
                  rows: Sequence[Tuple[dict, str]],
                  by_id: bool = False) -> List[Union[int, str]]:
        """The frames that entries are about.

        They are told by ``frame_index``, from 0, or by ``file_name``, of
        which as many folders count as entry and input have. A name that is
        an absolute path, maybe of another computer, counts from the last
        folder on.

        Args:
            rows (Sequence[tuple]): Entries, and what they are called.
            by_id (bool): Whether ``image_id`` is a frame or a name, too.
                Defaults to False.

        Returns:
            list: For each the number of its frame, or in words why it is
            about none of the input.
        """
        source = self.source
        here = _folders(source)
        files: Dict[str, Set[int]] = defaultdict(set)
        for index, path in enumerate(source.files):
            name = osp.basename(path)
            for key in (name, osp.splitext(name)[0]):
                files[key].add(index)
                files[key.lower()].add(index)
        named = [_Name(row, place, source, by_id) for row, place in rows]
        shared = [_shared(name.folders, here) for name in named]
        deepest = max(shared, default=0)
        frames: List[Union[int, str]] = []
        videos: Dict[str, str] = {}
        counted = set()
        other = doubtful = ''
        for (row, place), name, common in zip(rows, named, shared):
            elsewhere = common < min(len(name.folders), len(here))
            if elsewhere and not (name.absolute and common == deepest > 0):
                other = other or (
                    f'{name.field} ({name.text!r:.99}) has other folders than '
                    f'the input {osp.abspath(source.path)}; correct it, or '
                    'give the name alone')
                frames.append(other)
                continue
            index = name.frame(row, place, files, by_id)
            if isinstance(index, int):
                if not name.folders:
                    video = row.get('video_id', row.get('vid_id'))
                    videos.setdefault(str(video), place)
                counted.add(index)
                if not 0 <= index < (source.num_frames or index + 1):
                    index = BEYOND + ('' if index < 0 else
                                      f' to {source.num_frames - 1}')
            frames.append(index)
            doubtful = doubtful or elsewhere and place
        if doubtful:
            self.messages.append(
                f'{doubtful} is named by an absolute path that is not here: '
                f'it, and others like it, count by the last {deepest} '
                f'folders, {"/".join(here[-deepest:])}')
        if counted and 1 == min(counted) < max(counted) == source.num_frames:
            raise ValueError(
                f'{rows[0][1]}, and those behind it, are about frames 1 to '
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

    def __init__(self, row: dict, place: str, source: FrameSource,
                 by_id: bool):
        if not isinstance(row.get('file_name'), (str, type(None))):
            raise ValueError(f'{place}.file_name is {row["file_name"]!r:.60};'
                             ' it must be text')
        self.field = next(
            (field for field in ('file_name', 'image_id')[:1 + by_id]
             if isinstance(row.get(field), str) and row[field]), None)
        self.text = (row[self.field] if self.field else '').replace('\\', '/')
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

    def frame(self, row: dict, place: str, files: Dict[str, Set[int]],
              by_id: bool) -> Union[int, str]:
        """The frame of an entry whose folders are those of the input."""
        field, given = 'frame_index', row.get('frame_index')
        if given is None and by_id and self.field is None:
            field, given = 'image_id', row.get('image_id')
        index = whole_number(given)
        if given is not None and index is None:
            raise ValueError(f'{place}.{field} is {given!r:.60}; it must be '
                             'the number of the frame, from 0')
        if self.field is None and index is None:
            raise ValueError(
                f'{place} names no frame; add "frame_index"'
                f'{" or image_id" if by_id else ""}, the number of the frame '
                'from 0, or "file_name", the name of an image of the input')
        if self.field is None:
            return index
        base, found = self.base, files.get(self.base)
        found = sorted(found or files.get(base.lower(), ()))
        if len(found) > 1:
            raise ValueError(
                f'{place}.{self.field} is {self.text!r:.60}, which may be '
                f'frame {" or ".join(map(str, found))}: give the whole name')
        number = whole_number(base) if re.fullmatch('0|[1-9][0-9]*',
                                                    base) else None
        if found:
            other = number if self.field == 'image_id' else index
            if other not in (None, *found):
                raise ValueError(
                    f'{place}.{self.field} is {self.text!r:.60}, which is '
                    f'frame {found[0]} of the input, and by number it is '
                    f'frame {other}: give one of both (frames count from 0)')
            return found[0]
        index = number if index is None else index
        return index if index is not None else (
            f'{self.field} is no image of the input; add "frame_index", the '
            'number of the frame from 0')


def _folders(source: FrameSource) -> List[str]:
    """The folders of the frames of an input; a video stands for one."""
    if source.files:
        path = osp.dirname(osp.abspath(source.files[0]))
    else:
        path = osp.splitext(osp.abspath(source.path))[0]
    return path.replace('\\', '/').split('/')


def _shared(folders: Sequence[str], here: Sequence[str]) -> int:
    """How many of the last folders are the same."""
    return len(osp.commonprefix([folders[::-1], here[::-1]]))
