# Copyright (c) temporal_corr authors. All rights reserved.
from typing import List

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmpose.registry import HOOKS
from torch.utils.data import DataLoader, Subset

from ..models.offline_exemplars import labelled_positions
from ..video_io.progress import track


# The second name is that of older configs.
@HOOKS.register_module(['OfflineExemplarsHook', 'TrustedExemplarsHook'])
class OfflineExemplarsHook(Hook):
    """Gives the exemplars of labelled frames to the estimator before each
    validation and test, for ``test_cfg.memory=dict(policy='offline', ...)``,
    see :func:`~projects.temporal_corr.models.offline_exemplars.\
offline_options`.

    Predictions of a labelled frame are predictions, too: its label is not
    their answer. Does nothing for other models and policies.
    """

    priority = 'VERY_LOW'

    def before_test_epoch(self, runner) -> None:
        """Take exemplars of the test videos."""
        self._prepare(runner, runner.test_loop.dataloader)

    def before_val_epoch(self, runner) -> None:
        """Take exemplars of the validation videos."""
        self._prepare(runner, runner.val_loop.dataloader)

    def after_test_epoch(self, runner, metrics=None) -> None:
        """Remove the exemplars."""
        if getattr(_unwrap(runner.model), 'labelled_frames', None):
            _unwrap(runner.model).offline = None

    after_val_epoch = after_test_epoch

    def _prepare(self, runner, loader: DataLoader) -> None:
        model = _unwrap(runner.model)
        settings = getattr(model, 'labelled_frames', None)
        if not settings:
            return
        chosen = choose_items(loader, settings['frames'])
        dataset = loader.dataset
        if settings['crop_shift'] is not None:
            dataset = dataset.shifted(settings['crop_shift'])
        batches = DataLoader(
            Subset(dataset, chosen),
            batch_size=loader.batch_size or 16,
            num_workers=loader.num_workers,
            collate_fn=loader.collate_fn)
        if is_main_process():
            batches = track(batches, unit='batches')
        model.eval()
        model.offline = {}
        for batch in batches:
            batch = model.data_preprocessor(batch, False)
            for frame, exemplars in zip(*model.extract_exemplars(**batch)):
                known = model.offline.setdefault(frame.key, {})
                known[frame.frame_index] = exemplars


def choose_items(loader: DataLoader, frames) -> List[int]:
    """Indices of the labelled frames (see :func:`labelled_positions`) of the
    videos that a data loader's sampler gives to this process, in time; a
    ValueError if one is not whole."""
    if not hasattr(loader.dataset, 'videos'):
        raise TypeError(
            'test_cfg.memory needs whole videos, and the data set '
            f'{type(loader.dataset).__name__} knows none: use '
            'SubJhmdbDataset, PennActionDataset or another VideoCocoDataset')
    mine, chosen = set(loader.sampler), []
    for name, items in loader.dataset.videos:
        present = mine.intersection(items.tolist())
        if not present:
            continue
        if len(present) < len(items):
            raise ValueError(
                f'only {len(present)} of the {len(items)} frames of video '
                f'"{name}" are in this process: test_cfg.memory needs whole '
                "videos, sampler=dict(type='VideoSampler')")
        chosen += [
            int(items[i]) for i in labelled_positions(len(items), frames)
        ]
    return chosen


def _unwrap(model):
    return model.module if is_model_wrapper(model) else model
