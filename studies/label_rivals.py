# Copyright (c) temporal_corr authors. All rights reserved.
"""Baselines without a network: labels carried on to the other frames.

    python -m studies.label_rivals studies/configs/jhmdb6_movenet.py \
        --out results/NAME.json

The labels of some frames are copied, interpolated or propagated by optical
flow, on the test data and by the metrics of a study (not smoothed), to be
compared with a model that takes labels as exemplars. A labelled frame keeps
its label.

Shapes: T frames of a video, L of them labelled, K keypoints. ``numbers`` are
the positions of the labelled frames among the T, ascending.
"""
import argparse
import os.path as osp
from functools import partial
from typing import Callable, Dict, List, Sequence, Tuple, Union

import cv2
import mmcv
import numpy as np
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

from projects.temporal_corr.models.offline_exemplars import labelled_positions
from projects.temporal_corr.video_io.arguments import run_command
from projects.temporal_corr.video_io.progress import Progress

from .provenance import without_folders
from .study import build_config, read_study
from .table import KIND, write_results


def nearest(numbers: Sequence[int], total: int) -> np.ndarray:
    """Index of the label closest in time, the earlier one of two, (T, )."""
    return np.abs(np.arange(total)[:, None] - np.asarray(numbers)).argmin(1)


def keep_nearest(labels: np.ndarray, numbers: Sequence[int],
                 total: int) -> np.ndarray:
    """The closest label: (L, K, 2) to (T, K, 2)."""
    return labels[nearest(numbers, total)]


def interpolate(labels: np.ndarray, numbers: Sequence[int],
                total: int) -> np.ndarray:
    """Linear interpolation, constant before the first and after the last
    label: (L, K, 2) to (T, K, 2)."""
    flat = labels.reshape(len(labels), -1).T
    found = [np.interp(np.arange(total), numbers, values) for values in flat]
    return np.stack(found, axis=1).reshape(total, *labels.shape[1:])


def in_image(fill: Callable, labels, numbers, boxes, images) -> np.ndarray:
    """One of the two above in pixels of the image."""
    return fill(labels, numbers, len(boxes))


def in_boxes(fill: Callable, labels, numbers, boxes, images) -> np.ndarray:
    """The same within square boxes (x1, y1, x2, y2 in shape (T, 4))."""
    corners = np.asarray(boxes, np.float64).reshape(-1, 2, 2)
    centers = corners.mean(axis=1, keepdims=True)
    sizes = np.ptp(corners, axis=1).max(axis=1)[:, None, None]
    numbers = list(numbers)
    inside = (labels - centers[numbers]) / sizes[numbers]
    return fill(inside, numbers, len(boxes)) * sizes + centers


def follow(step: Callable, labels, numbers, boxes, images) -> np.ndarray:
    """Propagate each label through T grey images, forwards and backwards, as
    far as it is the closest one."""
    closest = nearest(numbers, len(images))
    found = labels[closest].astype(np.float64)
    for label, start in enumerate(numbers):
        for way in (1, -1):
            now = start + way
            while 0 <= now < len(images) and closest[now] == label:
                found[now] = step(images[now - way], images[now],
                                  found[now - way])
                now += way
    return found


def lucas_kanade(image: np.ndarray, other: np.ndarray,
                 points: np.ndarray) -> np.ndarray:
    """Points (K, 2) of one image in the other by pyramidal Lucas-Kanade;
    those that it loses stay where they are."""
    before = np.asarray(points, np.float32).reshape(-1, 1, 2)
    after, found, _ = cv2.calcOpticalFlowPyrLK(image, other, before, None)
    return np.where(found == 1, after[:, 0], points)


def dis_flow(image: np.ndarray, other: np.ndarray,
             points: np.ndarray) -> np.ndarray:
    """Points (K, 2) of one image in the other by dense DIS flow."""
    preset = cv2.DISOPTICAL_FLOW_PRESET_MEDIUM
    flow = cv2.DISOpticalFlow_create(preset).calc(image, other, None)
    x, y = np.asarray(points, np.float32).T
    moved = cv2.remap(
        flow, x, y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return points + moved.reshape(-1, 2)


#: By name, each a function of labels, numbers, boxes and images.
RIVALS: Dict[str, Callable] = {
    'kept in the box': partial(in_boxes, keep_nearest),
    'kept in the image': partial(in_image, keep_nearest),
    'interpolated in the box': partial(in_boxes, interpolate),
    'interpolated in the image': partial(in_image, interpolate),
    'Lucas-Kanade': partial(follow, lucas_kanade),
    'DIS flow': partial(follow, dis_flow),
}


def evaluate(cfg: Config, labelled: Sequence[Union[str, int]]
             ) -> Tuple[Dict[str, dict], dict]:
    """Score all rivals on the test data of a config, with labels of the
    frames that :func:`labelled_positions` takes: metrics by name, and what
    was tested."""
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    metrics = cfg.test_evaluator
    metrics = metrics if isinstance(metrics, (list, tuple)) else [metrics]
    # They are smooth as they are.
    metrics = [metric for metric in metrics if not metric.get('smoothing')]
    # Between less than two labels there is nothing to interpolate.
    evaluators = {(frames, name): Evaluator(metrics)
                  for frames in labelled for name in RIVALS
                  if isinstance(frames, int) or 'interpolated' not in name}
    for evaluator in evaluators.values():
        evaluator.dataset_meta = dataset.metainfo
    with Progress(len(dataset)) as progress:
        for _, items in dataset.videos:
            infos = [dataset.get_data_info(int(item)) for item in items]
            images = [mmcv.imread(info['img_path'], flag='grayscale')
                      for info in infos]  # yapf: disable
            truth, boxes = (
                np.concatenate([info[key] for info in infos])
                for key in ('keypoints', 'bbox'))
            for (frames, name), evaluator in evaluators.items():
                numbers = labelled_positions(len(items), frames)
                found = RIVALS[name](truth[numbers], numbers, boxes, images)
                evaluator.process(
                    [_sample(*pair) for pair in zip(infos, found)])
            for _ in items:
                progress.update()
    tested = dict(
        ann_file=osp.basename(dataset.ann_file),
        videos=len(dataset.videos),
        frames=len(dataset),
        leaked_videos=0,
        thr=next(iter(evaluators.values())).metrics[0].thr)
    return {
        f'every {frames}th frame labelled: {name}' if isinstance(frames, int)
        else f'{frames} frame labelled: {name}': {
            key: float(value)
            for key, value in evaluator.evaluate(len(dataset)).items()
        }
        for (frames, name), evaluator in evaluators.items()
    }, tested


def _sample(info: dict, keypoints: np.ndarray) -> dict:
    """A frame as metrics take it."""
    scores = np.ones((1, len(keypoints)))
    return dict(
        info,
        gt_instances=dict(
            {name: info[name] for name in (
                'keypoints', 'keypoints_visible', 'bbox_size')},
            bboxes=info['bbox']),
        pred_instances=dict(keypoints=keypoints[None], keypoint_scores=scores,
                            keypoints_visible=scores))  # yapf: disable


def main(argv=None):
    parser = argparse.ArgumentParser(
        prog='python -m studies.label_rivals',
        description='Baselines that carry labels on without a network')
    add = parser.add_argument
    add('study', help='study file path')
    add('--labels', nargs='+', default=['first', 'middle', '10'],
        help='labelled frames: first, middle, or every so many. '
        'Defaults to first middle 10')
    add('--out', required=True, help='results file: .json')
    args = parser.parse_args(argv)
    labels: List[Union[str, int]] = [
        int(x) if x.isdigit() else x for x in args.labels]
    for frames in labels:
        labelled_positions(1, frames)
    study = read_study(args.study)
    found, tested = evaluate(
        build_config(study.rows[0], study.common, 0), labels)
    write_results(
        dict(
            kind=KIND,
            study=study.name,
            command=f'python -m studies.label_rivals {args.study} --labels '
            f'{" ".join(args.labels)} --out {without_folders(args.out)}',
            start=None,
            # Nothing is trained, and nothing is drawn.
            rows=[dict(name=name, seeds={
                '0': dict(training=None, tested=tested, metrics=part)
            }) for name, part in found.items()]), args.out)  # yapf: disable
    print(args.out)


if __name__ == '__main__':
    run_command(main)
