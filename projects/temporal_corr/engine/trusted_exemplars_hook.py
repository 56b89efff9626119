# Copyright (c) temporal_corr authors. All rights reserved.
from typing import List

from mmengine.dist import is_main_process
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.utils import ProgressBar
from mmpose.registry import HOOKS
from torch.utils.data import DataLoader, Subset

from ..models.trusted_exemplars import TrustedCollector, labelled_positions


@HOOKS.register_module()
class TrustedExemplarsHook(Hook):
    """The first of two passes over recorded videos.

    Does nothing unless the model has ``test_cfg.trusted``, a dict with

    - ``source`` (str): ``'predictions'``, no labels are looked at, or
      ``'labels'``, some frames of each video are labelled, which their
      annotations stand for.
    - ``num_frames`` (int), for predictions: into how many parts each video is
      cut; of each, the most confident frame of each keypoint is trusted.
      Defaults to 8.
    - ``rule`` (str), for predictions: ``'confidence'``, or ``'agreement'``,
      the most confident of the frames in which the keypoint is close to the
      running median of its positions. Defaults to ``'confidence'``.
    - ``frames``, for labels: ``'first'``, ``'middle'``, ``'last'``, or every
      so many frames. Defaults to ``'first'``.
    - ``crop_shift``, for labels: how the crops of the labelled frames are
      shifted, in place of the data set's own ``crop_shift``: what is
      remembered then stands elsewhere in its crop than what is sought.
    - ``merge`` (str): ``'nearest'``, each keypoint is guided by the exemplar
      that is closest in time, the default for labels, or ``'average'``, the
      heatmaps by all trusted frames are averaged, the default for
      predictions.

    Then it runs over the frames before each validation and test, and the
    estimator is guided by the exemplars that were chosen. Predictions of a
    labelled frame are predictions, too: its label is not their answer.
    """

    priority = 'VERY_LOW'

    def before_test_epoch(self, runner) -> None:
        """Run over the test videos."""
        self._prepare(runner, runner.test_loop.dataloader)

    def before_val_epoch(self, runner) -> None:
        """Run over the validation videos."""
        self._prepare(runner, runner.val_loop.dataloader)

    def after_test_epoch(self, runner, metrics=None) -> None:
        """Forget them."""
        _unwrap(runner.model).__dict__.get('trusted', {}).clear()

    after_val_epoch = after_test_epoch

    def _prepare(self, runner, loader: DataLoader) -> None:
        model = _unwrap(runner.model)
        settings = getattr(model, 'test_cfg', None) or {}
        if not settings.get('trusted'):
            return
        settings = check_trusted(settings['trusted'])
        # What the model does with them, spelt out.
        model.test_cfg['trusted']['merge'] = settings['merge']
        chosen = choose_items(loader, settings.get('frames', 1))
        model.eval()
        model.trusted.clear()
        collector = TrustedCollector(
            settings.get('num_frames'), settings.get('rule'))
        dataset = loader.dataset
        if settings.get('crop_shift') is not None:
            dataset = dataset.shifted(settings['crop_shift'])
        first_pass = DataLoader(
            Subset(dataset, chosen),
            batch_size=loader.batch_size or 16,
            num_workers=loader.num_workers,
            collate_fn=loader.collate_fn)
        bar = None
        if is_main_process():
            bar = ProgressBar(len(first_pass))
        for batch in first_pass:
            batch = model.data_preprocessor(batch, False)
            collector.add(*model.exemplars(
                **batch, labelled=settings['source'] == 'labels'))
            if bar:
                bar.update()
        model.trusted.update(collector.finish())


def choose_items(loader: DataLoader, frames) -> List[int]:
    """Items of a data loader's videos that a first pass looks at.

    Args:
        loader (DataLoader): A loader of video frames; those that its
            sampler gives to this process count.
        frames (str | int): See :func:`labelled_positions`; 1 is all.

    Returns:
        list[int]: Indices into the data set, video by video, in time.

    Raises:
        TypeError: If the data set knows no videos.
        ValueError: If a video is not whole in this process.
    """
    if not hasattr(loader.dataset, 'videos'):
        raise TypeError(
            'test_cfg.trusted needs whole videos, and the data set '
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
                f'"{name}" are in this process: test_cfg.trusted needs whole '
                "videos, sampler=dict(type='VideoSampler')")
        chosen += [
            int(items[i]) for i in labelled_positions(len(items), frames)
        ]
    return chosen


def check_trusted(settings: dict) -> dict:
    """Check ``test_cfg.trusted``.

    Args:
        settings (dict): As :class:`TrustedExemplarsHook` describes it.

    Returns:
        dict: The same with defaults in their places.

    Raises:
        ValueError: If a setting is not known, or its value is not.
    """
    defaults = dict(
        predictions=dict(num_frames=8, rule='confidence', merge='average'),
        labels=dict(frames='first', crop_shift=None, merge='nearest'))
    source = settings.get('source')
    if source not in defaults:
        raise ValueError(
            "test_cfg.trusted.source must be 'predictions' or 'labels', got "
            f'{source!r}')
    settings = dict(defaults[source], **settings)
    unknown = sorted(set(settings) - {'source', *defaults[source]})
    if unknown:
        raise ValueError(f'test_cfg.trusted with source={source!r} has no '
                         f'{unknown[0]!r}')
    if source == 'predictions':
        num_frames = settings['num_frames']
        if not isinstance(num_frames, int) or num_frames < 1:
            raise ValueError('test_cfg.trusted.num_frames must be a positive '
                             f'integer, got {num_frames!r}')
    else:
        labelled_positions(1, settings['frames'])
    for name, choices in dict(
            rule=('confidence', 'agreement'),
            merge=('nearest', 'average')).items():
        if settings.get(name, choices[0]) not in choices:
            raise ValueError(f'test_cfg.trusted.{name} must be one of '
                             f'{choices}, got {settings[name]!r}')
    return settings


def _unwrap(model):
    return model.module if is_model_wrapper(model) else model
