# Copyright (c) temporal_corr authors. All rights reserved.
"""Tests of one model at several temporal downsampling rates."""
import copy
from typing import Dict, Iterator, Optional, Set

import torch.nn as nn
from mmengine.config import Config
from mmengine.hooks import Hook
from mmengine.model import is_model_wrapper
from mmengine.runner import Runner
from mmpose.models import TopdownPoseEstimator
from mmpose.registry import DATASETS
from mmpose.structures import PoseDataSample

from projects.temporal_corr.datasets.formatting import VIDEO_META_KEYS
from projects.temporal_corr.engine.trained_videos_hook import \
    trained_videos_hook

#: What tells the items of a data set of videos apart.
FRAME_KEY = ('video_id', 'frame_index', 'track_id')


def build_test_dataset(cfg: Config, stride: int):
    """The test data set of a config with every so many frames.

    Args:
        cfg (Config): The config.
        stride (int): Keep every so many frames of each video.

    Returns:
        The data set.

    Raises:
        TypeError: If the data set knows no videos or no ``frame_stride``.
    """
    settings = copy.deepcopy(cfg.test_dataloader.dataset)
    plain = DATASETS.get(settings.type)
    if not hasattr(plain, 'videos'):
        raise TypeError(
            f'test_dataloader.dataset of {cfg.filename} is a {settings.type}, '
            'which has no frame_stride: use SubJhmdbDataset or '
            'PennActionDataset without a wrapper')
    settings.frame_stride = stride
    return DATASETS.build(settings)


def predicts_frames_alone(model: nn.Module) -> bool:
    """Whether a prediction depends on its own frame only.

    Args:
        model (nn.Module): The model, wrapped or not.

    Returns:
        bool: True for top-down models whose head is not temporal.
    """
    while is_model_wrapper(model):
        model = model.module
    return (isinstance(model, TopdownPoseEstimator)
            and getattr(model.head, 'temporal', None) is None)


class StrideEvaluation:
    """One model, loaded once, tested at one stride after the other.

    Tests as ``Runner.test`` does with ``test_dataloader.dataset.frame_stride``
    set. A model that predicts every frame alone is not run again on frames
    that it has seen: their predictions are scored again.

    Args:
        cfg (Config): Config of the test, with ``load_from`` and ``work_dir``.
    """

    def __init__(self, cfg: Config) -> None:
        self.runner = Runner.from_cfg(cfg)
        self.record = trained_videos_hook(self.runner)
        self.kept: Optional[KeepPredictionsHook] = None
        self.seen: Set[tuple] = set()

    def describe(self) -> dict:
        """What was tested, see :meth:`TrainedVideosHook.describe_test`."""
        return self.record.describe_test(self.runner)

    def test(self, stride: int) -> dict:
        """Test at one stride.

        Args:
            stride (int): Keep every so many frames of each video.

        Returns:
            dict: The metrics, fractions, and ``num_frames``.
        """
        dataset = build_test_dataset(self.runner.cfg, stride)
        if self.kept is None and self._frames_are_alone(dataset):
            self.kept = KeepPredictionsHook()
            self.runner.register_hook(self.kept)
        keys = set() if self.kept is None else set(frame_keys(dataset))
        if keys and keys <= self.seen:
            metrics = self._score(dataset)
        else:
            metrics = self._run(stride)
            self.seen |= keys
        return dict(metrics, num_frames=len(dataset))

    def _frames_are_alone(self, dataset) -> bool:
        """Whether predictions can be kept: a matter of model and pipeline."""
        return (predicts_frames_alone(self.runner.model)
                # The crop of a video depends on which frames are kept.
                and getattr(dataset, 'crop', 'box') != 'video'
                and all(name in dataset[0]['data_samples'].metainfo
                        for name in FRAME_KEY))

    def _run(self, stride: int) -> dict:
        """``Runner.test`` with another stride; the model stays as it is."""
        runner, cfg = self.runner, self.runner.cfg
        loader = copy.deepcopy(cfg.test_dataloader)
        loader.dataset.frame_stride = stride
        # A Runner builds its test loop once. These make it build another.
        runner._test_dataloader = loader
        runner._test_loop = cfg.test_cfg
        return runner.test()

    def _score(self, dataset) -> Dict[str, float]:
        """The metrics of predictions made before; each rank has its own."""
        evaluator = self.runner.test_loop.evaluator
        for index in range(len(dataset)):
            info = dataset.get_data_info(index)
            sample = self.kept.samples.get(_key(info))
            if sample is None:
                continue
            # Which frame comes before depends on the stride.
            sample.set_metainfo(
                {name: info[name]
                 for name in VIDEO_META_KEYS if name in info})
            evaluator.process([sample])
        return evaluator.evaluate(len(dataset))


class KeepPredictionsHook(Hook):
    """Keeps the predictions of a test, by frame, beside the ground truth.

    Attributes:
        samples (dict): Data samples with ``gt_instances`` and
            ``pred_instances`` by video, frame and person.
    """

    def __init__(self) -> None:
        self.samples: dict = {}

    def after_test_iter(self,
                        runner,
                        batch_idx,
                        data_batch=None,
                        outputs=None) -> None:
        """Keep the predictions of a batch."""
        for output in outputs:
            self.samples[_key(output.metainfo)] = PoseDataSample(
                metainfo=output.metainfo,
                gt_instances=output.gt_instances.cpu(),
                pred_instances=output.pred_instances.cpu())


def frame_keys(dataset) -> Iterator[tuple]:
    """Video, frame and person of each item of a data set."""
    for index in range(len(dataset)):
        yield _key(dataset.get_data_info(index))


def _key(info: dict) -> tuple:
    return tuple(info[name] for name in FRAME_KEY)
