# Copyright (c) temporal_corr authors. All rights reserved.
"""A study: what is trained and tested, and compared in one table."""
import copy
import hashlib
import json
import re
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Dict, Iterable, List, Optional

from mmengine.config import Config

#: Settings that training does not depend on.
TEST_ONLY = ('test_dataloader', 'test_evaluator', 'test_cfg',
             'val_dataloader', 'val_evaluator', 'val_cfg', 'val_pipeline')


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        name (str): What it is called.
        config (str): Path of the config.
        options (dict): Settings that override those of the config in
            training and test, merged by ``Config.merge_from_dict``. Rows that
            differ in what only tests look at share one training.
        tests (dict): More tests of the same weights, a column each: options
            by name.
    """
    name: str
    config: str
    options: dict = field(default_factory=dict)
    tests: Dict[str, dict] = field(default_factory=dict)


@dataclass(frozen=True)
class Study:
    """Rows that are trained from the same checkpoints with the same seeds.

    Attributes:
        name (str): The file's name without suffix.
        rows (list[Row]): The rows; differences are taken to the first.
        start (Row | None): Trained first, once per seed: all rows go on from
            its checkpoint of the same seed.
        common (dict): Options of the start and of all rows.
        seeds (list[int]): Random seeds.
        strides (list[int]): Temporal downsampling rates to test at.
    """
    name: str
    rows: List[Row]
    start: Optional[Row] = None
    common: dict = field(default_factory=dict)
    seeds: List[int] = (0, 1, 2)
    strides: List[int] = ()


def read_study(path: str) -> Study:
    """Read a study: a config file with the fields of :class:`Study`."""
    # As in Python, names that begin with _ are the file's own.
    content = {name: value for name, value in Config.fromfile(
        path).to_dict().items() if not name.startswith('_')}  # yapf: disable

    def make(cls, where, values):
        try:
            return cls(**values)
        except TypeError as error:
            raise ValueError(
                f'{path}: {where}: {error}; its fields are '
                f'{", ".join(x.name for x in fields(cls))}') from error

    rows = [make(Row, f'rows[{i}]', row)
            for i, row in enumerate(content.get('rows', ()))]
    start = content.get('start')
    start = start and make(Row, 'start', start)
    study = make(Study, 'study', {**content, 'name': Path(path).stem,
                                  'rows': rows, 'start': start})
    if not rows:
        raise ValueError(f'{path}: rows must hold dict(name=..., config=...)')
    for where, names in [
        ('rows', [row.name for row in rows + ([start] if start else [])]),
        *((f'tests of "{row.name}"', ['train', 'test', *row.tests])
          for row in rows)
    ]:
        folders = [as_folder(name) for name in names]
        if '' in folders or len({*folders}) < len(folders):
            raise ValueError(f'{path}: {where} need names that differ in '
                             f'letters or digits, not {quoted(names)}')
    for key, low in (('seeds', 0), ('strides', 1)):
        values = getattr(study, key)
        if not isinstance(values, (list, tuple)) or not all(
                isinstance(value, int) and value >= low for value in values):
            raise ValueError(f'{path}: {key} must be a list of whole numbers '
                             f'from {low} on, not {values}')
    return study


def as_folder(name: str) -> str:
    """A name as part of a path."""
    return re.sub(r'\W+', '_', name).strip('_').lower()


def quoted(names: Iterable[str]) -> str:
    """Names, which may have commas, in a sentence."""
    return ', '.join(f'"{name}"' for name in names)


def build_config(row: Row, common: dict, seed: int,
                 load_from: Optional[str] = None) -> Config:
    """The whole config of a row, whose options win over those of all rows,
    and which may start from another checkpoint."""
    cfg = Config.fromfile(row.config)
    if load_from is not None:
        cfg.load_from = str(load_from)
    for options in (common, row.options, {'randomness.seed': seed}):
        cfg.merge_from_dict(options)
    return cfg


def merged(cfg: Config, options: dict) -> Config:
    """A copy of a config with options."""
    cfg = copy.deepcopy(cfg)
    cfg.merge_from_dict(options)
    return cfg


def trained_part(cfg: Config) -> Config:
    """A copy without the settings that only tests look at."""
    content = {name: value for name, value in cfg.to_dict().items()
               if name not in TEST_ONLY}  # yapf: disable
    content.get('model', {}).pop('test_cfg', None)
    return Config(content)


def digest(cfg: Config) -> str:
    """Eight hexadecimal digits, the same for equal settings."""
    text = json.dumps(cfg.to_dict(), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]
