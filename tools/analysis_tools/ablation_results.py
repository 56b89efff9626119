# Copyright (c) temporal_corr authors. All rights reserved.
"""Files of ablation.py, averaged over seeds."""
import json
import os.path as osp
from dataclasses import dataclass
from typing import Dict, List, Optional

import numpy as np

from projects.temporal_corr.evaluation.published_results import COLUMNS

#: Columns that a table has if they were measured, by key and head.
MORE_COLUMNS = {
    'Mean@0.1': '@0.1',
    'Mean@0.05': '@0.05',
    'acceleration error': 'acc. error'
}
#: What a file of ablation.py says it is.
KIND = 'ablation'


@dataclass(frozen=True)
class Spread:
    """Values of several seeds.

    Attributes:
        mean (float): Their mean.
        std (float | None): Their standard deviation as of a sample, by
            n - 1; None for one seed.
    """
    mean: float
    std: Optional[float]

    @classmethod
    def of(cls, values: List[float]) -> Optional['Spread']:
        """Average values; None if there are none."""
        if not values:
            return None
        std = float(np.std(values, ddof=1)) if len(values) > 1 else None
        return cls(float(np.mean(values)), std)

    def __str__(self) -> str:
        return self.format('.1f')

    def format(self, spec: str) -> str:
        """As '76.7 ± 0.3', or without spread for one seed."""
        text = format(self.mean, spec)
        return text if self.std is None else f'{text} ± {self.std:.1f}'


@dataclass(frozen=True)
class RowSummary:
    """A row of the table, percent.

    Attributes:
        name (str): What it is called.
        seeds (list[str]): Seeds that are finished.
        columns (dict): :class:`Spread` by column: those of the paper's
            tables, and of ``MORE_COLUMNS`` those that were measured.
        tests (dict): Mean of each of the other tests.
        difference (Spread | None): Mean minus that of the reference row with
            the same seed and filter; None for the reference itself.
        strides (dict): Mean by temporal downsampling rate.
    """
    name: str
    seeds: List[str]
    columns: Dict[str, Spread]
    tests: Dict[str, Spread]
    difference: Optional[Spread]
    strides: Dict[int, Spread]


def read_ablation(path: str) -> dict:
    """Read a file of ablation.py and check it.

    Args:
        path (str): The file.

    Returns:
        dict: What is in it.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is none of ablation.py, holds no result, or holds
            results of different test data.
    """
    if not osp.isfile(path):
        raise FileNotFoundError(f'there is no {path}: make it with '
                                'tools/analysis_tools/ablation.py')
    try:
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
        if content['kind'] != KIND:
            raise ValueError(f'its kind is {content["kind"]}')
        tested = [(entry['name'], found['tested'])
                  for entry in entries(content)
                  for found in entry['seeds'].values() if 'metrics' in found]
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{path} is no file of ablation.py ({error!r}): make '
                         'it with tools/analysis_tools/ablation.py') from error
    if not tested:
        raise ValueError(f'{path}: no test is finished yet: run '
                         'tools/analysis_tools/ablation.py on')
    for name, found in tested:
        for key in ('ann_file', 'videos', 'frames', 'thr'):
            if found[key] != tested[0][1][key]:
                raise ValueError(
                    f'{path}: "{tested[0][0]}" and "{name}" cannot stand in '
                    f'one table, tested.{key} is {tested[0][1][key]} and '
                    f'{found[key]}: test all rows on the same data')
    return content


def entries(content: dict) -> List[dict]:
    """The start, if there is one, and the rows."""
    return ([content['start']] if content['start'] else []) + content['rows']


def runs(entry: dict) -> Dict[str, dict]:
    """What is finished of a row, by seed."""
    return {seed: found for seed, found in entry['seeds'].items()
            if 'metrics' in found}  # yapf: disable


def check_kept(path: str, results: dict) -> None:
    """Raise ValueError if a file holds results that would be lost.

    Args:
        path (str): The file of the results.
        results (dict): The results that are to replace it.
    """
    if not osp.isfile(path):
        return
    try:
        with open(path, encoding='utf-8') as file:
            old = json.load(file)
        if old['kind'] != KIND:
            raise ValueError(f'kind is {old["kind"]}')
        kept = _metrics(old)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise ValueError(f'{path} is none of this tool ({error!r}): choose '
                         'another --out') from error
    new = _metrics(results)
    for (name, seed), metrics in kept.items():
        if new.get((name, seed)) != metrics:
            raise ValueError(
                f'{path} holds a result of "{name}" with seed {seed} that '
                'would be lost: it is of other settings (the folder of the '
                'data is one), seeds or another --work-dir. Give those, '
                'another --out, or --overwrite')


def _metrics(results: dict) -> dict:
    return {(entry['name'], seed): found['metrics']
            for entry in entries(results)
            for seed, found in runs(entry).items()}


def summarize(content: dict) -> List[RowSummary]:
    """Average over seeds.

    Args:
        content (dict): Content of a file of ablation.py.

    Returns:
        list[RowSummary]: The start, if there is one, and the rows; without
        those of which no seed is finished.
    """
    reference = content['rows'][0]
    return [_summarize(entry, reference, entry is not content['start'], prefix)
            for entry in entries(content) if runs(entry)
            for prefix in _prefixes(entry)]  # yapf: disable


def _prefixes(entry: dict) -> List[str]:
    """Prefixes of the evaluators of PCK, the plain one first."""
    names = [name for name in next(iter(runs(entry).values()))['metrics']
             if name.endswith('/Mean') and 'acceleration' not in name]
    return ['', *(name[:-len('Mean')] for name in names)]


def _summarize(entry: dict, reference: dict, compare: bool,
               prefix: str) -> RowSummary:
    found, others = runs(entry), runs(reference)

    def mean(metrics):
        return 100 * metrics[f'{prefix}Mean']

    differences = [mean(run['metrics']) - mean(others[seed]['metrics'])
                   for seed, run in found.items() if seed in others]
    strides = sorted({int(stride) for run in found.values()
                      for stride in run.get('strides', {}) if not prefix})
    tests = {}
    for run in found.values():
        for name, test in run.get('tests', {}).items():
            if f'{prefix}Mean' in test:
                tests.setdefault(name, []).append(mean(test))
    measured = next(iter(found.values()))['metrics']
    return RowSummary(
        name=f'{entry["name"]} + {prefix[:-1]}' if prefix else entry['name'],
        seeds=list(found),
        columns={
            name: Spread.of(
                [100 * run['metrics'][prefix + name]
                 for run in found.values()])
            for name in (*COLUMNS, *MORE_COLUMNS) if prefix + name in measured
        },
        tests={name: Spread.of(means)
               for name, means in tests.items()},  # yapf: disable
        difference=Spread.of(differences)
        if compare and entry is not reference else None,
        strides={
            stride: Spread.of([
                mean(run['strides'][str(stride)]) for run in found.values()
                if str(stride) in run.get('strides', {})
            ])
            for stride in strides
        })
