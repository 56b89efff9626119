# Copyright (c) temporal_corr authors. All rights reserved.
"""Train and test all rows of a table, each with several seeds.

    python -m studies.ablation studies/configs/jhmdb6_movenet.py

A study says what the rows are (see :class:`studies.study.Study`). What is
finished stays in the work directory and is not done again; a training that
was stopped goes on. The results, after every test, are in the JSON file,
from which ``python -m studies.table`` makes the table.
"""
import argparse
import fcntl
import json
import os
import os.path as osp
import shlex
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor, as_completed
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from projects.temporal_corr.engine import AtomicLocalBackend

from .provenance import (ROOT, describe_code, describe_machine,
                         describe_schedule, describe_test)
from .study import (Row, Study, as_folder, build_config, digest, merged,
                    quoted, read_study, trained_part)
from .table import KIND, entries, finished, read_results

#: What a training elsewhere must have been told, too.
TRAINED_BY = ('model', 'optim_wrapper', 'param_scheduler',
              'train_cfg.max_epochs', 'train_cfg.max_iters',
              'train_dataloader.batch_size',
              *(f'train_dataloader.dataset.{name}'
                for name in ('ann_file', 'frame_stride', 'clip_len',
                             'clip_sampling', 'exemplar_range')))


class Run:
    """A row of a study with one seed: its training and its tests.

    The folder is named by a digest of what the training depends on, and each
    result by one of the whole config: what is there belongs to these
    settings. Rows that differ in what only tests look at share the folder.
    The training goes on from ``start``.
    """

    def __init__(self, study: Study, row: Row, seed: int,
                 start: Optional['Run'], work_dir: Path):
        self.study, self.row, self.seed, self.start = study, row, seed, start
        self.title = f'{row.name}, seed {seed}'
        #: Options by kind of test.
        self.tests = {as_folder(name): row.tests[name] for name in row.tests}
        if row is not study.start:
            self.tests.update({
                f'stride_{k}': {'test_dataloader.dataset.frame_stride': k}
                for k in study.strides if k > 1})  # yapf: disable
        # The checkpoint has no name yet: that of its training stands for it.
        cfg = self._config(start and start.digest)
        self.digest = digest(trained_part(cfg))
        folder = f'seed_{seed}_{self.digest}'
        self.folder = min(
            work_dir.glob(f'*/{folder}'),
            default=work_dir / as_folder(row.name) / folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        #: Results by kind of test.
        self.files = {
            kind: self.folder / f'{kind}_{digest(merged(cfg, options))}.json'
            for kind, options in {'test': {}, **self.tests}.items()}

    def _config(self, load_from=None) -> Config:
        return build_config(self.row, self.study.common, self.seed, load_from)

    def _write_config(self, stem: str, options: dict) -> Path:
        cfg = self._config(self.start and self.start.checkpoint)
        path = self.folder / f'{stem}.py'
        AtomicLocalBackend().put_text(merged(cfg, options).pretty_text, path)
        return path

    @property
    def training(self) -> Optional[dict]:
        """dict | None: How it was trained, None unless that is through."""
        return _read(self.folder / 'train.json')

    @property
    def checkpoint(self) -> Optional[Path]:
        """Path | None: The checkpoint, None unless training is through."""
        path = self.training and (
            self.folder / 'train' / self.training['checkpoint'])
        return path if path and path.is_file() else None

    def todo(self) -> List[str]:
        """The kinds of tests that are left to do."""
        return [kind for kind, path in self.files.items()
                if self.training is None or not path.is_file()]

    def must_train(self) -> bool:
        """Whether there is a test left to do and no checkpoint for it."""
        return self.checkpoint is None and bool(self.todo())

    def check_model(self) -> None:
        """Build the model: a misspelt option is to be told before hours are
        spent on the rows before it."""
        cfg = self._config()
        init_default_scope(cfg.get('default_scope', 'mmpose'))
        try:
            MODELS.build(cfg.model)
        except (TypeError, ValueError, KeyError) as error:
            raise ValueError(f'the model of "{self.row.name}" cannot be '
                             f'built: {error}') from error

    def adopt(self, folder: Path) -> Optional[str]:
        """Take over what tools/train.py trained in a work directory.

        Returns:
            str | None: Why it is not of this row, None if it is.

        Raises:
            FileNotFoundError: If there is no finished training in it.
        """
        pointer, configs = folder / 'last_checkpoint', [*folder.glob('*.py')]
        if not pointer.is_file() or len(configs) != 1:
            raise FileNotFoundError(
                f'{folder} holds no training: it has no last_checkpoint, or '
                'not one config; give the --work-dir of tools/train.py')
        given = Config.fromfile(configs[0])
        if (configs[0].name, given.randomness.get('seed')) != (osp.basename(
                self.row.config), self.seed):
            return (f'{folder} is of no row of the study: its config or its '
                    'seed is another')
        wanted = self._config()
        pairs = [(name, *(_get(trained_part(cfg), name)
                          for cfg in (given, wanted))) for name in TRAINED_BY]
        if self.start:
            pairs.append(('load_from', osp.realpath(given.load_from or ''),
                          osp.realpath(self.start.checkpoint or '')))
        for name, value, expected in pairs:
            if value != expected:
                return (f'{configs[0]} was trained with {name}={value}, and '
                        f'the study says {expected}: give another folder to '
                        '--trained, or train it anew')
        if self.checkpoint is not None:
            return None
        schedule = describe_schedule(given)
        last = (f'epoch_{schedule["epochs"]}.pth' if schedule['epochs'] else
                f'iter_{schedule["iterations"]}.pth')
        checkpoint = folder / Path(pointer.read_text().strip()).name
        if checkpoint.name != last or not checkpoint.is_file():
            raise FileNotFoundError(
                f'{folder} is not trained to its end: {pointer} names '
                f'{checkpoint.name}, not {last}; let tools/train.py --resume '
                'go on')
        began = configs[0].stat().st_mtime
        _write(self.folder / 'train.json', dict(
            checkpoint=str(checkpoint.resolve()), schedule=schedule,
            began=time.strftime('%Y-%m-%d %H:%M:%S', time.localtime(began)),
            seconds=max(checkpoint.stat().st_mtime - began, 0),
            resumed=len([*folder.glob('*/vis_data')]) > 1,
            commit=None, dirty=None, device=None))  # yapf: disable
        return None

    def train(self, processes: 'Processes') -> str:
        """Train, or go on; returns what to say of it."""
        # Of a training whose checkpoint is gone, if there are any.
        for path in [self.folder / 'train.json',
                     *self.folder.glob('*_????????.json')]:
            path.unlink(missing_ok=True)
        config = self._write_config('config', {})
        work_dir = self.folder / 'train'
        pointer = work_dir / 'last_checkpoint'
        record = dict(
            began=time.strftime('%Y-%m-%d %H:%M:%S'),
            # Then the seconds are those of the last part only.
            resumed=pointer.exists(),
            **describe_code(),
            **describe_machine(processes.num_threads))
        start = time.monotonic()
        processes.call(['train.py', config, '--work-dir', work_dir,
                        '--resume', '--no-validate'],
                       self.folder / 'train.log')  # yapf: disable
        record.update(
            checkpoint=Path(pointer.read_text().strip()).name,
            schedule=describe_schedule(Config.fromfile(config)),
            seconds=time.monotonic() - start)
        _write(self.folder / 'train.json', record)
        return record['checkpoint']

    def test(self, kind: str, processes: 'Processes') -> str:
        """Test; returns what to say of it."""
        out = self.files[kind]
        config = self._write_config(out.stem, self.tests.get(kind, {}))
        processes.call(['test.py', config, self.checkpoint, '--work-dir',
                        out.with_suffix(''), '--out', out],
                       out.with_suffix('.log'))  # yapf: disable
        return f'Mean {100 * _read(out)["Mean"]:.2f}'

    def results(self) -> dict:
        """What is finished: ``digest`` of the config; ``training``: when,
        how long, on what; ``tested``: the data of the test and the threshold
        of PCK; ``metrics`` (fractions), ``tests`` (by name) and ``strides``
        (by rate)."""
        if self.training is None:
            return {}
        tested = {kind: _read(path) for kind, path in self.files.items()
                  if path.is_file()}  # yapf: disable
        described = {kind: test.pop('run') for kind, test in tested.items()}
        found = dict(
            digest=self.digest,
            training=dict(
                self.training,
                checkpoint=osp.basename(self.training['checkpoint'])))
        if 'test' in tested:
            found['tested'] = describe_test(described['test'], self._config())
            found['metrics'] = tested['test']
        found['tests'] = {name: tested[as_folder(name)]
                          for name in self.row.tests
                          if as_folder(name) in tested}  # yapf: disable
        kinds = {str(k): f'stride_{k}' if k > 1 else 'test'
                 for k in self.study.strides}  # yapf: disable
        found['strides'] = {
            k: dict(tested[kind], num_frames=described[kind]['num_frames'])
            for k, kind in kinds.items() if kind in tested}  # yapf: disable
        return {key: value for key, value in found.items() if value}


def _read(path: Path) -> Optional[dict]:
    return json.loads(
        path.read_text(encoding='utf-8')) if path.is_file() else None


def _write(path: Path, content: dict) -> None:
    AtomicLocalBackend().put_text(
        json.dumps(content, indent=1, default=str) + '\n', path)


def _get(cfg: Config, name: str) -> str:
    """The value of a setting whose name has dots, as text."""
    value = cfg.to_dict()
    for part in name.split('.'):
        value = value.get(part) if isinstance(value, dict) else None
    return json.dumps(value, sort_keys=True, default=str)


class Processes:
    """Calls tools, in processes that end with this one."""

    def __init__(self, num_threads: int):
        self.num_threads = num_threads
        self.running, self.stopped = set(), False

    def call(self, command: list, log: Path) -> None:
        """Call a file in ``tools/`` with arguments, its output in a log.

        Raises:
            RuntimeError: If it fails. The message has the end of the output.
        """
        tool, *arguments = map(str, command)
        with open(log, 'w', encoding='utf-8') as file:
            process = subprocess.Popen(
                [sys.executable, str(ROOT / 'tools' / tool), *arguments],
                env=dict(os.environ, OMP_NUM_THREADS=str(self.num_threads)),
                stdin=subprocess.DEVNULL,
                stdout=file,
                stderr=subprocess.STDOUT)
        self.running.add(process)
        if self.stopped:
            process.terminate()
        code = process.wait()
        self.running.discard(process)
        if code:
            text = log.read_text(encoding='utf-8', errors='replace')
            tail = '\n    '.join(text.splitlines()[-15:])
            raise RuntimeError(
                f'exit status {code}, the end of {log}:\n    {tail}')

    def stop(self) -> None:
        """End those that run or are about to be started."""
        self.stopped = True
        for process in list(self.running):
            process.terminate()


def pieces(runs: List[Run], names: List[str],
           seeds: List[int]) -> List[Tuple[Run, str]]:
    """What is left to do for rows and seeds: runs with ``'train'`` or the
    kind of a test; the starts, then seed by seed, trainings first."""
    chosen = [run for run in runs if run.seed in seeds and
              (run.row.name in names or run.row is run.study.start)]
    trained: Dict[Path, Run] = {}
    for run in chosen:
        if run.must_train():
            trained.setdefault(run.folder, run)
            if run.start and run.start.checkpoint is None:
                trained[run.start.folder] = run.start
    left = [(run, 'train') for run in trained.values()]
    for run in runs:
        # What is trained again loses the tests of all rows that share it.
        kinds = run.files if run.folder in trained else (
            run.todo() if run in chosen else ())
        left += [(run, kind) for kind in kinds]
    return sorted(
        left, key=lambda x: (
            x[1] != 'train' or x[0].row is not x[0].study.start, x[0].seed,
            x[1] != 'train', runs.index(x[0])))  # yapf: disable


def work(left: List[Tuple[Run, str]], jobs: int, processes: Processes,
         save: Callable[[], None]) -> int:
    """Do all pieces, several at a time; returns how many failed.

    A training that fails takes those with it that need it, and no others.
    ``save`` is called after each piece that succeeded.
    """
    began = time.monotonic()
    trainings, titles, failed = {}, {}, 0

    def do(run, kind, needs):
        if needs is not None and needs.exception():
            raise RuntimeError('skipped, as its training failed')
        print(f'        {run.title}: {kind} ...', flush=True)
        start = time.monotonic()
        said = run.train(processes) if kind == 'train' else run.test(
            kind, processes)
        return f'{said} in {(time.monotonic() - start) / 60:.1f} minutes'

    pool = ThreadPoolExecutor(jobs)
    try:
        # What is needed is submitted, and so begun, before what needs it.
        for run, kind in left:
            needs = run.start if kind == 'train' else run
            future = pool.submit(do, run, kind,
                                 needs and trainings.get(needs.folder))
            titles[future] = f'{run.title}: {kind}'
            if kind == 'train':
                trainings[run.folder] = future
        for count, future in enumerate(as_completed(titles), start=1):
            line = f'[{count}/{len(left)}] {titles[future]}: '
            if future.exception():
                failed += 1
                line += f'FAILED, {future.exception()}'
            else:
                save()
                line += future.result()
            used = (time.monotonic() - began) / 60
            print(f'{line}; {used:.1f} minutes used', flush=True)
    finally:
        processes.stop()
        pool.shutdown(cancel_futures=True)
    return failed


def check_kept(path: str, results: dict) -> None:
    """Raise ValueError if a file holds results that ``results``, which are
    to replace it, do not have."""
    old, new = ({(entry['name'], seed): found['metrics']
                 for entry in entries(content)
                 for seed, found in finished(entry).items()}
                for content in (read_results(path, KIND), results))
    for (name, seed), metrics in old.items():
        if new.get((name, seed)) != metrics:
            raise ValueError(
                f'{path} holds a result of "{name}" with seed {seed} that '
                'would be lost: it is of other settings (the folder of the '
                'data is one), seeds or another --work-dir. Give those, '
                'another --out, or move the file away')


def command_line(path: str, seeds: List[int], rows: List[dict],
                 jobs: int) -> str:
    """The command that makes what is in ``rows``, without local folders."""
    inside = osp.relpath(path, ROOT)
    inside = osp.basename(path) if inside.startswith(osp.pardir) else inside
    done = {int(seed) for row in rows for seed in row['seeds']}
    measured = [row['name'] for row in rows if row['seeds']]
    some = 0 < len(measured) < len(rows)
    return shlex.join([
        'python', '-m', 'studies.ablation', inside, '--seeds',
        *map(str, sorted(done) or seeds), *(['--rows', *measured] * some),
        '--jobs', str(jobs)])  # yapf: disable


def parse_args(argv=None):
    parser = argparse.ArgumentParser(
        prog='python -m studies.ablation',
        description='Train and test all rows of a table')
    add = parser.add_argument
    add('study', help='study file path')
    add('--seeds', nargs='+', type=int, help='Defaults to those of the study')
    add('--rows', nargs='+', metavar='NAME', help='run only these rows')
    add('--work-dir',
        help='folder for checkpoints and logs. Defaults to '
        'work_dirs/ablation/STUDY')
    add('--out',
        help='file for the results. Defaults to results/STUDY.json')
    add('--jobs', type=int, default=1,
        help='processes side by side; they share the cores unless '
        'OMP_NUM_THREADS is set. Defaults to 1')
    add('--trained', nargs='+', default=[], metavar='FOLDER',
        help='work directories of tools/train.py, of rows of the study, '
        'which are not trained again')
    args = parser.parse_args(argv)
    if args.jobs < 1:
        parser.error('--jobs must be at least 1')
    return args


def main(argv=None):
    args = parse_args(argv)
    # It would name the environment variables of every config again.
    MMLogger.get_current_instance().setLevel('WARNING')
    study = read_study(args.study)
    known = [row.name for row in study.rows]
    for name in args.rows or ():
        if name not in known:
            raise ValueError(f'{args.study} has no row "{name}": choose --rows'
                             f' from {quoted(known)}')
    path = args.out or f'results/{study.name}.json'
    work_dir = Path(args.work_dir
                    or f'work_dirs/ablation/{study.name}').resolve()
    work_dir.mkdir(parents=True, exist_ok=True)
    lock = open(work_dir / '.lock', 'w')
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        raise RuntimeError(
            f'another study is at work in {work_dir}: wait for it, or give '
            'another --work-dir') from None

    wanted = args.seeds or study.seeds
    seeds, runs = sorted({*study.seeds, *wanted}), {}
    rows = ([study.start] if study.start else []) + study.rows
    for seed in seeds:
        for row in rows:
            # None for the start itself, which is the first.
            start = study.start and runs.get((study.start.name, seed))
            runs[row.name, seed] = Run(study, row, seed, start, work_dir)
    problems = {folder: [] for folder in args.trained}
    for run in runs.values():
        for folder, found in problems.items():
            found.append(run.adopt(Path(folder)))
    for found in problems.values():
        if None not in found:
            # That of a row of the same config says more.
            raise ValueError(
                max(found[::-1], key=lambda x: 'was trained' in x))

    def results():
        found = [dict(
            name=row.name,
            config=row.config,
            options={**study.common, **row.options},
            seeds={str(seed): part for seed in seeds
                   for part in [runs[row.name, seed].results()] if part}
        ) for row in rows]  # yapf: disable
        return dict(start=found.pop(0) if study.start else None, rows=found)

    def save():
        content = results()
        command = command_line(args.study, seeds, content['rows'], args.jobs)
        _write(Path(path),
               dict(kind=KIND, study=study.name, command=command, **content))

    if osp.isfile(path):
        check_kept(path, results())
    left = pieces(list(runs.values()), args.rows or known, wanted)
    for run in {run.row.name: run for run, kind in left
                if kind == 'train'}.values():
        run.check_model()
    threads = int(
        os.environ.get('OMP_NUM_THREADS')
        or max((os.cpu_count() or 1) // args.jobs, 1))
    print(f'{study.name}: {len(left)} left to do, {args.jobs} at a time, '
          f'with OMP_NUM_THREADS={threads} each')
    failed = work(left, args.jobs, Processes(threads), save)
    save()
    if failed:
        sys.exit(f'{failed} of {len(left)} failed: mend what the logs say; '
                 f'the same command goes on from here. {path} has the rest')
    print(path)


def stop(*_) -> None:
    """On SIGTERM: leave, so that the processes are ended, too."""
    sys.exit('stopped; the same command goes on from here')


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, stop)
    try:
        main()
    except (ValueError, TypeError, FileNotFoundError, RuntimeError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
