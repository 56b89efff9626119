# Copyright (c) temporal_corr authors. All rights reserved.
"""A row of a study with one seed: its training, its tests, its folder."""
import json
import os.path as osp
import sys
import time
from pathlib import Path
from typing import List, Optional

from ablation_study import Row, Study, build_config, digest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from provenance import describe_code, describe_schedule
from repo_path import ROOT
from side_by_side import Piece

from projects.temporal_corr.engine import AtomicLocalBackend

TRAIN_START = 'train start'
#: File of each kind of test.
RESULTS = dict(
    test='test.json',
    ceiling='ceiling.json',
    strides='strides/frame_stride.json')
#: Options of the test with exemplars from the ground truth.
CEILING = {'model.test_cfg.exemplars': 'ground_truth'}


class TrainedRow:
    """One training and its tests.

    Everything is in one folder, named by a digest of the config: what is
    there belongs to these settings, and others get a folder of their own.

    Args:
        study (Study): The study.
        row (Row): The row.
        seed (int): Random seed.
        start (TrainedRow | None): Where the training goes on from.
        work_dir (Path): Folder of the study.
        machine (dict): What computes, see :func:`describe_machine`.
    """

    def __init__(self, study: Study, row: Row, seed: int,
                 start: Optional['TrainedRow'], work_dir: Path,
                 machine: dict):
        self.study, self.row, self.seed = study, row, seed
        self.start, self.machine = start, machine
        # The checkpoint has no name yet: that of its training stands for it.
        cfg = self._config(start and start.digest)
        self.digest = digest(cfg)
        metrics = cfg.test_evaluator
        metric = metrics[0] if isinstance(metrics, list) else metrics
        thr = metric.get('thr')
        # Of several the first one has the plain names.
        self.thr = thr[0] if isinstance(thr, (list, tuple)) else thr
        # Commands by kind.
        self._tests = dict(test=self._test)
        if study.ceiling and cfg.model.get('head', {}).get(
                'temporal') == 'correlation':
            self._tests['ceiling'] = self._test_ceiling
        if study.strides and row is not study.start:
            self._tests['strides'] = self._test_strides
        self.folder = work_dir / row.folder / f'seed_{seed}_{self.digest}'
        self.title = f'{row.name}, seed {seed}'

    @property
    def options(self) -> dict:
        """dict: Options of the study and of the row."""
        return {**self.study.common, **self.row.options}

    def _config(self, load_from: Optional[str]) -> Config:
        return build_config(self.row, self.study.common, self.seed, load_from)

    @property
    def checkpoint(self) -> Optional[Path]:
        """Path | None: The checkpoint, None unless training is through."""
        record = _read(self.folder / 'train.json')
        if record is None:
            return None
        path = self.folder / 'train' / record['checkpoint']
        return path if path.is_file() else None

    def todo(self) -> List[str]:
        """The tests that are left to do: names of :data:`RESULTS`."""
        if _read(self.folder / 'train.json') is None:
            done = set()
        else:
            done = {kind for kind in ('test', 'ceiling')
                    if (self.folder / RESULTS[kind]).is_file()}
            if {*map(str, self.study.strides)} <= set(self._strides()):
                done.add('strides')
        return [kind for kind in self._tests if kind not in done]

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
               started: Optional[Piece] = None,
               must_train: Optional[bool] = None) -> List[Piece]:
        """What is left to do.

        Args:
            started (Piece | None): The training of :attr:`start`, if that is
                left to do, too. Defaults to None
            must_train (bool | None): Whether to train; None for
                :meth:`must_train`. Defaults to None

        Returns:
            list[Piece]: The pieces, the training first.
        """
        kinds, found, train = self.todo(), [], None
        if self.must_train() if must_train is None else must_train:
            train = self._piece('train', self._train, self._trained, started)
            kinds, found = list(self._tests), [train]
        return found + [
            self._piece(kind, self._tests[kind], self._tested, train)
            for kind in kinds
        ]

    def _piece(self, kind, command, finish, needs) -> Piece:
        # The start takes another time than the trainings that go on from it.
        is_start = kind == 'train' and self.row is self.study.start
        return Piece(
            title=f'{self.title}: {kind}',
            kind=TRAIN_START if is_start else kind,
            command=command,
            log=self.folder / f'{kind}.log',
            finish=lambda seconds: finish(kind, seconds),
            needs=needs)

    def _train(self) -> List[str]:
        for name in ('train.json', *RESULTS.values()):
            # Of a training whose checkpoint is gone.
            (self.folder / name).unlink(missing_ok=True)
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

    def _test(self,
              config: str = 'config.py',
              kind: str = 'test') -> List[str]:
        return [
            sys.executable, osp.join(ROOT, 'tools/test.py'),
            self._path(config), str(self.checkpoint), '--work-dir',
            self._path(kind), '--out', self._path(RESULTS[kind])
        ]

    def _test_ceiling(self) -> List[str]:
        cfg = Config.fromfile(self._path('config.py'))
        cfg.merge_from_dict(CEILING)
        self._write_config('ceiling.py', cfg)
        return self._test('ceiling.py', 'ceiling')

    def _test_strides(self) -> List[str]:
        return [
            sys.executable,
            osp.join(ROOT, 'tools/analysis_tools/frame_stride.py'), '--model',
            self.row.name, self._path('config.py'), str(self.checkpoint),
            '--strides', *map(str, self.study.strides), '--out',
            self._path('strides')
        ]

    def _tested(self, kind: str, _: float) -> str:
        """What a test found, in a few words."""
        if kind == 'strides':
            return f'{len(self.study.strides)} rates'
        return f'Mean {100 * _read(self.folder / RESULTS[kind])["Mean"]:.2f}'

    def _strides(self) -> dict:
        content = _read(self.folder / RESULTS['strides']) or {}
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
            ``metrics``, ``ceiling`` (fractions) and ``strides`` (by rate).
            Only what there is.
        """
        training = _read(self.folder / 'train.json')
        if training is None:
            return {}
        found = dict(digest=self.digest, training=training)
        test = _read(self.folder / RESULTS['test'])
        if test is not None:
            found['tested'] = dict(_describe(test.pop('run')), thr=self.thr)
            found['metrics'] = test
        ceiling = _read(self.folder / RESULTS['ceiling'])
        if ceiling is not None and 'ceiling' in self._tests:
            del ceiling['run']
            found['ceiling'] = ceiling
        strides = self._strides()
        if strides and 'strides' in self._tests:
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


def _read(path: Path) -> Optional[dict]:
    if not path.is_file():
        return None
    return json.loads(path.read_text(encoding='utf-8'))


def _write(path: Path, content: dict) -> None:
    AtomicLocalBackend().put_text(json.dumps(content, indent=1), path)
