# Copyright (c) temporal_corr authors. All rights reserved.
"""A row of a study with one seed: its training, its tests, its folder."""
import json
import os
import os.path as osp
import sys
import time
from functools import partial
from pathlib import Path
from typing import Dict, List, Optional

from ablation_study import (Row, Study, as_folder, build_config, digest,
                            trained_part)
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from provenance import describe_code, describe_schedule
from repo_path import ROOT
from side_by_side import Piece

from projects.temporal_corr.engine import AtomicLocalBackend

TRAIN_START = 'train start'
#: What a training elsewhere must have been told, too.
TRAINED_BY = ('model', 'optim_wrapper', 'param_scheduler',
              'train_cfg.max_epochs', 'train_cfg.max_iters',
              'randomness.seed', 'train_dataloader.batch_size',
              *(f'train_dataloader.dataset.{name}'
                for name in ('ann_file', 'frame_stride', 'clip_len',
                             'clip_sampling', 'exemplar_range')))


class TrainedRow:
    """One training and its tests.

    Everything is in one folder, named by a digest of what the training
    depends on: what is there belongs to these settings, and others get a
    folder of their own. Each test has a digest of its own.

    Args:
        study (Study): The study.
        row (Row): The row.
        seed (int): Random seed.
        start (TrainedRow | None): Where the training goes on from.
        work_dir (Path): Folder of the study.
        machine (dict): What computes, see :func:`describe_machine`.
        folders (dict): Folders of trainings by their names, which gets this
            one; that of an equal training is taken.
    """

    def __init__(self, study: Study, row: Row, seed: int,
                 start: Optional['TrainedRow'], work_dir: Path, machine: dict,
                 folders: Dict[str, Path]):
        self.study, self.row, self.seed = study, row, seed
        self.start, self.machine = start, machine
        # The checkpoint has no name yet: that of its training stands for it.
        cfg = self._config(start and start.digest)
        self.digest = digest(trained_part(cfg))
        metrics = cfg.test_evaluator
        metric = metrics[0] if isinstance(metrics, list) else metrics
        thr = metric.get('thr')
        # Of several the first one has the plain names.
        self.thr = thr[0] if isinstance(thr, (list, tuple)) else thr
        folder = f'seed_{seed}_{self.digest}'
        known = sorted(work_dir.glob(f'*/{folder}')) or [
            work_dir / row.folder / folder
        ]
        self.folder = folders.setdefault(folder, known[0])
        # Names of tests by kind, and files of results by kind.
        self._names = {as_folder(name): name for name in row.tests}
        self._files = {
            kind: self.folder / f'{kind}_{self._test_digest(name, start)}.json'
            for kind, name in dict(test=None, **self._names).items()
        }
        if study.strides and row is not study.start:
            self._files['strides'] = (
                self.folder / f'strides_{self._test_digest(None, start)}' /
                'frame_stride.json')
        self.title = f'{row.name}, seed {seed}'

    @property
    def options(self) -> dict:
        """dict: Options of the study and of the row."""
        return {**self.study.common, **self.row.options}

    def _config(self,
                load_from: Optional[str],
                test: Optional[str] = None) -> Config:
        return build_config(self.row, self.study.common, self.seed, load_from,
                            test)

    def _test_digest(self, test: Optional[str],
                     start: Optional['TrainedRow']) -> str:
        return digest(self._config(start and start.digest, test))

    @property
    def checkpoint(self) -> Optional[Path]:
        """Path | None: The checkpoint, None unless training is through."""
        record = _read(self.folder / 'train.json')
        if record is None:
            return None
        path = self.folder / 'train' / record['checkpoint']
        return path if path.is_file() else None

    def adopt(self, folder: Path) -> bool:
        """Take over what tools/train.py trained elsewhere.

        Args:
            folder (Path): Its work directory.

        Returns:
            bool: Whether it is of the config and the seed of this row.

        Raises:
            FileNotFoundError: If there is no finished training in it.
            ValueError: If it is one of other settings.
        """
        pointer = folder / 'last_checkpoint'
        configs = sorted(folder.glob('*.py'))
        if not pointer.is_file() or len(configs) != 1:
            raise FileNotFoundError(
                f'{folder} holds no training: it has no last_checkpoint, or '
                'not one config; give the --work-dir of tools/train.py')
        checkpoint = folder / Path(pointer.read_text().strip()).name
        given = Config.fromfile(configs[0])
        if (configs[0].name, given.randomness.get('seed')) != (osp.basename(
                self.row.config), self.seed):
            return False
        cfg = self._config(None)
        if self.start:
            cfg.load_from = self.start.checkpoint
            _compare(configs[0], 'load_from', os.path.realpath(
                given.load_from or ''), os.path.realpath(cfg.load_from or ''))
        for name in TRAINED_BY:
            _compare(configs[0], name,
                     *(_get(trained_part(x), name) for x in (given, cfg)))
        if self.checkpoint is not None:
            return True
        schedule = describe_schedule(given)
        last = f'epoch_{schedule["epochs"]}' if schedule[
            'epochs'] else f'iter_{schedule["iterations"]}'
        if checkpoint.stem != last or not checkpoint.is_file():
            raise FileNotFoundError(
                f'{folder} is not trained to its end: {pointer} names '
                f'{checkpoint.name}, not {last}.pth; let tools/train.py '
                '--resume go on')
        self._write_config('config.py', given)
        began = configs[0].stat().st_mtime
        _write(
            self.folder / 'train.json',
            dict(
                checkpoint=str(checkpoint.resolve()),
                schedule=schedule,
                began=time.strftime('%Y-%m-%d %H:%M:%S',
                                    time.localtime(began)),
                seconds=checkpoint.stat().st_mtime - began,
                resumed=len(list(folder.glob('*/vis_data'))) > 1,
                commit=None,
                dirty=None,
                device=None))
        return True

    def todo(self) -> List[str]:
        """The kinds of tests that are left to do."""
        trained = _read(self.folder / 'train.json') is not None
        return [kind for kind, path in self._files.items() if not (
            trained and path.is_file() and
            (kind != 'strides'
             or {*map(str, self.study.strides)} <= set(self._strides())))]

    def must_train(self) -> bool:
        """Whether there is a test left to do and no checkpoint for it."""
        return self.checkpoint is None and bool(self.todo())

    def check_model(self) -> None:
        """Build the model once.

        Raises:
            ValueError: If it cannot be built. The message names the row.
        """
        cfg = self._config(None)
        init_default_scope(cfg.get('default_scope', 'mmpose'))
        try:
            MODELS.build(cfg.model)
        except (TypeError, ValueError, KeyError) as error:
            raise ValueError(f'the model of "{self.row.name}" cannot be '
                             f'built: {error}') from error

    def pieces(self,
               trainings: Dict[Path, Piece],
               must_train: Optional[bool] = None) -> List[Piece]:
        """What is left to do.

        Args:
            trainings (dict): Trainings that are left to do, by folder; gets
                this one.
            must_train (bool | None): Whether to train; None for
                :meth:`must_train`. Defaults to None

        Returns:
            list[Piece]: The pieces, the training first.
        """
        kinds, found = self.todo(), []
        train = trainings.get(self.folder)
        if train is None and (self.must_train()
                              if must_train is None else must_train):
            train = trainings[self.folder] = self._piece(
                'train', self._train, self._trained,
                self.start and trainings.get(self.start.folder))
            found = [train]
        if train is not None:
            kinds = list(self._files)
        return found + [
            self._piece(
                kind, self._test_strides if kind == 'strides' else partial(
                    self._test, kind), self._tested, train) for kind in kinds
        ]

    def _piece(self, kind, command, finish, needs) -> Piece:
        # The start takes another time than the trainings that go on from it.
        is_start = kind == 'train' and self.row is self.study.start
        return Piece(
            title=f'{self.title}: {kind}',
            kind=TRAIN_START if is_start else kind,
            command=command,
            log=self.folder / f'{self._stem(kind)}.log',
            finish=lambda seconds: finish(kind, seconds),
            needs=needs)

    def _train(self) -> List[str]:
        # Of a training whose checkpoint is gone, if there are any.
        for pattern in ('train.json', '*_????????.json', 'strides*/*.json'):
            for path in self.folder.glob(pattern):
                path.unlink()
        load_from = self.start and str(self.start.checkpoint)
        self._write_config('config.py', self._config(load_from))
        self.began = time.strftime('%Y-%m-%d %H:%M:%S')
        self.code = describe_code()
        self.resumed = (self.folder / 'train' / 'last_checkpoint').exists()
        return [
            sys.executable, osp.join(ROOT, 'tools/train.py'),
            str(self.folder / 'config.py'), '--work-dir',
            str(self.folder / 'train'), '--resume', '--no-validate'
        ]

    def _trained(self, _: str, seconds: float) -> str:
        """Note that training is through, and of what it was."""
        checkpoint = Path((self.folder / 'train' /
                           'last_checkpoint').read_text().strip()).name
        schedule = describe_schedule(Config.fromfile(self._path('config.py')))
        record = dict(
            checkpoint=checkpoint,
            schedule=schedule,
            began=self.began,
            seconds=seconds,
            # Then the seconds are those of the last part only.
            resumed=self.resumed,
            **self.code,
            **self.machine)
        _write(self.folder / 'train.json', record)
        return f'{checkpoint}, {schedule["iterations"]} iterations'

    def _stem(self, kind: str) -> str:
        """The name of the files of a kind of piece."""
        path = self._files.get(kind, self.folder / kind)
        return (path.parent if kind == 'strides' else path).stem

    def test_config(self, kind: str) -> str:
        """Write the config of a test; returns its path."""
        name = f'{self._stem(kind)}.py'
        start = self.start and str(self.start.checkpoint)
        self._write_config(name, self._config(start, self._names.get(kind)))
        return self._path(name)

    def _test(self, kind: str) -> List[str]:
        return [
            sys.executable, osp.join(ROOT, 'tools/test.py'),
            self.test_config(kind), str(self.checkpoint), '--work-dir',
            self._path(self._stem(kind)), '--out',
            str(self._files[kind])
        ]

    def _test_strides(self) -> List[str]:
        return [
            sys.executable,
            osp.join(ROOT, 'tools/analysis_tools/frame_stride.py'), '--model',
            self.row.name, self.test_config('strides'), str(self.checkpoint),
            '--strides', *map(str, self.study.strides), '--out',
            str(self._files['strides'].parent)
        ]

    def _tested(self, kind: str, _: float) -> str:
        """What a test found, in a few words."""
        if kind == 'strides':
            return f'{len(self.study.strides)} rates'
        return f'Mean {100 * _read(self._files[kind])["Mean"]:.2f}'

    def _strides(self) -> dict:
        if 'strides' not in self._files:
            return {}
        content = _read(self._files['strides']) or {}
        models = content.get('models', {})
        return models.get(self.row.name, {}).get('strides', {})

    def _path(self, name: str) -> str:
        return str(self.folder / name)

    def _write_config(self, name: str, cfg: Config) -> None:
        AtomicLocalBackend().put_text(cfg.pretty_text, self._path(name))

    def results(self) -> dict:
        """What is finished.

        Returns:
            dict: ``digest`` of the config; ``training``: when, how long, on
            what; ``tested``: the data of the test and the threshold of PCK;
            ``metrics`` (fractions), ``tests`` (by name) and ``strides`` (by
            rate). Only what there is.
        """
        training = _read(self.folder / 'train.json')
        if training is None:
            return {}
        training['checkpoint'] = osp.basename(training['checkpoint'])
        found = dict(digest=self.digest, training=training)
        test = _read(self._files['test'])
        if test is not None:
            found['tested'] = dict(_describe(test.pop('run')), thr=self.thr)
            found['metrics'] = test
        tests = {name: _read(self._files[kind])
                 for kind, name in self._names.items()}  # yapf: disable
        tests = {name: test for name, test in tests.items() if test}
        for test in tests.values():
            del test['run']
        if tests:
            found['tests'] = tests
        strides = self._strides()
        if strides:
            found['strides'] = {str(stride): strides[str(stride)]
                                for stride in self.study.strides
                                if str(stride) in strides}
        return found


def _describe(run: dict) -> dict:
    """What a reader needs to know of the test data.

    ``leaked_videos`` is how many of the test videos the model was trained
    on, None if the checkpoint does not say.
    """
    videos, trained = run['test_videos'], run['train_videos']
    return dict(
        ann_file=run['ann_file'] and osp.basename(run['ann_file']),
        videos=videos and len(videos),
        frames=run['num_frames'],
        leaked_videos=None if None in (videos, trained) else len(
            set(videos) & set(trained)))


def _get(cfg: Config, name: str) -> object:
    """The value of a setting whose name has dots, None without."""
    value = cfg.to_dict()
    for part in name.split('.'):
        value = value.get(part) if isinstance(value, dict) else None
    return value


def _compare(path: Path, name: str, given: object, wanted: object) -> None:
    """Raise unless a training was told what the study says."""
    given, wanted = (json.dumps(value, sort_keys=True, default=str)
                     for value in (given, wanted))
    if given != wanted:
        raise ValueError(
            f'{path} was trained with {name}={given}, and the study says '
            f'{wanted}: give another folder to --trained, or train it anew')


def _read(path: Path) -> Optional[dict]:
    if not path.is_file():
        return None
    return json.loads(path.read_text(encoding='utf-8'))


def _write(path: Path, content: dict) -> None:
    AtomicLocalBackend().put_text(json.dumps(content, indent=1), path)
