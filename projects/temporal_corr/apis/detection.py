# Copyright (c) temporal_corr authors. All rights reserved.
"""People of a frame, and who they are, by MMDetection, which this needs."""
from typing import List, Optional, Tuple

import numpy as np
import torch
from mmcv.transforms import Compose
from mmdet.apis import inference_detector, init_detector
from mmdet.models.trackers import ByteTracker
from mmdet.models.trackers.base_tracker import BaseTracker
from mmdet.registry import TASK_UTILS
from mmdet.structures import DetDataSample
from mmdet.structures.bbox import bbox_cxcyah_to_xyxy, bbox_overlaps
from mmdet.utils import get_test_pipeline_cfg
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData
from mmpose.evaluation.functional import nms
from mmpose.utils import adapt_mmdet_pipeline
from scipy.optimize import linear_sum_assignment
from torch import Tensor

from ..engine.checkpoint_guard_hook import check_pretrained
from ..engine.safe_loading import register_safe_loaders
from ..video_io.followed_person import People
from ..video_io.frame_source import SourceFrame


class PersonDetector:
    """Finds people in a frame with a detector of MMDetection.

    Args:
        config (str): Config of the detector.
        checkpoint (str, optional): Its checkpoint; None for random weights.
        device (str): Device to run on. Defaults to 'cpu'.
        category (int): Index of the class "person". Defaults to 0.
        nms_thr (float): Of two boxes with a larger IoU the weaker is left
            out. Defaults to 0.65: people who cross overlap.

    Raises:
        FileNotFoundError: If there is no such checkpoint.
        RuntimeError: If nothing of it fits the detector.
    """

    def __init__(self,
                 config: str,
                 checkpoint: Optional[str] = None,
                 device: str = 'cpu',
                 category: int = 0,
                 nms_thr: float = 0.65):
        self.category = category
        self.nms_thr = nms_thr
        register_safe_loaders()
        # MMPose stays the default scope for everybody else.
        with DefaultScope.overwrite_default_scope('mmdet'):
            self.model = init_detector(
                config, checkpoint, palette='coco', device=device)
            if checkpoint is not None:
                check_pretrained(self.model, 'the detector',
                                 dict(checkpoint=checkpoint))
            cfg = adapt_mmdet_pipeline(self.model.cfg.copy())
            steps = get_test_pipeline_cfg(cfg)
            steps[0].type = 'mmdet.LoadImageFromNDArray'
            self.pipeline = Compose(steps)

    def __call__(self, frame: SourceFrame) -> Tuple[np.ndarray, np.ndarray]:
        """Boxes x1, y1, x2, y2 of the people of a frame in pixels, (N, 4),
        and scores (N, ), strongest first."""
        with DefaultScope.overwrite_default_scope('mmdet'):
            result = inference_detector(self.model, frame.image,
                                        self.pipeline)
        found = result.pred_instances.cpu().numpy()
        found = found[found.labels == self.category]
        sides = found.bboxes[:, 2:] - found.bboxes[:, :2]
        found = found[(sides > 0).all(axis=1)]
        keep = nms(np.column_stack([found.bboxes, found.scores]), self.nms_thr)
        return found.bboxes[keep], found.scores[keep]


class ScipyByteTracker(ByteTracker):
    """MMDetection's ByteTrack with SciPy's assignment in place of ``lap``'s.

    For people, one class. Keeps no more of a track than it reads again.
    Boxes from ``score_thr`` on start a track, from ``low_thr`` on continue
    one; a lost one is waited for ``max_age`` frames.
    """

    def __init__(self, score_thr: float, low_thr: float, max_age: int):
        # Not ByteTracker's own, which stops where `lap` is not installed.
        BaseTracker.__init__(self, num_frames_retain=max_age + 1)
        self.motion = TASK_UTILS.build(dict(type='mmdet.KalmanFilter'))
        self.obj_score_thrs = dict(high=score_thr, low=low_thr)
        self.init_track_thr = score_thr
        self.weight_iou_with_det_scores = True
        self.match_iou_thrs = dict(high=0.1, low=0.5, tentative=0.3)
        self.num_tentatives = 3

    def reset(self) -> None:
        """Forget the tracks; no number is given twice."""
        self.tracks = {}
        self.num_tracks = getattr(self, 'num_tracks', 0)

    def update_track(self, id: int, obj: Tuple[Tensor]) -> None:
        """Update a track and drop what is too old to be read."""
        super().update_track(id, obj)
        for name in self.memo_items:
            del self.tracks[id][name][:-self.num_tentatives]

    def assign_ids(self,
                   ids: List[int],
                   det_bboxes: Tensor,
                   det_labels: Tensor,
                   det_scores: Tensor,
                   weight_iou_with_det_scores: bool = False,
                   match_iou_thr: float = 0.5) -> Tuple[np.ndarray, ...]:
        """Assign boxes to tracks, see the base."""
        rows = np.full(len(ids), -1)
        columns = np.full(len(det_bboxes), -1)
        if len(ids) and len(det_bboxes):
            means = np.stack([self.tracks[id].mean[:4] for id in ids])
            expected = bbox_cxcyah_to_xyxy(
                torch.from_numpy(means).to(det_bboxes))
            ious = bbox_overlaps(expected, det_bboxes)
            if weight_iou_with_det_scores:
                ious = ious * det_scores
            # To stay alone is worth the threshold: the optimum is the one of
            # lap.lapjv(1 - ious, cost_limit=1 - match_iou_thr).
            gain = (ious - match_iou_thr).clamp(min=0).cpu().numpy()
            for row, column in zip(*linear_sum_assignment(-gain)):
                if gain[row, column] > 0:
                    rows[row], columns[column] = column, row
        return rows, columns


class BoxTracker:
    """Gives the boxes of each frame identities that last.

    Args:
        score_thr (float): Least score of a box that starts a track; weaker
            ones, down to a third of it, only continue one. Defaults to 0.3.
        max_age (int): Frames in a row for which a person who is missing
            keeps the number. Defaults to 30.
    """

    def __init__(self, score_thr: float = 0.3, max_age: int = 30):
        self._tracker = ScipyByteTracker(score_thr, score_thr / 3, max_age)
        self._frame = 0

    def reset(self) -> None:
        """Nobody is known any more, as at a cut. Numbers go on."""
        self._frame = 0

    def __call__(self, bboxes: np.ndarray, scores: np.ndarray) -> People:
        """The boxes (N, 4), scores (N, ), of the next frame that belong to a
        track, in another order."""
        sample = DetDataSample(metainfo=dict(frame_id=self._frame))
        sample.pred_instances = InstanceData(
            bboxes=torch.as_tensor(bboxes, dtype=torch.float32).reshape(-1, 4),
            scores=torch.as_tensor(scores, dtype=torch.float32),
            labels=torch.zeros(len(bboxes), dtype=torch.long))
        # The tracker is reset by frame 0.
        found = self._tracker.track(sample)
        self._frame += 1
        return People(found.bboxes.numpy(), found.instances_id.tolist(),
                      found.scores.numpy())
