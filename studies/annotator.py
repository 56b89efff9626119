# Copyright (c) temporal_corr authors. All rights reserved.
"""What an annotator saves by labelling some frames of a clip.

    python -m studies.annotator CONFIG CHECKPOINT --out results/NAME.json

Labels are given from the ground truth, one frame after the other as
:func:`suggest_frame` asks for them, in the middle of the longest gap, or, by
who knows how many they will be, at equal distances. The frames between them
are predicted, with the labels as exemplars, or interpolated. A labelled frame
has its label; the others are also counted alone.
"""
import argparse
import os.path as osp
import sys
from collections import defaultdict
from functools import lru_cache
from typing import Callable, Dict, Iterator, List, Tuple

import numpy as np
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

from projects.temporal_corr.engine.pose_model import load_pose_model
from projects.temporal_corr.engine.safe_loading import load_checkpoint
from projects.temporal_corr.engine.trained_videos_hook import (META_KEY,
                                                               video_ids)
from projects.temporal_corr.evaluation.pck import (group_indices, group_means,
                                                   keypoint_hits)
from projects.temporal_corr.label_suggestion import suggest_frame
from projects.temporal_corr.smoothing import whittaker_smooth
from projects.temporal_corr.video_io.arguments import number, run_command
from projects.temporal_corr.video_io.progress import Progress

from .label_rivals import RIVALS, in_boxes
from .provenance import describe_code, describe_machine, without_folders
from .table import ANNOTATOR, write_results

THRESHOLDS = (0.1, 0.2)

#: Labelled frames to the keypoints (T, K, 2) of all frames and their scores.
Follow = Callable[[Tuple[int, ...]], Tuple[np.ndarray, np.ndarray]]


def clip_follower(model, dataset, items: List[int]) -> Follow:
    """Predicts the frames of a clip from any labels, without labels as in a
    stream. Features do not depend on labels: they are computed once."""
    batch = model.data_preprocessor(
        pseudo_collate([dataset[item] for item in items]), False)
    features = type(model).extract_feat(model, batch['inputs'])
    model.extract_feat = lambda inputs: features
    tracks, exemplars = model.extract_exemplars(**batch)
    first = tracks[0].frame_index

    @lru_cache(maxsize=None)
    def follow(labels: Tuple[int, ...]) -> Tuple[np.ndarray, np.ndarray]:
        model.offline = {}
        for track, row in zip(tracks, exemplars):
            if track.frame_index - first in labels:
                known = model.offline.setdefault(track.key, {})
                known[track.frame_index] = row
        found = [sample.pred_instances for sample in model.predict(**batch)]
        return (np.concatenate([pose.keypoints for pose in found]),
                np.concatenate([pose.keypoint_scores for pose in found]))

    return follow


def suggested(follow: Follow, total: int) -> Iterator[int]:
    """The frames of a clip, as they are suggested after each label."""
    labels: List[int] = []
    while len(labels) < total:
        _, scores = follow(tuple(sorted(labels)))
        labels.append(
            suggest_frame(scores, np.isin(np.arange(total), labels)).frame)
        yield labels[-1]


def halved(total: int, count: int) -> List[int]:
    """One label after the other in the middle of the longest gap."""
    labels: List[int] = []
    while len(labels) < min(count, total):
        bounds = [-1, *sorted(labels), total]
        gap = int(np.diff(bounds).argmax())
        labels.append((bounds[gap] + bounds[gap + 1]) // 2)
    return sorted(labels)


def equal(total: int, count: int) -> List[int]:
    """The middles of equal parts of a clip."""
    count = min(count, total)
    return [(2 * part + 1) * total // (2 * count) for part in range(count)]


def fill(follow: Follow, truth: np.ndarray, boxes: np.ndarray,
         labels: List[int]) -> Dict[str, np.ndarray]:
    """The keypoints of all frames of a clip by each way to fill it."""
    keypoints, scores = follow(tuple(labels))
    keypoints = keypoints.copy()
    keypoints[labels] = truth[labels]
    known = np.zeros(scores.shape, bool)
    known[labels] = True

    def smooth(points, numbers, _):
        return whittaker_smooth(points, scores, numbers, known)

    return {
        'ours, smoothed in the box': in_boxes(
            smooth, keypoints, range(len(truth)), boxes, None),
        'ours, smoothed in the image': smooth(
            keypoints, range(len(truth)), None),
        'ours': keypoints,
        **{
            name: RIVALS[name](truth[labels], labels, boxes, None)
            for name in RIVALS if name.startswith('interpolated')
        }
    }  # yapf: disable


@torch.no_grad()
def evaluate(model, dataset, counts: List[int]) -> List[dict]:
    """Rows of the results: a name and, by the number of labels, the Mean of
    all frames and of those without a label."""
    groups = group_indices(dataset.metainfo)
    # What is correct, and whether the frame is labelled.
    parts: Dict[tuple, List[tuple]] = defaultdict(list)
    with Progress(len(dataset)) as progress:
        for _, items in dataset.videos:
            items, total = items.tolist(), len(items)
            infos = [dataset.get_data_info(item) for item in items]
            truth, boxes, sizes, visible = (
                np.concatenate([info[key] for info in infos]) for key in (
                    'keypoints', 'bbox', 'bbox_size', 'keypoints_visible'))
            if not visible.all():
                raise ValueError(
                    f'{infos[0]["img_path"]}: a keypoint of this video is not '
                    'visible, and labels are whole poses here: use sub-JHMDB')
            follow = clip_follower(model, dataset, items)
            order = [frame for frame, _ in zip(
                suggested(follow, total), range(max(counts)))]
            for count in counts:
                chosen = {'suggested': sorted(order[:count]),
                          'longest gap': halved(total, count),
                          'equal distances': equal(total, count)}
                for name, labels in chosen.items():
                    known = np.isin(np.arange(total), labels)
                    filled = fill(follow, truth, boxes, labels)
                    for way, keypoints in filled.items():
                        hits = [keypoint_hits(keypoints, truth,
                                              sizes.max(axis=1), thr)
                                for thr in THRESHOLDS]
                        parts[f'{way}, {name}', count].append(
                            (np.stack(hits, axis=1), known))
            for _ in items:
                progress.update()
    rows: Dict[str, dict] = defaultdict(dict)
    for (name, count), clips in parts.items():
        hits, known = map(np.concatenate, zip(*clips))
        rows[name][str(count)] = {
            f'{prefix}Mean@{thr:g}': group_means(
                hits[kept, i].mean(axis=0), groups)['Mean']
            for prefix, kept in (('', known >= 0), ('others ', ~known))
            for i, thr in enumerate(THRESHOLDS) if kept.any()
        }
    return [dict(name=name, labels=labels) for name, labels in rows.items()]


def main(argv=None):
    argv = sys.argv[1:] if argv is None else argv
    parser = argparse.ArgumentParser(
        prog='python -m studies.annotator',
        description='What an annotator saves by labelling some frames')
    add = parser.add_argument
    add('config', help='config of a model with exemplars')
    add('checkpoint', help='checkpoint of that model')
    add('--labels', nargs='+', type=number(int, 1),
        default=[1, 2, 3, 4, 5, 6, 8],
        help='labelled frames of a clip. Defaults to 1 2 3 4 5 6 8')
    add('--out', required=True, help='results file: .json')
    args = parser.parse_args(argv)
    cfg = Config.fromfile(args.config)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    model = load_pose_model(cfg, args.checkpoint)
    trained = load_checkpoint(args.checkpoint)['meta'].get(META_KEY)
    videos = video_ids(dataset)
    write_results(
        dict(
            kind=ANNOTATOR,
            command=' '.join(['python -m studies.annotator',
                              *map(without_folders, argv)]),
            machine=describe_machine(torch.get_num_threads()),
            code=describe_code(),
            tested=dict(
                ann_file=osp.basename(dataset.ann_file),
                videos=len(videos),
                frames=len(dataset),
                leaked_videos=None if trained is None else len(
                    set(videos) & set(trained))),
            rows=evaluate(model, dataset, sorted({*args.labels}))), args.out)
    print(args.out)


if __name__ == '__main__':
    run_command(main)
