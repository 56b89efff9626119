# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Optional, Tuple

import numpy as np
from mmpose.codecs.base import BaseKeypointCodec
from mmpose.registry import KEYPOINT_CODECS

from .heatmap_peaks import heatmap_maxima
from .part_affinity_targets import part_heatmaps


@KEYPOINT_CODECS.register_module()
class BackgroundHeatmap(BaseKeypointCodec):
    """Represent a person as heatmaps of the parts and of the background.

    The targets of Convolutional Pose Machines and LSTM Pose Machines: those
    of :class:`PartAffinityField` without the fields, of one person.

    Args:
        input_size (tuple): Input size in [W, H]. Defaults to (368, 368)
        heatmap_size (tuple): Heatmap size in [w, h]. Defaults to (46, 46)
        sigma (float): Standard deviation of the Gaussians in input pixels.
            Defaults to 7.0
    """

    field_mapping_table = dict(heatmaps='heatmaps')
    label_mapping_table = dict(keypoint_weights='keypoint_weights')

    def __init__(self,
                 input_size: Tuple[int, int] = (368, 368),
                 heatmap_size: Tuple[int, int] = (46, 46),
                 sigma: float = 7.) -> None:
        super().__init__()
        self.input_size = input_size
        self.heatmap_size = heatmap_size
        self.sigma = sigma
        self.scale_factor = (np.array(input_size) /
                             heatmap_size).astype(np.float32)
        self.cell_origin = (self.scale_factor - 1) / 2

    def encode(self,
               keypoints: np.ndarray,
               keypoints_visible: Optional[np.ndarray] = None) -> dict:
        """Encode keypoints (1, K, 2) in input pixels; a part whose visibility
        (1, K) is below 0.5 is unlabelled."""
        if keypoints_visible is None:
            keypoints_visible = np.ones(keypoints.shape[:2])
        visible = np.asarray(keypoints_visible) >= 0.5
        return dict(
            heatmaps=self._heatmaps(keypoints, visible),
            keypoint_weights=visible.astype(np.float32))

    def decode(self, encoded: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Keypoints (1, K, 2) in input pixels, finer than a cell, and scores
        (1, K): the maxima of heatmaps (K + 1, h, w)."""
        cells, scores = heatmap_maxima(
            np.asarray(encoded[:-1], np.float32),
            self.sigma / self.scale_factor)
        return self._to_pixels(cells)[None].astype(np.float32), scores[None]

    def _heatmaps(self, keypoints: np.ndarray,
                  drawn: np.ndarray) -> np.ndarray:
        centers = [
            np.arange(size) * scale + origin for size, scale, origin in zip(
                self.heatmap_size, self.scale_factor, self.cell_origin)
        ]
        heatmaps = part_heatmaps(
            keypoints.astype(np.float64), drawn, *centers, self.sigma)
        return heatmaps.astype(np.float32)

    def _to_pixels(self, cells: np.ndarray) -> np.ndarray:
        return cells * self.scale_factor + self.cell_origin
