# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Tuple

import numpy as np
from mmcv.transforms import Compose
from mmdet.apis import inference_detector, init_detector
from mmdet.utils import get_test_pipeline_cfg
from mmengine.registry import DefaultScope
from mmpose.evaluation.functional import nms
from mmpose.utils import adapt_mmdet_pipeline

from ..engine.checkpoint_guard_hook import check_pretrained
from ..engine.safe_loading import is_missing, register_safe_loaders
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
                 checkpoint: str = None,
                 device: str = 'cpu',
                 category: int = 0,
                 nms_thr: float = 0.65):
        if checkpoint is not None and is_missing(checkpoint):
            raise FileNotFoundError(
                f'There is no checkpoint {checkpoint} of the detector: '
                'download the one that its config names in the model zoo of '
                'MMDetection')
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
        """Detect the people of a frame.

        Args:
            frame (SourceFrame): The frame.

        Returns:
            tuple: Boxes x1, y1, x2, y2 in pixels, (N, 4), and scores (N, ),
            strongest first.
        """
        with DefaultScope.overwrite_default_scope('mmdet'):
            result = inference_detector(self.model, frame.image,
                                        self.pipeline)
        found = result.pred_instances.cpu().numpy()
        found = found[found.labels == self.category]
        sides = found.bboxes[:, 2:] - found.bboxes[:, :2]
        found = found[(sides > 0).all(axis=1)]
        keep = nms(np.column_stack([found.bboxes, found.scores]), self.nms_thr)
        return found.bboxes[keep], found.scores[keep]
