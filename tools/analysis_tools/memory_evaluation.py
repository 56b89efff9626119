# Copyright (c) temporal_corr authors. All rights reserved.
"""One model, tested with one way to remember after the other."""
import copy
import time
from typing import Dict, List, Optional

import numpy as np
from benchmarks.held_bytes import held_bytes
from memory_settings import MemorySetting
from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.runner import Runner
from stride_evaluation import KeepPredictionsHook

from projects.temporal_corr.engine import TrustedExemplarsHook
from projects.temporal_corr.evaluation.pck import (group_accuracy,
                                                   keypoint_accuracy,
                                                   keypoint_hits,
                                                   mean_of_known)

#: Distances from the labelled frame are put together by so many frames.
BIN = 5


class MemoryEvaluation:
    """One model, loaded once, tested with one setting after the other.

    Args:
        cfg (Config): Config of the test, with ``load_from`` and
            ``work_dir``.
    """

    def __init__(self, cfg: Config) -> None:
        self.runner = Runner.from_cfg(cfg)
        self.test_cfg = copy.deepcopy(self.runner.model.test_cfg)
        self.kept = KeepPredictionsHook()
        self.held = HeldBytesHook()
        hooks = [self.kept, self.held]
        if not any(
                isinstance(hook, TrustedExemplarsHook)
                for hook in self.runner.hooks):
            hooks.append(TrustedExemplarsHook())
        for hook in hooks:
            self.runner.register_hook(hook)

    def test(self, setting: Optional[MemorySetting]) -> dict:
        """Test with a setting; None leaves the model's own.

        Returns:
            dict: ``metrics`` (fractions), ``by_distance`` (Mean by the
            distance from the labelled, or else the first, frame),
            ``bytes_per_person`` held between frames, ``frames`` and
            ``seconds`` of the whole test.
        """
        model = self.runner.model
        options = {} if setting is None else setting.test_cfg
        model.test_cfg = ConfigDict({**self.test_cfg, **options})
        if hasattr(model.head, 'set_policy'):
            model.head.set_policy(options.get('memory'))
        self.kept.samples.clear()
        self.held.held = 0
        start = time.perf_counter()
        metrics = self.runner.test()
        seconds = time.perf_counter() - start
        samples = list(self.kept.samples.values())
        labelled = 'middle' if (setting
                                and setting.labels == 'middle') else 'first'
        held = self.held.held
        return dict(
            metrics={name: float(value) for name, value in metrics.items()},
            by_distance=self._by_distance(samples, labelled),
            frames=len(samples),
            bytes_per_person=held,
            seconds=seconds)

    def _by_distance(self, samples: list, labelled: str) -> Dict[int, float]:
        """Mean of the groups, by the upper end of each bin of distances."""
        videos: Dict[str, List[int]] = {}
        for sample in samples:
            videos.setdefault(sample.video_id, []).append(sample.frame_index)
        origin = {}
        for name, numbers in videos.items():
            numbers.sort()
            middle = (len(numbers) - 1) // 2
            origin[name] = numbers[middle if labelled == 'middle' else 0]
        pred, gt, visible, size, distance = (np.stack(part) for part in zip(*[
            (sample.pred_instances.keypoints[0],
             sample.gt_instances.keypoints[0],
             np.asarray(sample.gt_instances.keypoints_visible).reshape(-1),
             np.asarray(sample.gt_instances.bbox_size).max(),
             abs(sample.frame_index - origin[sample.video_id]))
            for sample in samples
        ]))
        metric = self.runner.test_loop.evaluator.metrics[0]  # PCK
        hits = keypoint_hits(pred, gt, size, metric.thr)
        meta = metric.dataset_meta
        groups = {
            name: [meta['keypoint_name2id'][part] for part in parts]
            for name, parts in meta['pck_groups'].items()
        }
        bins = -(-distance // BIN) * BIN
        return {
            int(end): mean_of_known(
                list(
                    group_accuracy(
                        keypoint_accuracy(hits[bins == end],
                                          visible[bins == end] > 0),
                        groups).values()))
            for end in np.unique(bins)
        }


class HeldBytesHook(Hook):
    """Notes how much a model holds of one person between frames.

    Attributes:
        held (int): Bytes.
    """

    held = 0

    def after_test_iter(self, runner, batch_idx, **kwargs) -> None:
        """Look at what is held of whoever goes on."""
        model = runner.model
        if len(model.memory):
            self.held = max(self.held,
                            held_bytes(model.memory) // len(model.memory))
        for entry in model.trusted.values():
            part = entry.exemplars
            self.held = max(self.held, part.numel() * part.element_size())
