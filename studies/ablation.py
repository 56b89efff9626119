# Copyright (c) temporal_corr authors. All rights reserved.
"""Train and test all rows of a table, each with several seeds.

    python -m studies.ablation studies/configs/jhmdb6_movenet.py

A study defines the rows (see :class:`studies.study.Study`). Finished steps
stay in the work directory and are not repeated; an interrupted training is
resumed. The JSON file holds the results after every test;
``python -m studies.table`` makes the table of it.
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
from pathlib import Path
from typing import Callable, Dict, List, Optional, Tuple

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from projects.temporal_corr.engine import (AtomicLocalBackend,
                                           find_resumable_checkpoint)
from projects.temporal_corr.engine.resume import (describe_finished,
                                                  load_resumable)
from projects.temporal_corr.video_io.arguments import number, run_command

from .provenance import (ROOT, describe_code, describe_machine,
                         describe_schedule, describe_test, without_folders)
from .study import (Row, Study, as_folder, build_config, digest, merged,
                    quoted, read_study, trained_part)
from .table import KIND, entries, finished, read_results, write_results

#: Settings that a training elsewhere must share with the row.
TRAINED_BY = ('model', 'optim_wrapper', 'param_scheduler',
              'train_cfg.max_epochs', 'train_cfg.max_iters',
              'train_dataloader.batch_size',
              *(f'train_dataloader.dataset.{name}'
                for name in ('ann_file', 'frame_stride', 'clip_len',
                             'clip_sampling', 'exemplar_range', 'pipeline')))


class Run:
    """A row of a study with one seed: its training and its tests.

    The folder is named by a digest of what the training depends on, and each
    result by one of the whole config: what is there belongs to these
    settings. Rows that differ in test settings alone share the folder. The
    training starts from the checkpoint of ``start``.
    """

    def __init__(self, study: Study, row: Row, seed: int,
                 start: Optional['Run'], work_dir: Path):
        self.study, self.row, self.seed, self.start = study, row, seed, start
        #: Options of each step.
        self.steps = {'train': {}, 'test': {}}
        self.steps.update(
            (as_folder(name), options) for name, options in row.tests.items())
        if row is not study.start:
            self.steps.update(
                (f'stride_{k}', {'test_dataloader.dataset.frame_stride': k})
                for k in study.strides if k > 1)
        # The checkpoint has no name yet: that of its training stands for it.
        cfg = self.config(start and start.digest)
        self.digest = digest(trained_part(cfg))
        folder = f'seed_{seed}_{self.digest}'
        self.folder = min(
            work_dir.glob(f'*/{folder}'),
            default=work_dir / as_folder(row.name) / folder)
        self.folder.mkdir(parents=True, exist_ok=True)
        #: What each step leaves when it is finished.
        self.files = {
            step: self.folder / f'{step}_{digest(merged(cfg, options))}.json'
            for step, options in self.steps.items()}  # yapf: disable
        self.files['train'] = self.folder / 'train.json'

    def config(self, load_from=None) -> Config:
        """The config of the training and of the plain test."""
        return build_config(self.row, self.study.common, self.seed, load_from)

    @property
    def checkpoint(self) -> Path:
        """Path: Of the finished training."""
        name = _read(self.files['train'])['checkpoint']
        path = self.folder / 'train' / name
        if not path.is_file():
            raise FileNotFoundError(
                f'{path} is gone, and what is left to do needs it: put it '
                f'back, or remove {self.folder} to train and test anew')
        return path

    def left(self) -> List[str]:
        """The steps that are left to do."""
        steps = [step for step, path in self.files.items()
                 if not path.is_file()]
        return list(self.steps) if 'train' in steps else steps

    def needs(self, step: str) -> Optional[Path]:
        """The file that must be there before a step begins."""
        run = self.start if step == 'train' else self
        return run and run.files['train']

    def check_model(self) -> None:
        """Build the model, so that a misspelt option is reported before hours
        are spent on earlier rows."""
        cfg = self.config()
        init_default_scope(cfg.get('default_scope', 'mmpose'))
        try:
            MODELS.build(cfg.model)
        except (TypeError, ValueError, KeyError) as error:
            raise ValueError(f'the model of "{self.row.name}" cannot be '
                             f'built: {error}') from error

    def begin(self, step: str, num_threads: int) -> subprocess.Popen:
        """Start to train, or to go on, or to test."""
        path = self.files[step]
        config, work_dir = path.with_suffix('.py'), path.with_suffix('')
        cfg = self.config(self.start and self.start.checkpoint)
        AtomicLocalBackend().put_text(
            merged(cfg, self.steps[step]).pretty_text, config)
        if step == 'train':
            for old in self.folder.glob('*_????????.json'):
                old.unlink()  # tests of a training that was removed
            self.record = dict(
                began=time.strftime('%Y-%m-%d %H:%M:%S'),
                # Then the seconds are those of the last session only.
                resumed=(work_dir / 'last_checkpoint').exists(),
                **describe_code(),
                **describe_machine(num_threads))
            command = ['train.py', config, '--resume', '--no-validate']
        else:
            command = ['test.py', config, self.checkpoint, '--out', path]
        return call_tool([*command, '--work-dir', work_dir],
                         path.with_suffix('.log'), num_threads)

    def finish(self, step: str, seconds: float) -> str:
        """Record a step that succeeded; returns what to say of it."""
        path = self.files[step]
        if step != 'train':
            return f'Mean {100 * _read(path)["Mean"]:.2f}'
        pointer = self.folder / 'train/last_checkpoint'
        write_results(
            dict(
                self.record,
                checkpoint=Path(pointer.read_text().strip()).name,
                schedule=describe_schedule(self.config()),
                seconds=seconds), path)
        return self.checkpoint.name

    def results(self) -> dict:
        """What is finished: ``digest`` of the config; ``training``: when,
        how long, on what; ``tested``: the data of the test and the threshold
        of PCK; ``metrics`` (fractions), ``tests`` (by name) and ``strides``
        (by rate)."""
        found = {step: _read(path) for step, path in self.files.items()
                 if path.is_file()}  # yapf: disable
        if 'train' not in found:
            return {}
        training = found.pop('train')
        training['checkpoint'] = osp.basename(training['checkpoint'])
        runs = {step: metrics.pop('run') for step, metrics in found.items()}
        results = dict(digest=self.digest, training=training)
        if 'test' in found:
            results['tested'] = describe_test(runs['test'], self.config())
            results['metrics'] = found['test']
        steps = {name: as_folder(name) for name in self.row.tests}
        results['tests'] = {name: found[step] for name, step in steps.items()
                            if step in found}  # yapf: disable
        steps = {k: f'stride_{k}' if k > 1 else 'test'
                 for k in self.study.strides}  # yapf: disable
        results['strides'] = {
            str(k): dict(found[step], num_frames=runs[step]['num_frames'])
            for k, step in steps.items() if step in found}  # yapf: disable
        return {key: value for key, value in results.items() if value}


def _read(path: Path) -> dict:
    return json.loads(path.read_text(encoding='utf-8'))


def _get(cfg: Config, name: str):
    for part in name.split('.'):
        cfg = cfg.get(part, {})
    return cfg


def adopt(folder: Path, runs: List[Run]) -> None:
    """Take over what tools/train.py trained in a work directory."""
    configs = [*folder.glob('*.py')]
    checkpoint = find_resumable_checkpoint(str(folder))
    if checkpoint is None or len(configs) != 1:
        raise FileNotFoundError(
            f'{folder} holds no training: it has no checkpoint, or not one '
            'config; give the --work-dir of tools/train.py')
    given = Config.fromfile(configs[0])
    given.model.pop('test_cfg', None)
    if not describe_finished(load_resumable(checkpoint), given.train_cfg):
        raise ValueError(f'{folder} is not trained to its end: let '
                         'tools/train.py --resume go on')
    reason = 'no row of the study has its config and its seed'
    for run in runs:
        if (configs[0].name, given.randomness.get('seed')) != (osp.basename(
                run.row.config), run.seed):
            continue
        wanted = trained_part(run.config())
        other = [name for name in TRAINED_BY
                 if _get(given, name) != _get(wanted, name)]
        if run.start and (not run.start.files['train'].is_file()
                          or osp.realpath(given.load_from or '') !=
                          osp.realpath(run.start.checkpoint)):
            other.append('load_from')
        if not other:
            file = run.files['train']
            if not file.is_file():
                # How long it took and with which code is not known.
                write_results(
                    dict(checkpoint=osp.abspath(checkpoint),
                         schedule=describe_schedule(given), seconds=0,
                         resumed=True, commit=None, dirty=None, device=None),
                    file)  # yapf: disable
            elif _read(file)['checkpoint'] != osp.abspath(checkpoint):
                raise ValueError(
                    f'{folder}: row "{run.row.name}" with seed {run.seed} has '
                    f'{_read(file)["checkpoint"]} already: leave one out')
            return
        reason = f'{", ".join(other)} differ from row "{run.row.name}"'
    raise ValueError(f'{configs[0]}: {reason}; give another folder to '
                     '--trained, or train it anew')


def call_tool(command: list, log: Path, num_threads: int) -> subprocess.Popen:
    """Call a file in ``tools/`` with arguments, its output in a log."""
    tool, *arguments = map(str, command)
    with open(log, 'w', encoding='utf-8') as file:
        return subprocess.Popen(
            [sys.executable, str(ROOT / 'tools' / tool), *arguments],
            env=dict(os.environ, OMP_NUM_THREADS=str(num_threads)),
            stdin=subprocess.DEVNULL,
            stdout=file,
            stderr=subprocess.STDOUT)


def work(todo: Dict[Path, Tuple[Run, str]], jobs: int, num_threads: int,
         save: Callable[[], None]) -> int:
    """Run the steps that are left, in order, by the file that they leave,
    several at a time; returns how many failed.

    When a training fails, only what needs it is skipped. ``save`` is called
    after each step that succeeded.
    """
    began = time.monotonic()
    waiting, running, failed = list(todo), {}, set()

    def say(path, text):
        run, step = todo[path]
        count = len(todo) - len(waiting) - len(running)
        minutes = (time.monotonic() - began) / 60
        print(f'[{count}/{len(todo)}] {run.row.name}, seed {run.seed}: {step}:'
              f' {text}; {minutes:.1f} minutes used', flush=True)

    try:
        while waiting or running:
            for path in list(waiting):
                run, step = todo[path]
                needed = run.needs(step)
                if needed in failed:
                    waiting.remove(path)
                    failed.add(path)
                    say(path, 'FAILED, skipped, as its training failed')
                elif len(running) < jobs and needed not in {
                        *waiting, *running}:
                    waiting.remove(path)
                    running[path] = (
                        run.begin(step, num_threads), time.monotonic())
                    say(path, 'started')
            for path, (process, start) in list(running.items()):
                if process.poll() is None:
                    continue
                del running[path]
                if process.returncode:
                    failed.add(path)
                    log = path.with_suffix('.log')
                    lines = log.read_text('utf-8', 'replace').splitlines()
                    say(path, '\n    '.join(
                        [f'FAILED, the end of {log}:', *lines[-15:]]))
                else:
                    run, step = todo[path]
                    seconds = time.monotonic() - start
                    text = run.finish(step, seconds)
                    save()
                    say(path, f'{text} in {seconds / 60:.1f} minutes')
            time.sleep(0.05)
    finally:
        for process, _ in running.values():
            process.terminate()
            process.wait()
    return len(failed)


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
    add('--jobs', type=number(int, 1), default=1,
        help='processes side by side; they share the cores unless '
        'OMP_NUM_THREADS is set. Defaults to 1')
    add('--trained', nargs='+', type=Path, default=[], metavar='FOLDER',
        help="work directories of tools/train.py, the start's first, of rows "
        'that are not to be trained again')
    return parser.parse_args(argv)


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
    out = args.out or f'results/{study.name}.json'
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
    chosen = {*(args.rows or known)}
    rows, runs = list(study.rows), []
    if study.start:
        rows.insert(0, study.start)
        chosen.add(study.start.name)
    for seed in sorted({*study.seeds, *wanted}):
        start = None
        for row in rows:
            runs.append(Run(study, row, seed, start, work_dir))
            if row is study.start:
                start = runs[-1]

    for folder in args.trained:
        adopt(folder, runs)

    def results():
        found = [dict(
            name=row.name,
            config=row.config,
            options={**study.common, **row.options},
            seeds={str(run.seed): run.results() for run in runs
                   if run.row is row and run.files['train'].is_file()}
        ) for row in rows]  # yapf: disable
        return dict(start=found.pop(0) if study.start else None, rows=found)

    def save():
        content = results()
        seeds = {int(k) for row in content['rows'] for k in row['seeds']}
        command = shlex.join([
            'python', '-m', 'studies.ablation', without_folders(args.study),
            '--seeds', *map(str, sorted(seeds)), '--jobs', str(args.jobs)
        ])  # yapf: disable
        write_results(
            dict(kind=KIND, study=study.name, command=command, **content), out)

    if osp.isfile(out):
        check_kept(out, results())
    todo = {}
    for run in runs:
        if run.seed not in wanted or run.row.name not in chosen:
            continue
        steps = run.left()
        if 'train' in steps:
            run.check_model()
        elif steps:
            run.checkpoint  # raises if it is gone
        for step in steps:
            todo.setdefault(run.files[step], (run, step))
    num_threads = int(
        os.environ.get('OMP_NUM_THREADS')
        or max((os.cpu_count() or 1) // args.jobs, 1))
    print(f'{study.name}: {len(todo)} left to do, {args.jobs} at a time, '
          f'with OMP_NUM_THREADS={num_threads} each')
    failed = work(todo, args.jobs, num_threads, save)
    save()
    if failed:
        sys.exit(f'{failed} of {len(todo)} failed: mend what the logs say; '
                 f'the same command goes on from here. {out} has the rest')
    print(out)


def stop(*_) -> None:
    """On SIGTERM: leave, so that the processes are ended, too."""
    sys.exit('stopped; the same command goes on from here')


if __name__ == '__main__':
    signal.signal(signal.SIGTERM, stop)
    run_command(main)
