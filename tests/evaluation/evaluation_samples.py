# Copyright (c) temporal_corr authors. All rights reserved.
"""Data samples as a model hands them to a metric, and their evaluation."""
import numpy as np


def frame(pred, gt, visible=None, box=(100., 40.), released=None, score=1.,
          **meta):
    """A frame of keypoints (K, 2)."""
    gt = np.array(gt, dtype=np.float64)[None]
    if visible is None:
        visible = np.ones(gt.shape[1])
    instances = dict(
        keypoints=gt,
        keypoints_visible=np.array(visible, dtype=np.float32)[None],
        bboxes=np.array([[10., 10., 10. + box[0], 10. + box[1]]]))
    if released is not None:
        instances['bbox_size'] = np.array([released], dtype=np.float32)
    pred = np.array(pred, dtype=np.float64)[None]
    scores = np.full(pred.shape[:2], score)
    return dict(
        pred_instances=dict(keypoints=pred, keypoint_scores=scores),
        gt_instances=instances,
        **meta)


def video(pred, gt=None, name='a', track=0, frames=None, visible=None,
          scores=None, **kwargs):
    """Frames of a person, keypoints (T, K, 2); the truth is at 0."""
    pred = np.asarray(pred, dtype=np.float64)
    gt = np.zeros_like(pred) if gt is None else gt
    frames = list(range(len(pred)) if frames is None else frames)
    visible = np.ones(pred.shape[:2]) if visible is None else visible
    scores = np.ones(len(pred)) if scores is None else scores
    return [
        frame(
            pred[t], gt[t], visible[t], score=scores[t], video_id=name,
            track_id=track, frame_index=frames[t],
            previous_frame_index=frames[t - 1] if t else -1, **kwargs)
        for t in range(len(pred))
    ]  # yapf: disable


def evaluate(metric, metainfo, samples, **kwargs):
    """What a metric, by its class, says of samples."""
    metric = metric(**kwargs)
    metric.dataset_meta = metainfo
    for sample in samples:
        metric.process(None, [sample])
    return metric.evaluate(len(samples))
