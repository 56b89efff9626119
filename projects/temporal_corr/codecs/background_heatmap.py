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
    of :class:`PartAffinityField` without the fields. Cell g is centred on
    the input pixel ``stride * g + (stride - 1) / 2``.

    Note:

        - keypoint number: K
        - input size: [W, H], heatmap size: [w, h]

    Encoded:

        - heatmaps (np.ndarray): Heatmaps of the parts, then of the
          background, in shape (K + 1, h, w)
        - keypoint_weights (np.ndarray): Target weights in shape (1, K), 0
          for an unlabelled part

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
        """Encode the keypoints of a person.

        Args:
            keypoints (np.ndarray): Keypoints in input pixels in shape
                (1, K, 2)
            keypoints_visible (np.ndarray): Visibility in shape (1, K), below
                0.5 for a part that is unlabelled. Defaults to all visible

        Returns:
            dict: See the class.
        """
        if len(keypoints) != 1:
            raise ValueError('BackgroundHeatmap encodes one person, got '
                             f'{len(keypoints)}: use data_mode=\'topdown\'')
        if keypoints_visible is None:
            keypoints_visible = np.ones(keypoints.shape[:2])
        visible = np.asarray(keypoints_visible) >= 0.5
        centers = [
            np.arange(size) * scale + origin for size, scale, origin in zip(
                self.heatmap_size, self.scale_factor, self.cell_origin)
        ]
        heatmaps = part_heatmaps(
            keypoints.astype(np.float64), visible, *centers, self.sigma)
        return dict(
            heatmaps=heatmaps.astype(np.float32),
            keypoint_weights=visible.astype(np.float32))

    def decode(self, encoded: np.ndarray) -> Tuple[np.ndarray, np.ndarray]:
        """Keypoints (1, K, 2) in input pixels, finer than a cell, and scores
        (1, K): the maxima of heatmaps (K + 1, h, w)."""
        cells, scores = heatmap_maxima(
            np.asarray(encoded[:-1], np.float32),
            self.sigma / self.scale_factor)
        keypoints = cells * self.scale_factor + self.cell_origin
        return keypoints[None].astype(np.float32), scores[None]
