# Copyright (c) temporal_corr authors. All rights reserved.
"""What labelled frames of a clip are worth without a network.

    label_rivals.py projects/temporal_corr/configs/studies/jhmdb6_movenet.py \
        --out results/NAME.json

The label is kept, interpolated or moved along by optical flow, on the test
data and by the metrics of a study (not smoothed), so that it can stand beside
the rows of a model that takes labels as exemplars. A labelled frame has the
label itself.

Shapes: T frames of a video, L of them labelled, K keypoints. ``numbers`` are
the positions of the labelled frames among the T, ascending.
"""
import argparse
import json
import os.path as osp
import sys
from typing import Callable, Dict, Iterator, List, Sequence, Tuple, Union

import cv2
import mmcv
import numpy as np
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.registry import init_default_scope

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))
from repo_path import config_path  # noqa: E402

from projects.temporal_corr.engine import AtomicLocalBackend  # noqa: E402
from projects.temporal_corr.models.trusted_exemplars import \
    labelled_positions  # noqa: E402

from ablation_results import KIND  # noqa: E402 isort: skip
from ablation_study import build_config, read_study  # noqa: E402 isort: skip
from provenance import without_folders  # noqa: E402 isort: skip
from stride_evaluation import build_test_dataset  # noqa: E402 isort: skip


def keep_nearest(labels: np.ndarray, numbers: Sequence[int],
                 total: int) -> np.ndarray:
    """The label that is closest in time, of two the earlier one.

    Args:
        labels (np.ndarray): Keypoints in shape (L, K, 2).
        numbers (Sequence[int]): Where they are.
        total (int): T.

    Returns:
        np.ndarray: Keypoints in shape (T, K, 2).
    """
    return labels[_nearest(numbers, total)]


def interpolate(labels: np.ndarray, numbers: Sequence[int],
                total: int) -> np.ndarray:
    """Straight on from label to label, at rest before and after; otherwise
    as :func:`keep_nearest`."""
    flat = labels.reshape(len(labels), -1).T
    found = [np.interp(np.arange(total), numbers, values) for values in flat]
    return np.stack(found, axis=1).reshape(total, *labels.shape[1:])


def in_boxes(fill: Callable, labels: np.ndarray, numbers: Sequence[int],
             boxes: np.ndarray) -> np.ndarray:
    """One of the two above within square boxes around the person.

    Args:
        fill (Callable): :func:`keep_nearest` or :func:`interpolate`.
        labels (np.ndarray): Keypoints in shape (L, K, 2).
        numbers (Sequence[int]): Where they are.
        boxes (np.ndarray): x1, y1, x2, y2 in shape (T, 4).

    Returns:
        np.ndarray: Keypoints in shape (T, K, 2).
    """
    corners = np.asarray(boxes, np.float64).reshape(-1, 2, 2)
    centers = corners.mean(axis=1, keepdims=True)
    sizes = np.ptp(corners, axis=1).max(axis=1)[:, None, None]
    numbers = list(numbers)
    inside = (labels - centers[numbers]) / sizes[numbers]
    return fill(inside, numbers, len(boxes)) * sizes + centers


def follow(step: Callable, images: Sequence[np.ndarray], labels: np.ndarray,
           numbers: Sequence[int]) -> np.ndarray:
    """Move each label from frame to frame, on and back, as far as it is the
    closest one.

    Args:
        step (Callable): :func:`lucas_kanade` or :func:`dis_flow`.
        images (Sequence[np.ndarray]): T grey images, uint8.
        labels (np.ndarray): Keypoints in shape (L, K, 2).
        numbers (Sequence[int]): Where they are.

    Returns:
        np.ndarray: Keypoints in shape (T, K, 2).
    """
    total = len(images)
    nearest = _nearest(numbers, total)
    found = labels[nearest].astype(np.float64)
    for label, start in enumerate(numbers):
        for way in (1, -1):
            now = start + way
            while 0 <= now < total and nearest[now] == label:
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


def _nearest(numbers: Sequence[int], total: int) -> np.ndarray:
    distances = np.abs(np.arange(total)[:, None] - np.asarray(numbers))
    return distances.argmin(axis=1)


#: By name, each a function of labels, numbers, boxes and images.
RIVALS: Dict[str, Callable] = {
    'kept in the box':
    lambda x, at, boxes, _: in_boxes(keep_nearest, x, at, boxes),
    'kept in the image':
    lambda x, at, boxes, _: keep_nearest(x, at, len(boxes)),
    'interpolated in the box':
    lambda x, at, boxes, _: in_boxes(interpolate, x, at, boxes),
    'interpolated in the image':
    lambda x, at, boxes, _: interpolate(x, at, len(boxes)),
    'Lucas-Kanade':
    lambda x, at, _, images: follow(lucas_kanade, images, x, at),
    'DIS flow':
    lambda x, at, _, images: follow(dis_flow, images, x, at),
}


def evaluate(cfg: Config, labelled: Sequence[Union[str, int]]
             ) -> Tuple[Dict[str, dict], dict]:
    """Score all rivals.

    Args:
        cfg (Config): Config of a test.
        labelled (Sequence[str | int]): Which frames are labelled, see
            :func:`labelled_positions`.

    Returns:
        tuple: Metrics by name, and what was tested.
    """
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    dataset = build_test_dataset(cfg, 1)
    metrics = cfg.test_evaluator
    metrics = metrics if isinstance(metrics, (list, tuple)) else [metrics]
    # They are smooth as they are.
    metrics = [metric for metric in metrics if not metric.get('smoothing')]
    evaluators = {}
    for frames, name, _ in _combinations(labelled):
        evaluators[frames, name] = Evaluator(metrics)
        evaluators[frames, name].dataset_meta = dataset.metainfo
    for number, (video, items) in enumerate(dataset.videos, start=1):
        infos = [dataset.get_data_info(int(item)) for item in items]
        images = [
            mmcv.imread(info['img_path'], flag='grayscale') for info in infos
        ]
        truth, boxes = (
            np.concatenate([info[key] for info in infos])
            for key in ('keypoints', 'bbox'))
        for frames, name, rival in _combinations(labelled):
            numbers = labelled_positions(len(items), frames)
            found = rival(truth[numbers], numbers, boxes, images)
            evaluators[frames, name].process(
                [_sample(*pair) for pair in zip(infos, found)])
        print(f'[{number}/{len(dataset.videos)}] {video}', flush=True)
    tested = dict(
        ann_file=osp.basename(dataset.ann_file),
        videos=len(dataset.videos),
        frames=len(dataset),
        leaked_videos=0,
        thr=next(iter(evaluators.values())).metrics[0].thr)
    return {
        f'{_title(frames)}: {name}': {
            key: float(value)
            for key, value in evaluator.evaluate(len(dataset)).items()
        }
        for (frames, name), evaluator in evaluators.items()
    }, tested


def _combinations(labelled: Sequence[Union[str, int]]) -> Iterator[tuple]:
    """Which frames are labelled, and a rival by its name. Between less than
    two labels there is nothing to interpolate."""
    for frames in labelled:
        for name, rival in RIVALS.items():
            if isinstance(frames, int) or 'interpolated' not in name:
                yield frames, name, rival


def _title(frames: Union[str, int]) -> str:
    if isinstance(frames, int):
        return f'every {frames}th frame labelled'
    return f'{frames} frame labelled'


def _sample(info: dict, keypoints: np.ndarray) -> dict:
    """A frame as metrics take it."""
    gt = dict(
        keypoints=info['keypoints'],
        keypoints_visible=info['keypoints_visible'],
        bboxes=info['bbox'],
        bbox_size=info['bbox_size'])
    pred = dict(
        keypoints=keypoints[None],
        keypoint_scores=np.ones((1, len(keypoints))),
        keypoints_visible=np.ones((1, len(keypoints))))
    return dict(info, gt_instances=gt, pred_instances=pred)


def parse_args():
    parser = argparse.ArgumentParser(
        description='What labelled frames are worth without a network')
    parser.add_argument('study', help='study file path')
    parser.add_argument(
        '--labels',
        nargs='+',
        default=['first', 'middle', '10'],
        help='labelled frames: first, middle, last, or every so many. '
        'Defaults to first middle 10')
    parser.add_argument('--out', required=True, help='results file: .json')
    args = parser.parse_args()
    if not args.out.endswith('.json'):
        parser.error('--out must end with .json')
    args.labels = [int(x) if x.isdigit() else x for x in args.labels]
    return args


def main():
    args = parse_args()
    labels: List[Union[str, int]] = args.labels
    for frames in labels:
        labelled_positions(1, frames)
    study = read_study(config_path(args.study))
    cfg = build_config(study.rows[0], study.common, 0, None)
    found, tested = evaluate(cfg, labels)
    content = dict(
        kind=KIND,
        study=study.name,
        command=f'python tools/analysis_tools/label_rivals.py {args.study} '
        f'--labels {" ".join(map(str, labels))} '
        f'--out {without_folders(args.out)}',
        start=None,
        # Nothing is trained, and nothing is drawn.
        rows=[
            dict(
                name=name,
                seeds={'0': dict(training=None, tested=tested, metrics=part)})
            for name, part in found.items()
        ])
    AtomicLocalBackend().put_text(
        json.dumps(content, indent=1) + '\n', args.out)
    print(args.out)


if __name__ == '__main__':
    try:
        main()
    except (ValueError, TypeError, FileNotFoundError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
