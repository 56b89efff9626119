# Copyright (c) temporal_corr authors. All rights reserved.
"""Errors, output files and reports of the data set converters."""
import os
from pathlib import Path
from typing import Iterable, Mapping


class ConversionError(Exception):
    """Input that cannot be converted: names the file, field and remedy."""


def make_output_folder(path: Path) -> None:
    """Create the output folder before any work is spent on its contents.

    Args:
        path (Path): The folder.

    Raises:
        ConversionError: If it cannot be created or written to.
    """
    try:
        path.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise ConversionError(
            f'{path}: cannot be created ({error}); choose another --out'
        ) from error
    if not os.access(path, os.W_OK):
        raise ConversionError(
            f'{path}: no permission to write; choose another --out')


def refuse_foreign(paths: Iterable[Path]) -> None:
    """Refuse to replace files that no converter has written.

    MMPose's published annotations, for example, have the same names.

    Args:
        paths (Iterable[Path]): The files that will be written.

    Raises:
        ConversionError: If there is one that begins otherwise than those of
            the converters.
    """
    ours = (b'{"info":{"desc', b'{\n  "data_set"')
    for path in paths:
        if not path.is_file():
            continue
        with open(path, 'rb') as file:
            if not file.read(14).startswith(ours):
                raise ConversionError(
                    f'{path}: is there already, and no file of this '
                    'converter; move it, or choose another --out')


def write_together(contents: Mapping[Path, Iterable[str]]) -> None:
    """Write text files so that all of them appear, complete, or none does.

    Args:
        contents (Mapping[Path, Iterable[str]]): The text of each file, in
            pieces. Existing files are replaced.

    Raises:
        ConversionError: If a file cannot be written.
    """
    temporary = {
        path: path.with_name(f'.{path.name}.{os.getpid()}.tmp')
        for path in contents
    }
    try:
        for path, pieces in contents.items():
            with open(temporary[path], 'w', encoding='utf-8') as file:
                file.writelines(pieces)
        for path in contents:
            os.replace(temporary[path], path)
    except OSError as error:
        raise ConversionError(
            f'{path}: cannot be written ({error}); free some space or choose '
            'another --out') from error
    finally:
        for path in temporary.values():
            path.unlink(missing_ok=True)


def format_report(report: Mapping, indent: int = 0) -> str:
    """Lay out a conversion report for reading.

    Args:
        report (Mapping): Values by name; nested mappings are indented.
        indent (int): Spaces before each line. Defaults to 0.

    Returns:
        str: The lines.
    """
    lines = []
    for key, value in report.items():
        key = str(key).replace('_', ' ') if indent == 0 else str(key)
        head = f'{" " * indent}{key}:'
        if isinstance(value, Mapping) and any(
                isinstance(v, Mapping) for v in value.values()):
            lines += [head, format_report(value, indent + 2)]
        elif isinstance(value, Mapping):
            items = ', '.join(f'{k} {v}' for k, v in value.items())
            lines.append(f'{head} {items or "none"}')
        elif isinstance(value, (list, tuple)):
            lines.append(f'{head} {", ".join(map(str, value)) or "none"}')
        else:
            lines.append(f'{head} {value}')
    return '\n'.join(lines)
