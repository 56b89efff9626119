# Copyright (c) temporal_corr authors. All rights reserved.
from typing import List, Optional, Set

from mmengine.hooks import Hook
from mmengine.runner import Runner
from mmpose.registry import HOOKS

from .safe_loading import first_few

#: Where a checkpoint's meta lists the videos that the model was trained on.
META_KEY = 'train_videos'


def video_ids(dataset) -> Optional[List[str]]:
    """Sorted ids of the videos of a data set, or of the data sets that it
    wraps; None if it has no videos."""
    if hasattr(dataset, 'videos'):
        return sorted(video_id for video_id, _ in dataset.videos)
    parts = getattr(dataset, 'datasets', None)
    if parts is None:
        parts = [dataset.dataset] if hasattr(dataset, 'dataset') else []
    found = [ids for ids in map(video_ids, parts) if ids is not None]
    return sorted(set().union(*found)) if found else None


@HOOKS.register_module()
class TrainedVideosHook(Hook):
    """Records which videos a model was trained on, and warns of a leak.

    Checkpoints get ``meta['train_videos']``: the videos of the training data
    set and those recorded in the checkpoint that it started from
    (``load_from`` or resumed). Before test and validation a warning names
    those among them: most test videos of one split of JHMDB are training
    videos of the others.

    Nothing is recorded, as the list would be incomplete, if training starts
    from a checkpoint of the same data set (by ``dataset_name``) that does not
    say on which videos it was trained. Weights of ``init_cfg`` are ignored.
    """

    def __init__(self) -> None:
        self._trained: Set[str] = set()
        self._known = False
        self._same_data: Optional[str] = None
        self._warned = False

    @property
    def train_videos(self) -> Optional[List[str]]:
        """Sorted ids of the videos that the model was trained on, None if
        not known."""
        return sorted(self._trained) if self._known else None

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Read what the checkpoint records."""
        meta = checkpoint.get('meta') or {}
        self._known = meta.get(META_KEY) is not None
        self._trained = set(meta.get(META_KEY) or ())
        self._same_data = None if self._known else (meta.get('dataset_meta')
                                                    or {}).get('dataset_name')

    def before_train(self, runner: Runner) -> None:
        """Add the videos of the training data set."""
        dataset = runner.train_dataloader.dataset
        own = video_ids(dataset)
        if own is None:
            return
        self._trained.update(own)
        name = getattr(dataset, 'metainfo', {}).get('dataset_name')
        if self._same_data is not None and self._same_data == name:
            runner.logger.warning(
                f'{runner._load_from} was trained on {name} and does not say '
                'on which videos: checkpoints of this run will not say '
                'either, so that no one takes the training videos of this '
                'run for all of them')
            return
        self._known = True

    def before_save_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Record the videos."""
        if self._known:
            checkpoint['meta'][META_KEY] = self.train_videos

    def before_val(self, runner: Runner) -> None:
        """Warn, once, of validation videos among the training videos."""
        if not self._warned:
            self._warned = True
            self._warn(runner, runner.val_dataloader.dataset, 'validation')

    def before_test(self, runner: Runner) -> None:
        """Warn of test videos among the training videos."""
        self._warn(runner, runner.test_dataloader.dataset, 'test')

    def _warn(self, runner: Runner, dataset, kind: str) -> None:
        videos = video_ids(dataset) or []
        leaked = [video for video in videos if video in self._trained]
        if leaked:
            line = '!' * 79
            runner.logger.warning(
                f'\n{line}\nThe model was trained on {len(leaked)} of the '
                f'{len(videos)} {kind} videos: {first_few(leaked, 5)}.\n'
                'The result says nothing about videos it has not seen. The '
                'splits of JHMDB\nare disjoint per split number only: train '
                f'and evaluate with the same JHMDB_SPLIT.\n{line}')

    def describe_test(self, runner: Runner) -> dict:
        """What a test result is of; None where that is not known, and as
        ``indices`` if all of the data set was tested."""
        dataset = runner.test_dataloader.dataset
        return dict(
            config=runner.cfg.filename,
            checkpoint=runner._load_from,
            ann_file=getattr(dataset, 'ann_file', None),
            test_videos=video_ids(dataset),
            train_videos=self.train_videos,
            frame_stride=getattr(dataset, 'frame_stride', 1),
            # MMEngine's BaseDataset keeps its argument under this name.
            indices=getattr(dataset, '_indices', None),
            num_frames=len(dataset))


def trained_videos_hook(runner: Runner) -> TrainedVideosHook:
    """The hook of a runner that has not loaded its checkpoint yet, registered
    now if its config has none."""
    if not any(isinstance(hook, TrainedVideosHook) for hook in runner.hooks):
        runner.register_hook(TrainedVideosHook())
    return next(hook for hook in runner.hooks
                if isinstance(hook, TrainedVideosHook))
