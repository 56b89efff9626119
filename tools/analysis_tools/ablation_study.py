# Copyright (c) temporal_corr authors. All rights reserved.
"""A study: what is trained and tested, and compared in one table."""
import hashlib
import json
import os.path as osp
import re
from dataclasses import dataclass, field
from typing import Dict, Iterable, List, Optional

from mmengine.config import Config
from repo_path import config_path

KEYS = ('start', 'rows', 'common', 'seeds', 'strides')
#: Settings that a training does not depend on.
TEST_ONLY = ('test_dataloader', 'test_evaluator', 'test_cfg',
             'val_dataloader', 'val_evaluator', 'val_cfg', 'val_pipeline')


@dataclass(frozen=True)
class Row:
    """One row of the table.

    Attributes:
        name (str): What it is called.
        config (str): Config relative to the repository or to the current
            directory.
        options (dict): Settings that override those of the config, in
            training and test; keys may have dots, and values are merged as
            MMEngine merges a config into its base. Rows that differ in what
            only tests look at share one training.
        tests (dict): More tests of the same weights, a column each: options
            by name.
    """
    name: str
    config: str
    options: Dict[str, object]
    tests: Dict[str, dict] = field(default_factory=dict)

    @property
    def folder(self) -> str:
        """str: The name as part of a path."""
        return as_folder(self.name)


@dataclass(frozen=True)
class Study:
    """Rows that are trained from the same checkpoints with the same seeds.

    Attributes:
        name (str): The file's name without suffix.
        path (str): The file.
        start (Row | None): Trained first, once per seed: all rows go on from
            its checkpoint of the same seed.
        rows (list[Row]): The rows; differences are taken to the first.
        common (dict): Options of the start and of all rows.
        seeds (list[int]): Random seeds.
        strides (list[int]): Temporal downsampling rates to test at, may be
            empty.
    """
    name: str
    path: str
    start: Optional[Row]
    rows: List[Row]
    common: Dict[str, object]
    seeds: List[int]
    strides: List[int]


def read_study(path: str) -> Study:
    """Read a study.

    Args:
        path (str): An MMEngine config file with ``rows`` and, if need be,
            ``start``, ``common``, ``seeds`` and ``strides``, see
            :class:`Study`. ``start`` is a row, or the path of a config.

    Returns:
        Study: What it says.

    Raises:
        ValueError: If the study cannot be run. The message names the field.
    """
    content = Config.fromfile(path).to_dict()

    def refuse(problem):
        raise ValueError(f'{path}: {problem}')

    # As in Python, names that begin with _ are the file's own.
    unknown = sorted(name for name in set(content) - set(KEYS)
                     if not name.startswith('_'))
    if unknown:
        refuse(f'there is no {unknown[0]} in a study, only {", ".join(KEYS)}')
    start = content.get('start')
    if isinstance(start, str):
        start = dict(name='start', config=start)
    rows = [_row(row, f'rows[{number}]', refuse)
            for number, row in enumerate(content.get('rows') or ())]
    if not rows:
        refuse('rows must hold at least one dict(name=..., config=...)')
    start = None if start is None else _row(start, 'start', refuse)
    folders = [row.folder for row in rows + ([start] if start else [])]
    for folder in folders:
        if folders.count(folder) > 1:
            refuse('rows need names that differ in letters or digits: two '
                   f'come down to "{folder}"')
    seeds = content.get('seeds', [0, 1, 2])
    strides = content.get('strides') or []
    if not seeds or not _whole_numbers(seeds, 0):
        refuse(f'seeds must be a list of whole numbers, such as [0, 1, 2], '
               f'not {seeds}')
    if not _whole_numbers(strides, 1):
        refuse('strides must be a list of positive whole numbers, such as '
               f'[1, 2, 5, 10], or empty, not {strides}')
    return Study(
        name=osp.splitext(osp.basename(path))[0],
        path=path,
        start=start,
        rows=rows,
        common=content.get('common') or {},
        seeds=list(seeds),
        strides=sorted(set(strides)))


def _row(content, where, refuse) -> Row:
    if not isinstance(content, dict) or not (
            set(content) <= {'name', 'config', 'options', 'tests'}
            and {'name', 'config'} <= set(content)):
        refuse(f'{where} must be dict(name=..., config=..., options={{...}}, '
               'tests={...}) where options and tests may be left out, not '
               f'{content}')
    tests = content.get('tests') or {}
    folders = [as_folder(name) for name in tests]
    if not all(isinstance(options, dict) for options in tests.values()) or (
            not all(folders) or len({'test', *folders}) <= len(folders)):
        refuse(f'{where}.tests must be options, such as '
               "{'nothing remembered': {'model.test_cfg.memory': ...}}, by "
               f'names that differ in letters or digits, not {tests}')
    if not re.search(r'\w', content['name']):
        refuse(f'{where}.name needs a letter or a digit')
    return Row(content['name'], content['config'],
               content.get('options') or {}, tests)


def as_folder(name: str) -> str:
    """A name as part of a path."""
    return re.sub(r'\W+', '_', name).strip('_').lower()


def _whole_numbers(values, low: int) -> bool:
    return isinstance(values, (list, tuple)) and all(
        isinstance(value, int) and value >= low for value in values)


def build_config(row: Row,
                 common: dict,
                 seed: int,
                 load_from: Optional[str],
                 test: Optional[str] = None) -> Config:
    """The whole config of a training and of its tests.

    Args:
        row (Row): The row.
        common (dict): Options of all rows; those of the row win.
        seed (int): Random seed.
        load_from (str | None): Checkpoint to start from. An option
            ``load_from`` wins; None leaves that of the config.
        test (str, optional): Which of the row's tests it is for. Defaults
            to None, training and the plain test.

    Returns:
        Config: The config.
    """
    cfg = Config.fromfile(config_path(row.config))
    if load_from is not None:
        cfg.load_from = load_from
    for options in (common, row.options, {'randomness.seed': seed},
                    row.tests.get(test, {})):
        cfg.merge_from_dict(options)
    return cfg


def trained_part(cfg: Config) -> Config:
    """What a training depends on.

    Args:
        cfg (Config): A config.

    Returns:
        Config: A copy without settings that only tests look at.
    """
    content = {name: value for name, value in cfg.to_dict().items()
               if name not in TEST_ONLY}  # yapf: disable
    content.get('model', {}).pop('test_cfg', None)
    return Config(content)


def digest(cfg: Config) -> str:
    """Tells configs apart: eight hexadecimal digits.

    Args:
        cfg (Config): A config.

    Returns:
        str: The same for equal settings.
    """
    text = json.dumps(cfg.to_dict(), sort_keys=True, default=str)
    return hashlib.sha256(text.encode()).hexdigest()[:8]


def quoted(names: Iterable[str]) -> str:
    """Names of rows in a sentence: they may have commas.

    Args:
        names (Iterable[str]): The names.

    Returns:
        str: Each in quotation marks.
    """
    return ', '.join(f'"{name}"' for name in names)
