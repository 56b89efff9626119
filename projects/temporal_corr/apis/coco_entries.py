# Copyright (c) temporal_corr authors. All rights reserved.
"""Entries of box files and label files: about which frame, who, how large."""
import os.path as osp
import re
from collections import defaultdict
from functools import lru_cache
from typing import (Any, Callable, Dict, Iterable, List, Optional, Sequence,
                    Tuple, Union)

import numpy as np

from ..datasets.coco_json import check_unique, whole_number
from ..video_io.frame_source import FrameSource
from ..video_io.images import IMAGE_SUFFIXES, picture_size

#: How :func:`find_frames` begins to say that the input has no such frame.
BEYOND = 'the number is none of the frames of the input, which count from 0'


def numbers(values: Any, count: int) -> Optional[np.ndarray]:
    """So many finite numbers as an array, None if they are none."""
    if isinstance(values, list) and not any(
            isinstance(value, bool) for value in values):
        try:
            array = np.asarray(values, dtype=np.float64)
        except (TypeError, ValueError):
            return None
        if array.shape == (count, ) and np.isfinite(array).all():
            return array
    return None


def key_of(value: Any, field: str) -> Union[int, str]:
    """An id as it is compared: text that is a number is that number.

    Args:
        value (Any): What the file holds.
        field (str): File, entry and field, for the message.

    Returns:
        int or str: The id.

    Raises:
        ValueError: If it is no whole number and no text.
    """
    number = whole_number(value)
    if number is None and not (isinstance(value, str) and value):
        raise ValueError(f'{field} is {value!r:.60}; it must be a whole '
                         'number or text')
    return value if number is None else number


def person_category(path: str,
                    keys: Iterable[Union[int, str]],
                    names: Optional[dict] = None,
                    chosen: Union[int, str, None] = None,
                    remedy: str = '') -> Union[int, str, None]:
    """Which ``category_id`` people have.

    The one that is called "person", the only one, or without names 1, which
    is COCO's, unless there is 0, too, where classes may count from 0.

    Args:
        path (str): The file, for the message.
        keys (iterable): Those of the entries, by :func:`key_of`.
        names (dict, optional): Names of the categories. Defaults to None.
        chosen (int or str, optional): What is known. Defaults to None.
        remedy (str): What to do, for the message, beside leaving others out
            of the file. Defaults to ''.

    Returns:
        int or str, optional: That of people; None if all entries are people.

    Raises:
        ValueError: If that is in doubt.
    """
    keys, names = set(keys), names or {}
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
        raise ValueError(
            f'{path}: the entries have the category_id '
            f'{", ".join(sorted(map(str, keys)))}, ' +
            (f'and people {people[0]}' if len(people) ==
             1 else 'and nothing tells which one is people') +
            f': {remedy}leave what is not about people out of the file')
    return people[0]


def find_frames(rows: Sequence[dict],
                places: Sequence[str],
                source: FrameSource,
                messages: List[str],
                by_id: bool = False) -> List[Union[int, str]]:
    """The frames that entries are about.

    They are told by ``frame_index``, from 0, or by ``file_name``, of which as
    many folders count as entry and input have. A name that is an absolute
    path, maybe of another computer, counts from the last folder on.

    Args:
        rows (Sequence[dict]): The entries.
        places (Sequence[str]): File and entry of each, for messages.
        source (FrameSource): The input.
        messages (list[str]): Takes what is to be said of them.
        by_id (bool): Whether ``image_id`` is a frame or a name, too. Defaults
            to False.

    Returns:
        list: For each the number of its frame, or in words why it is about
        none of the input.

    Raises:
        ValueError: If an entry tells no frame, or two.
    """
    files = defaultdict(set)
    for index, path in enumerate(source.files):
        name = osp.basename(path)
        for key in (name, osp.splitext(name)[0]):
            files[key].add(index)
            files[key.lower()].add(index)
    first = source.files[0] if source.files else osp.splitext(source.path)[0]
    here = osp.abspath(first).replace('\\', '/').split('/')
    if source.files:
        here = here[:-1]
    named = [_name_of(row, by_id, place) for row, place in zip(rows, places)]
    paths = [
        _split(name[1], source) if name else ([], '', False) for name in named
    ]
    shared = [_shared(folders, here) for folders, _, _ in paths]
    deepest = max(shared, default=0)
    frames, videos, counted = [], defaultdict(list), set()
    other = doubtful = ''
    for row, place, name, (folders, base,
                           absolute), common in zip(rows, places, named, paths,
                                                    shared):
        elsewhere = common < min(len(folders), len(here))
        if elsewhere and not (absolute and common == deepest > 0):
            other = other or (
                f'{name[0]} ({name[1]!r:.99}) has other folders than the '
                f'input {osp.abspath(source.path)}; correct it, or give the '
                'name alone')
            frames.append(other)
            continue
        index = _index_of(row, place, name, base, source, files, by_id)
        if isinstance(index, int):
            if not folders:
                video = row.get('video_id', row.get('vid_id'))
                videos[str(video)].append(place)
            counted.add(index)
            if not 0 <= index < (source.num_frames or index + 1):
                index = BEYOND + ('' if index < 0 else
                                  f' to {source.num_frames - 1}')
        frames.append(index)
        doubtful = doubtful or elsewhere and place
    if doubtful:
        messages.append(
            f'{doubtful} is named by an absolute path that is not here: it, '
            f'and others like it, count by the last {deepest} folders, '
            f'{"/".join(here[-deepest:])}')
    if counted and 1 == min(counted) < max(counted) == source.num_frames:
        raise ValueError(
            f'{places[0]}, and those behind it, are about frames 1 to '
            f'{source.num_frames}, and frames count from 0: subtract 1')
    if len(videos) > 1:
        _, (place, *_), *_ = videos.values()
        raise ValueError(
            f'{place} has another video_id than entries before it '
            f'({", ".join(videos)}): leave out those that are not about '
            f'{source.path}, or let file_name begin with the folder of the '
            'video')
    return frames


def _name_of(row: dict, by_id: bool, place: str) -> Optional[Tuple[str, str]]:
    """The field that names an image, and the name."""
    if not isinstance(row.get('file_name'), (str, type(None))):
        raise ValueError(f'{place}.file_name is {row["file_name"]!r:.60}; it '
                         'must be text')
    for field in ('file_name', 'image_id')[:1 + by_id]:
        if isinstance(row.get(field), str) and row[field]:
            return field, row[field]
    return None


def _split(name: str, source: FrameSource) -> Tuple[List[str], str, bool]:
    """Folders and base name of any system's path; if it is absolute."""
    *folders, base = name.replace('\\', '/').split('/')
    absolute = bool(re.match(r'/|\w+:|\.\.', name.replace('\\', '/')))
    folders = [folder for folder in folders if folder not in ('', '.')]
    if source.kind == 'video':
        # A video stands for the folder of its frames.
        if folders and folders[-1] == osp.basename(source.path):
            folders[-1] = source.stem
        stem, suffix = osp.splitext(base)
        if suffix and suffix.lower() not in IMAGE_SUFFIXES:
            folders.append(stem)
    return folders, base, absolute


def _shared(folders: Sequence[str], here: Sequence[str]) -> int:
    """How many of the last folders are the same."""
    pairs = zip(reversed(folders), reversed(here))
    return next((count for count, (a, b) in enumerate(pairs) if a != b),
                min(len(folders), len(here)))


def _index_of(row: dict, place: str, name: Optional[Tuple[str, str]],
              base: str, source: FrameSource, files: Dict[str, set],
              by_id: bool) -> Union[int, str]:
    """The frame of an entry whose folders are those of the input."""
    field, index = 'frame_index', None
    if row.get('frame_index') is not None:
        index = row['frame_index']
    elif by_id and name is None:
        field, index = 'image_id', row.get('image_id')
    if index is not None:
        number = whole_number(index)
        if number is None:
            raise ValueError(f'{place}.{field} is {index!r:.60}; it must be '
                             'the number of the frame, from 0')
        index = number
    elif name is None:
        raise ValueError(
            f'{place} names no frame; add "frame_index"'
            f'{" or image_id" if by_id else ""}, the number of the frame '
            'from 0, or "file_name", the name of an image of the input')
    if name is None:
        return index
    found = files.get(base) or files.get(base.lower(), set())
    if len(found) > 1:
        raise ValueError(
            f'{place}.{name[0]} is {name[1]!r:.60}, which may be frame '
            f'{" or ".join(map(str, sorted(found)))}: give the whole name')
    number = int(base) if base.isdecimal() and str(int(base)) == base else None
    if found:
        frame, = found
        other = number if name[0] == 'image_id' else index
        if other not in (None, frame):
            raise ValueError(
                f'{place}.{name[0]} is {name[1]!r:.60}, which is frame '
                f'{frame} of the input, and by number it is frame {other}: '
                'give one of both (frames count from 0)')
        return frame
    if index is None:
        index = number
    if index is not None:
        return index
    return (f'{name[0]} is no image of the input; add "frame_index", the '
            'number of the frame from 0')


def image_frames(path: str, images: Sequence[dict], source: FrameSource,
                 messages: List[str]) -> Dict[Union[int, str], Any]:
    """The frames of ``images`` of a file in COCO's format.

    Args:
        path (str): The file, for messages.
        images (Sequence[dict]): With ``id``, and what :func:`find_frames`
            reads; ``width`` and ``height`` are compared with the frame.

    Returns:
        dict: What :func:`find_frames` returns, by id.

    Raises:
        ValueError: If an id or size cannot be, naming file and entry.
    """
    places = [f'{path}: images[{row}]' for row in range(len(images))]
    ids = [
        key_of(image.get('id'), f'{place}.id')
        for image, place in zip(images, places)
    ]
    check_unique(ids, 'images[{}].id', path)
    frames = find_frames(images, places, source, messages)
    sizes = size_reader(source)
    for image, place, frame in zip(images, places, frames):
        given = [image.get('width'), image.get('height')]
        if isinstance(frame, str) or given == [None, None]:
            continue
        size = sizes(frame)
        if size and any(
                side not in (None, 0) and whole_number(side) != own
                for side, own in zip(given, size)):
            raise ValueError(
                f'{place} ({image.get("file_name", frame)}) has width and '
                f'height {given[0]} x {given[1]}, and the frame is '
                f'{size[0]} x {size[1]}: scale the coordinates to the frames '
                'of the input, or give the input that was annotated')
    return dict(zip(ids, frames))


def size_reader(source: FrameSource
                ) -> Callable[[int], Optional[Tuple[int, int]]]:
    """What tells the sizes of the frames, which are not decoded for it.

    Args:
        source (FrameSource): The input.

    Returns:
        callable: Takes the number of a frame and returns its width and
        height, None if they are not known.
    """

    @lru_cache(maxsize=None)
    def read(index: int) -> Optional[Tuple[int, int]]:
        if source.kind == 'webcam':
            return None
        try:
            if source.files:
                return picture_size(source.files[index])
            video = FrameSource(source.path)
            size = next(iter(video)).image.shape[1::-1]
            video.close()
        except ValueError:  # reading the frame will tell
            return None
        return size

    # All frames of a video have one size.
    return read if source.files else lambda index: read(0)


def describe(path: str, left_out: Dict[str, List[str]]) -> List[str]:
    """What was left out of a file, by reason.

    Args:
        path (str): The file.
        left_out (dict): Entries, in words, by reason.

    Returns:
        list[str]: A sentence for each reason.
    """
    return [
        f'{path}: {len(places)} entries are left out, the first is '
        f'{places[0][len(path) + 2:]}: {reason}'
        for reason, places in left_out.items()
    ]
