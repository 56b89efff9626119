# Copyright (c) temporal_corr authors. All rights reserved.
"""What to remember: test trained models with each exemplar policy.

    exemplar_memory.py --single CONFIG CHECKPOINT... \
        --correlation CONFIG CHECKPOINT... --out results/NAME.json

One checkpoint of each a seed, in the same order. Prints and writes a table
(.md beside the JSON file) and draws PCK against the distance from the first
frame. What is finished is in the file and is not run again.
"""
import argparse
import copy
import json
import os
import os.path as osp
import shlex
import sys
import time
from typing import Callable, Dict, List, Optional

import numpy as np
import torch
from mmengine.config import Config, ConfigDict
from mmengine.hooks import Hook
from mmengine.registry import init_default_scope
from mmengine.runner import Runner

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))
import repo_path  # noqa: F401, E402

from projects.temporal_corr.engine import AtomicLocalBackend  # noqa: E402
from projects.temporal_corr.engine import TrustedExemplarsHook  # noqa: E402
from projects.temporal_corr.engine.launch import prepare_launcher  # noqa: E402
from projects.temporal_corr.evaluation.pck import (  # noqa: E402
    group_accuracy, keypoint_accuracy, keypoint_hits, mean_of_known)
from projects.temporal_corr.visualization import save_figure  # noqa: E402

from benchmarks.held_bytes import held_bytes  # noqa: E402 isort: skip
from frame_stride import identity, load_config  # noqa: E402 isort: skip
from memory_settings import SETTINGS, MemorySetting  # noqa: E402 isort: skip
from memory_table import (  # noqa: E402 isort: skip
    MEMORY_KIND, draw_distances, memory_table)
from provenance import (  # noqa: E402 isort: skip
    describe_code, describe_machine)
from stride_evaluation import (  # noqa: E402 isort: skip
    KeepPredictionsHook, build_test_dataset)

#: Distances from the labelled frame are put together by so many frames.
BIN = 5


def parse_args():
    parser = argparse.ArgumentParser(
        description='Test trained models with each exemplar policy')
    parser.add_argument(
        '--single',
        nargs='+',
        required=True,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='config of the single-frame model and a checkpoint a seed')
    parser.add_argument(
        '--correlation',
        nargs='+',
        required=True,
        metavar=('CONFIG', 'CHECKPOINT'),
        help='config of the correlation model and a checkpoint a seed')
    parser.add_argument(
        '--settings',
        nargs='+',
        choices=[setting.name for setting in SETTINGS],
        help='only these. Defaults to all')
    parser.add_argument('--out', required=True, help='results file: .json')
    parser.add_argument(
        '--figure', help='picture of PCK against the distance: .png, .pdf')
    args = parser.parse_args()
    if len(args.single) != len(args.correlation) or len(args.single) < 2:
        parser.error('give --single and --correlation a config each and as '
                     'many checkpoints as there are seeds')
    if not args.out.endswith('.json'):
        parser.error('--out must end with .json')
    return args


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


def run(args, content: dict, save: Callable) -> None:
    """Run all tests that are left to do.

    Args:
        args: The command line.
        content (dict): The content of the file; gets the results.
        save (Callable): Called after each test.
    """
    chosen = [s for s in SETTINGS if s.name in (args.settings or s.name)]
    jobs = [('single frame', args.single, [None])]
    jobs.append(('correlation', args.correlation, chosen))
    rows = {row['name']: row for row in content['rows']}
    for model, (config, *checkpoints), settings in jobs:
        for seed, checkpoint in enumerate(checkpoints):
            cfg = load_config(config, checkpoint, {})
            init_default_scope(cfg.get('default_scope', 'mmpose'))
            mark = identity(cfg, build_test_dataset(cfg, 1).ann_file)
            metric = cfg.test_evaluator
            cfg.test_evaluator = [metric, dict(type='KeypointAcceleration')]
            cfg.work_dir = osp.join(
                osp.splitext(args.out)[0], f'{model}_{seed}'.replace(' ', '_'))
            cfg.experiment_name = f'{model}_{seed}'
            evaluation = None
            for setting in settings:
                name = setting.name if setting else model
                row = rows.setdefault(
                    name,
                    dict(
                        name=name,
                        model=model,
                        config=shown_path(config),
                        test_cfg=setting.test_cfg if setting else {},
                        seeds={}))
                if row['seeds'].get(str(seed), {}).get('identity') == mark:
                    continue
                if evaluation is None:
                    evaluation = MemoryEvaluation(
                        prepare_launcher(cfg, 'none'))
                print(f'\n{name}, seed {seed}', flush=True)
                row['seeds'][str(seed)] = dict(
                    identity=mark, **evaluation.test(setting))
                order = ['single frame', *(s.name for s in SETTINGS)]
                content['rows'] = [rows[n] for n in order if n in rows]
                save()


def shown_path(path: str) -> str:
    """A path without the folders of this machine."""
    parts = osp.normpath(path).split(os.sep)
    first = parts.index('work_dirs') if 'work_dirs' in parts else -1
    return '/'.join(parts[first:])


def main():
    args = parse_args()
    content = dict(kind=MEMORY_KIND, rows=[])
    if osp.isfile(args.out):
        with open(args.out, encoding='utf-8') as file:
            content = json.load(file)
        if content.get('kind') != MEMORY_KIND:
            raise ValueError(f'{args.out} is none of this tool: choose '
                             'another --out')
    content.update(
        thr=load_config(*args.single[:2], {}).test_evaluator.get('thr'),
        command=shlex.join([
            'python', 'tools/analysis_tools/exemplar_memory.py', '--single',
            *map(shown_path, args.single), '--correlation',
            *map(shown_path, args.correlation), '--out',
            osp.basename(args.out)
        ]),
        **describe_code(),
        **describe_machine(torch.get_num_threads()))

    def save():
        AtomicLocalBackend().put_text(
            json.dumps(content, indent=1) + '\n', args.out)

    run(args, content, save)
    save()
    table = memory_table(content)
    AtomicLocalBackend().put_text(table, f'{osp.splitext(args.out)[0]}.md')
    print(f'\n{table}\n{args.out}')
    if args.figure:
        save_figure(draw_distances(content), args.figure)


if __name__ == '__main__':
    try:
        main()
    except (ValueError, TypeError, FileNotFoundError, RuntimeError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
