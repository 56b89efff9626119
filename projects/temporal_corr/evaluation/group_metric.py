# Copyright (c) temporal_corr authors. All rights reserved.
from collections import Counter
from typing import Dict, List, NamedTuple, Optional, Sequence

import numpy as np
from mmengine.evaluator import BaseMetric
from terminaltables import AsciiTable

from ..smoothing import build_smoother
from .pck import group_indices


class EvaluatedFrames(NamedTuple):
    """N frames with K keypoints: predictions (smoothed if asked) and ground
    truth in pixels, (N, K, 2); whether a keypoint has ground truth and is
    evaluated, (N, K); larger side of the person's box, 0 where it has no
    width or no height, (N, ); names of the keypoints;
    body-part group to the indices of its keypoints; which keypoints are
    evaluated, (K, )."""
    pred: np.ndarray
    gt: np.ndarray
    visible: np.ndarray
    box: np.ndarray
    names: List[str]
    groups: Dict[str, List[int]]
    evaluated: np.ndarray


class GroupMetric(BaseMetric):
    """Base of metrics by body-part group.

    The groups are in the metainfo of the data set: ``pck_groups``, the names
    of the keypoints of each group, and optionally ``eval_keypoints``, the
    names of the keypoints that are evaluated (all by default). The person's
    box is ``gt_instances.bbox_size``, the released one, where there is one,
    else ``gt_instances.bboxes``.

    Args:
        smoothing (dict, optional): A filter of the predictions of each person
            of each video over the evaluated frames, see
            :func:`temporal_corr.smoothing.build_smoother`. Defaults to None.
        **kwargs: Arguments of :class:`mmengine.evaluator.BaseMetric`.
    """

    def __init__(self, smoothing: Optional[dict] = None, **kwargs) -> None:
        super().__init__(**kwargs)
        self._smoother = build_smoother(smoothing) if smoothing else None
        self._smoothed = f', {smoothing["type"]}' if smoothing else ''

    def process(self, data_batch: Sequence[dict],
                data_samples: Sequence[dict]) -> None:
        """Keep what is needed of each frame."""
        self.results.extend(self._keep(sample) for sample in data_samples)

    def _keep(self, sample: dict) -> dict:
        """Copies: what is kept must not change with the sample."""
        pred, gt = sample['pred_instances'], sample['gt_instances']
        visible = np.asarray(gt['keypoints_visible'])[0]
        if visible.ndim == 2:
            visible = visible[..., 0]
        if gt.get('bbox_size') is not None:
            box = np.array(gt['bbox_size'], dtype=np.float64).reshape(2)
        else:
            x1, y1, x2, y2 = np.array(gt['bboxes'], np.float64).reshape(4)
            box = np.array([x2 - x1, y2 - y1])
        track = None
        if None not in (sample.get('video_id'), sample.get('frame_index')):
            track = sample['video_id'], int(sample.get('track_id') or 0)
        return dict(
            pred=np.array(pred['keypoints'][0]),
            scores=np.array(pred['keypoint_scores'][0]),
            gt=np.array(gt['keypoints'][0]),
            visible=visible > 0,
            # A box without width or without height is no box.
            box=box.max() if (box > 0).all() else 0.,
            track=track,
            frame=track and int(sample['frame_index']))

    def _frames(self, results: list) -> EvaluatedFrames:
        """Check that no frame comes twice, and stack them."""
        count = Counter((*r['track'], r['frame']) for r in results
                        if r['track'] is not None)
        twice = [key for key in count if count[key] > 1]
        if twice:
            video, person, frame = twice[0]
            raise ValueError(
                f'{len(twice)} frames were evaluated more than once, the '
                f"first is frame {frame} of video '{video}', person {person}. "
                "Use sampler=dict(type='VideoSampler') in the data loader: "
                'DefaultSampler repeats frames to fill the last batch')
        pred, gt, visible, box = (
            np.stack([result[key] for result in results])
            for key in ('pred', 'gt', 'visible', 'box'))
        names, groups, evaluated = self._keypoints()
        if self._smoother:
            pred = self._smooth(results, pred)
        return EvaluatedFrames(pred, gt, visible & evaluated, box, names,
                               groups, evaluated)

    def _smooth(self, results: list, pred: np.ndarray) -> np.ndarray:
        """Predictions (N, K, 2), smoothed over the frames of each track."""
        numbers, frames = self._track_numbers(results)
        scores = np.stack([result['scores'] for result in results])
        smoothed = np.array(pred, dtype=np.float64)
        for number in range(numbers.max() + 1):
            rows = np.flatnonzero(numbers == number)
            rows = rows[np.argsort(frames[rows])]
            smoothed[rows] = self._smoother(pred[rows], scores[rows],
                                            frames[rows])
        return smoothed

    def _track_numbers(self, results: list) -> tuple:
        """Number of the track and number of the frame, (N, ) each."""
        if any(result['track'] is None for result in results):
            raise ValueError(
                f'{type(self).__name__} needs to know video and frame, but '
                'data samples have no video_id and frame_index: use '
                'SubJhmdbDataset, PennActionDataset or another data set with '
                'them, and PackClipInputs')
        # In one order, whichever the frames came in: sums are the same.
        tracks = sorted({result['track'] for result in results})
        numbers = {track: number for number, track in enumerate(tracks)}
        return (np.array([numbers[result['track']] for result in results]),
                np.array([result['frame'] for result in results]))

    def _name(self) -> str:
        return (self.dataset_meta or {}).get('dataset_name', 'data set')

    def _keypoints(self) -> tuple:
        """Names, groups as indices and which are evaluated, from metainfo."""
        meta = self.dataset_meta or {}
        title = f"{type(self).__name__}: the metainfo of '{self._name()}'"
        if not meta.get('pck_groups'):
            raise ValueError(
                f'{title} has no pck_groups. Add pck_groups=dict(Head=[...], '
                'Sho=[...], ...) with the names of the keypoints of each body '
                "part, or use MMPose's PCKAccuracy")
        indices = dict(meta['keypoint_name2id'])
        named = [n for group in meta['pck_groups'].values() for n in group]
        wanted = meta.get('eval_keypoints') or list(indices)
        unknown = sorted({*named, *wanted} - set(indices))
        if unknown:
            raise ValueError(f'{title} names the keypoints {unknown} in '
                             'pck_groups or eval_keypoints, but its keypoints '
                             f'are {list(indices)}')
        names = sorted(indices, key=indices.get)
        return names, group_indices(meta), np.isin(names, wanted)


def score_table(title: str, rows: Dict[str, Dict[str, float]]) -> str:
    """A table of scores (fractions) in percent, by names of rows and columns;
    a row without a name is the only one."""
    columns = list(next(iter(rows.values())))
    head, cells = [], [[f'{100 * row[name]:.2f}' for name in columns]
                       for row in rows.values()]
    if any(rows):
        head = ['']
        cells = [[name, *row] for name, row in zip(rows, cells)]
    return AsciiTable([head + columns, *cells], title).table
