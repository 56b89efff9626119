# Copyright (c) temporal_corr authors. All rights reserved.
"""Reading of JSON files that others wrote, with errors that say where."""
import json
from typing import Any, List, Optional, Sequence

from mmengine.fileio import get


def read_json(path: str, remedy: str = 'Write or download it again') -> Any:
    """Reads a JSON file, with or without a byte order mark, from any place
    that MMEngine can read from.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it cannot be read. The message names file and line.
    """
    try:
        # As bytes: json finds out the encoding and takes the mark away.
        return json.loads(get(path))
    except FileNotFoundError as error:
        raise FileNotFoundError(f'There is no file {path}. {remedy}'
                                ) from error
    except (ValueError, OSError, RecursionError) as error:
        raise ValueError(f'{path} is not a complete JSON file ({error}). '
                         f'{remedy}') from error


def entries(data: Any,
            key: Optional[str],
            path: str,
            remedy: str = 'Write it in the format of COCO') -> List[dict]:
    """The entries of the list ``key`` in what a JSON file holds, or of the
    file itself (None): any number of dictionaries, or a ValueError that names
    file, list and entry."""
    if key is not None:
        if not isinstance(data, dict) or data.get(key) is None:
            raise ValueError(f'{path} holds no "{key}". {remedy}')
        data = data[key]
    name = 'the list' if key is None else key
    if not isinstance(data, list):
        raise ValueError(
            f'{path}: {name} is a '
            f'{type(data).__name__}, not a list of dictionaries. {remedy}')
    if set(map(type, data)) - {dict}:
        row = [isinstance(entry, dict) for entry in data].index(False)
        raise ValueError(f'{path}: {name}[{row}] is {data[row]!r:.60}, not a '
                         f'dictionary. Remove it. {remedy}')
    return data


def whole_number(value: Any) -> Optional[int]:
    """An id as programs write it: 7, 7.0, '7' or '00007'; None if it is no
    whole number."""
    try:
        number = int(value)
        same = isinstance(value, str) or number == value
    except (TypeError, ValueError, OverflowError):
        return None
    valid = same and not isinstance(value, bool) and abs(number) < 2**63
    return number if valid else None


def check_unique(ids: Sequence, field: str, path: str) -> None:
    """Raises a ValueError that names both entries if an id comes twice.
    ``field`` says where they are from, such as ``'images[{}].id'``."""
    if len(set(ids)) == len(ids):
        return
    known: dict = {}
    for row, value in enumerate(ids):
        if value in known:
            raise ValueError(
                f'{path}: {field.format(row)} is {value}, as '
                f'{field.format(known[value])} is: it is listed twice. '
                'Remove the duplicate, or give each an id of its own')
        known[value] = row


def identity_of(entry: dict, where: str) -> Optional[int]:
    """Who an entry is about, by ``track_id``, or ``attributes`` that hold
    ``track_id`` (CVAT) or ``object_id`` (SLEAP); None if it does not tell. A
    ValueError if that is no integer from 0."""
    attributes = entry.get('attributes')
    attributes = attributes if isinstance(attributes, dict) else {}
    for field, value in (('track_id', entry.get('track_id')),
                         ('attributes.track_id', attributes.get('track_id')),
                         ('attributes.object_id',
                          attributes.get('object_id'))):
        if value is None:
            continue
        number = whole_number(value)
        if number is None or number < 0:
            raise ValueError(
                f'{where}.{field} is {value!r:.60}, not an integer from 0: '
                'number the people, and leave it out where nobody knows')
        return number
    return None
