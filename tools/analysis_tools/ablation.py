# Copyright (c) temporal_corr authors. All rights reserved.
"""Train and test all rows of a table, each with several seeds.

    ablation.py projects/temporal_corr/configs/studies/jhmdb6_movenet.py

A study says what the rows are (see :class:`ablation_study.Study`). What is
finished stays in the work directory and is not done again; a training that
was stopped goes on. The results, after every test, are in the JSON file,
from which results_table.py makes the table.
"""
import argparse
import fcntl
import json
import os
import os.path as osp
import shlex
import signal
import sys
from pathlib import Path
from typing import List

from mmengine.logging import MMLogger

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))
from repo_path import ROOT, config_path  # noqa: E402

from projects.temporal_corr.engine import AtomicLocalBackend  # noqa: E402

from ablation_results import KIND, check_kept  # noqa: E402 isort: skip
from ablation_study import (  # noqa: E402 isort: skip
    Row, Study, quoted, read_study)
from provenance import describe_machine  # noqa: E402 isort: skip
from side_by_side import Piece, SideBySide  # noqa: E402 isort: skip
from trained_row import TRAIN_START, TrainedRow  # noqa: E402 isort: skip


def parse_args():
    parser = argparse.ArgumentParser(
        description='Train and test all rows of a table')
    parser.add_argument('study', help='study file path')
    parser.add_argument(
        '--seeds',
        nargs='+',
        type=int,
        help='random seeds. Defaults to those of the study')
    parser.add_argument(
        '--rows',
        nargs='+',
        metavar='NAME',
        help='run only these rows. Defaults to all')
    parser.add_argument(
        '--work-dir',
        help='folder for checkpoints and logs. Defaults to '
        'work_dirs/ablation/STUDY')
    parser.add_argument(
        '--out',
        help='file for the results: .json. Defaults to results/STUDY.json')
    parser.add_argument(
        '--jobs',
        type=int,
        default=1,
        help='processes side by side; they share the cores unless '
        'OMP_NUM_THREADS is set. Defaults to 1')
    parser.add_argument(
        '--trained',
        nargs='+',
        metavar='FOLDER',
        help='work directories of tools/train.py, of rows of the study, '
        'which are not trained again')
    parser.add_argument(
        '--train-only', action='store_true', help='leave the tests for later')
    parser.add_argument(
        '--overwrite',
        action='store_true',
        help='replace results in --out that are not in the work directory')
    args = parser.parse_args()
    if args.jobs < 1:
        parser.error('--jobs must be at least 1')
    if args.out is not None and not args.out.endswith('.json'):
        parser.error('--out must end with .json')
    return args


class Ablation:
    """A study in a work directory.

    Args:
        study (Study): The study.
        seeds (list[int]): Seeds, if need be beside those of the study.
        work_dir (Path): The folder.
        num_threads (int): Threads of each process.
    """

    def __init__(self, study: Study, seeds: List[int], work_dir: Path,
                 num_threads: int):
        machine = describe_machine(num_threads)
        self.start = study.start
        self.rows = ([study.start] if study.start else []) + study.rows
        self.seeds = sorted({*study.seeds, *seeds})
        self.runs, folders = {}, {}
        for seed in self.seeds:
            for row in self.rows:
                # None for the start itself, which is the first.
                start = self.start and self.runs.get((self.start.name, seed))
                self.runs[row.name, seed] = TrainedRow(
                    study, row, seed, start, work_dir, machine, folders)

    def adopt(self, folders: List[str]) -> None:
        """Take over trainings of tools/train.py.

        Args:
            folders (list[str]): Their work directories.

        Raises:
            FileNotFoundError: If one holds no finished training.
            ValueError: If one is of other settings.
        """
        left = {folder: f'{folder} is of no row of the study: its config or '
                'its seed is another' for folder in folders}  # yapf: disable
        # Starts come before what goes on from them.
        for run in self.runs.values():
            for folder in folders:
                try:
                    if run.adopt(Path(folder)):
                        left.pop(folder, None)
                        print(f'{run.title}: {folder}')
                except ValueError as error:
                    left[folder] = left.get(folder) and str(error)
        for problem in filter(None, left.values()):
            raise ValueError(problem)

    def check_models(self, names: List[str], seeds: List[int]) -> None:
        """Build the models that are to be trained: a misspelt option is to be
        told before hours are spent on the rows before it.

        Args:
            names (list[str]): Names of rows.
            seeds (list[int]): Seeds.

        Raises:
            ValueError: If one cannot be built. The message names the row.
        """
        if self.start:
            names = [self.start.name, *names]
        for name in names:
            runs = [self.runs[name, seed] for seed in seeds]
            if any(run.must_train() for run in runs):
                runs[0].check_model()

    def pieces(self, names: List[str], seeds: List[int]) -> List[Piece]:
        """What is left to do.

        Args:
            names (list[str]): Names of rows.
            seeds (list[int]): Seeds.

        Returns:
            list[Piece]: The pieces in order: seed by seed, and the temporal
            downsampling rates after the rest.
        """
        found, trainings = [], {}
        for seed in seeds:
            rows = [self.runs[name, seed] for name in names]
            # What is trained again loses the tests of all rows that share it.
            lost = {row.folder for row in rows if row.must_train()}
            rows = [self.runs[row.name, seed] for row in self.rows
                    if row is not self.start and (
                        row.name in names
                        or self.runs[row.name, seed].folder in lost)]
            if self.start:
                start = self.runs[self.start.name, seed]
                needed = start.checkpoint is None and any(
                    row.must_train() for row in rows)
                found += start.pieces(trainings, needed or start.must_train())
            for row in rows:
                found += row.pieces(trainings, row.folder in lost)
        return sorted(found, key=lambda piece: piece.kind == 'strides')

    def results(self) -> dict:
        """All that is finished: ``start`` (None without) and ``rows``."""
        found = [self._entry(row) for row in self.rows]
        start = found.pop(0) if self.start else None
        return dict(start=start, rows=found)

    def _entry(self, row: Row) -> dict:
        seeds = {str(seed): self.runs[row.name, seed].results()
                 for seed in self.seeds}  # yapf: disable
        return dict(
            name=row.name,
            config=row.config,
            options=self.runs[row.name, self.seeds[0]].options,
            seeds={seed: found for seed, found in seeds.items() if found})


def command_line(path: str, seeds: List[int], rows: List[dict],
                 jobs: int) -> str:
    """The command that makes what is in ``rows``, without local folders."""
    inside = osp.relpath(path, ROOT)
    if inside.startswith(osp.pardir):
        inside = osp.basename(path)
    words = ['python', 'tools/analysis_tools/ablation.py', inside, '--seeds']
    done = {int(seed) for row in rows for seed in row['seeds']}
    words += map(str, sorted(done) or seeds)
    measured = [row['name'] for row in rows if row['seeds']]
    if 0 < len(measured) < len(rows):
        words += ['--rows', *measured]
    return shlex.join([*words, '--jobs', str(jobs)])


def lock(work_dir: Path):
    """Keep a second process out of the work directory."""
    work_dir.mkdir(parents=True, exist_ok=True)
    file = open(work_dir / '.lock', 'w')
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise RuntimeError(
            f'another ablation.py is at work in {work_dir}: wait for it, or '
            'give another --work-dir') from None
    return file


def stop(*_) -> None:
    """On SIGTERM: leave, so that the processes are ended, too."""
    sys.exit('stopped; the same command goes on from here')


def main():
    args = parse_args()
    # It would name the environment variables of every config again.
    MMLogger.get_current_instance().setLevel('WARNING')
    args.study = config_path(args.study)
    study = read_study(args.study)
    names = [row.name for row in study.rows]
    unknown = sorted(set(args.rows or ()) - set(names))
    if unknown:
        raise ValueError(f'{args.study} has no row "{unknown[0]}": choose '
                         f'--rows from {quoted(names)}')
    args.seeds = args.seeds or study.seeds
    path = args.out or f'results/{study.name}.json'
    work_dir = Path(args.work_dir or f'work_dirs/ablation/{study.name}')
    num_threads = int(
        os.environ.get('OMP_NUM_THREADS')
        or max((os.cpu_count() or 1) // args.jobs, 1))

    with lock(work_dir):
        ablation = Ablation(study, args.seeds, work_dir.resolve(),
                            num_threads)
        if args.trained:
            ablation.adopt(args.trained)
        if not args.overwrite:
            check_kept(path, ablation.results())

        def save():
            results = ablation.results()
            content = dict(
                kind=KIND,
                study=study.name,
                command=command_line(args.study, ablation.seeds,
                                     results['rows'], args.jobs),
                **results)
            AtomicLocalBackend().put_text(
                json.dumps(content, indent=1, default=str) + '\n', path)

        names = args.rows or names
        ablation.check_models(names, args.seeds)
        pieces = ablation.pieces(names, args.seeds)
        if args.train_only:
            pieces = [x for x in pieces if x.kind in ('train', TRAIN_START)]
        print(f'{study.name}: {len(pieces)} piece{"s" * (len(pieces) != 1)} '
              f'left to do, {args.jobs} at a time, with OMP_NUM_THREADS='
              f'{num_threads} each')
        work = SideBySide(
            pieces, args.jobs,
            dict(os.environ, OMP_NUM_THREADS=str(num_threads)), save)
        work.run()
        save()
    if work.failed:
        sys.exit(f'{len(work.failed)} pieces failed, and '
                 f'{len(work.skipped)} were skipped: mend what the logs say; '
                 f'the same command goes on from here. {path} has the rest')
    print(path)


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, stop)
    try:
        main()
    except (ValueError, TypeError, FileNotFoundError, RuntimeError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
