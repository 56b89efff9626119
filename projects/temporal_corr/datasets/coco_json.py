# Copyright (c) temporal_corr authors. All rights reserved.
"""Reading of JSON files that others wrote, with errors that say where."""
import json
from typing import Any, List, Optional, Sequence

from mmengine.fileio import get


def read_json(path: str, remedy: str = 'Write or download it again') -> Any:
    """Read a JSON file, with or without a byte order mark, from any place
    that MMEngine can read from. A FileNotFoundError or ValueError names file
    and line."""
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
    """The list of dictionaries ``key`` of a JSON file's content, or the
    content itself (None); a ValueError that names file, list and entry if it
    is anything else."""
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
    """Raise a ValueError that names both entries if an id comes twice.
    ``field`` is a pattern such as ``'images[{}].id'``."""
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
    """The ``track_id`` of an entry, or that in its ``attributes`` (there also
    ``object_id``), as CVAT and SLEAP write it; None if there is none. A
    ValueError if it is no integer from 0."""
    attributes = entry.get('attributes')
    attributes = attributes if isinstance(attributes, dict) else {}
    for field, holder in (('track_id', entry), ('track_id', attributes),
                          ('object_id', attributes)):
        value = holder.get(field)
        if value is None:
            continue
        number = whole_number(value)
        if number is None or number < 0:
            place = '' if holder is entry else 'attributes.'
            raise ValueError(
                f'{where}.{place}{field} is {value!r:.60}, not an integer '
                'from 0: number the people, and leave it out where nobody '
                'knows')
        return number
    return None
