# Copyright (c) temporal_corr authors. All rights reserved.
"""What was measured beside what is wanted: rows of a table."""
import json
import os
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import List, Optional

from .timing import Durations


@dataclass(frozen=True)
class Goal:
    """A bound on what is measured.

    Attributes:
        bound (float): The bound.
        of (str): What it bounds, ``'ratio'`` or ``'ours'``.
        at_least (bool): Whether it is a lower bound. Defaults to False.
    """
    bound: float
    of: str = 'ratio'
    at_least: bool = False

    def met(self, value: float) -> bool:
        """bool: Whether a value keeps the bound."""
        return value >= self.bound if self.at_least else value <= self.bound


@dataclass(frozen=True)
class Row:
    """One comparison.

    Attributes:
        section (str): What it belongs to.
        name (str): What is compared, ours first.
        unit (str): Unit of ``ours`` and ``other``.
        ours (float): The measured value.
        other (float, optional): What it stands beside.
        ratio (float, optional): By default ours / other.
        goal (Goal, optional): What is wanted.
        details (dict): Whatever else is worth keeping.
    """
    section: str
    name: str
    unit: str
    ours: float
    other: Optional[float] = None
    ratio: Optional[float] = None
    goal: Optional[Goal] = None
    details: dict = field(default_factory=dict)

    def __post_init__(self):
        if self.ratio is None and self.other:
            object.__setattr__(self, 'ratio', self.ours / self.other)

    @property
    def met(self) -> Optional[bool]:
        """bool | None: Whether the goal is met; None without one."""
        if self.goal is None:
            return None
        return self.goal.met(getattr(self, self.goal.of))

    def to_dict(self) -> dict:
        """dict: All of it, for JSON."""
        return dict(asdict(self), met=self.met)

    @classmethod
    def from_dict(cls, content: dict) -> 'Row':
        """Row: What :meth:`to_dict` was made of."""
        content = {k: v for k, v in content.items() if k != 'met'}
        goal = content.pop('goal')
        return cls(**content, goal=goal and Goal(**goal))


def duration_row(section: str,
                 name: str,
                 ours: Durations,
                 other: Durations,
                 clock: str,
                 goal: Optional[Goal] = None,
                 **details) -> Row:
    """A row of two durations, in milliseconds.

    Args:
        section (str): What it belongs to.
        name (str): What is compared, ours first.
        ours (Durations): Measured in turns with ``other``.
        other (Durations): What it stands beside.
        clock (str): The clock that decides.
        goal (Goal, optional): What is wanted. Defaults to None.
        details: Further things to keep.

    Returns:
        Row: Medians, and their spread in the details.
    """
    return Row(
        section,
        name,
        'ms',
        1000 * ours.median(clock),
        1000 * other.median(clock),
        goal=goal,
        details=dict(
            details,
            clock=clock,
            ours_seconds=ours.describe(),
            other_seconds=other.describe()))


HEADER = ('', 'ours', 'other', 'ratio', 'goal', 'met?')


def format_table(rows: List[Row]) -> str:
    """Lay out rows for a terminal.

    Args:
        rows (list[Row]): The rows, section by section.

    Returns:
        str: A table with a line above each section.
    """
    cells = [('  ' + row.name, *row_cells(row)) for row in rows]
    widths = [max(map(len, column)) for column in zip(HEADER, *cells)]
    lines = [_line(HEADER, widths)]
    section = None
    for row, texts in zip(rows, cells):
        if row.section != section:
            section = row.section
            lines += ['', section]
        lines.append(_line(texts, widths))
    return '\n'.join(lines)


def row_cells(row: Row) -> List[str]:
    """The numbers of a row.

    Args:
        row (Row): The row.

    Returns:
        list[str]: A text for each of :data:`HEADER` but the first.
    """
    goal, met = '', ''
    if row.goal is not None:
        sign = '>=' if row.goal.at_least else '<='
        unit = f' {row.unit}' if row.goal.of == 'ours' else ''
        goal = f'{sign} {_number(row.goal.bound)}{unit}'
        met = 'yes' if row.met else 'NO'
    value, other = (
        '' if number is None else f'{_number(number)} {row.unit}'
        for number in (row.ours, row.other))
    ratio = '' if row.ratio is None else _number(row.ratio)
    return [value, other, ratio, goal, met]


def _number(value: float) -> str:
    """Four digits, never as a power of ten."""
    if value == int(value) or abs(value) >= 1000:
        return f'{value:.0f}'
    return f'{value:.4g}' if abs(value) >= 0.001 else f'{value:.5f}'


def _line(texts, widths: List[int]) -> str:
    first, *others = (
        text.rjust(width) if i else text.ljust(width)
        for i, (text, width) in enumerate(zip(texts, widths)))
    return '  '.join([first, *others]).rstrip()


def write_json(path: Path, contents: dict) -> None:
    """Write a file, complete or not at all.

    Args:
        path (Path): The file.
        contents (dict): What to write.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f'.{path.name}.{os.getpid()}.tmp')
    try:
        temporary.write_text(
            json.dumps(contents, indent=2) + '\n', encoding='utf-8')
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
