# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Dict, Tuple

import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.registry import TRANSFORMS
from mmpose.structures.bbox import bbox_xyxy2cs


@TRANSFORMS.register_module()
class GenerateCenterMap(BaseTransform):
    """Mark the person of interest by a Gaussian at the center of its box.

    For models with centermaps (Section 4, Handling multiple persons). The
    paper does not give sigma; 21 input pixels are those of Convolutional Pose
    Machines and LSTM Pose Machines. The center is that of the box, not of the
    crop, which may be shifted at random.

    ``center_map`` is (1, h, w) float32, 1 at the center. A cell of s x s
    input pixels has the value at its own center, ``s * g + (s - 1) / 2``.

    Args:
        heatmap_size (tuple[int, int]): Size of the heatmaps in [w, h]
        sigma (float): Standard deviation in input pixels. Defaults to 21.0
        pool_size (int): Size of the window over which the input's pixels
            are averaged, from the first pixel of each cell on; LSTM Pose
            Machines average 9x9 with stride 8. Defaults to 0, the value at
            the center of the cell
    """

    def __init__(self,
                 heatmap_size: Tuple[int, int],
                 sigma: float = 21.0,
                 pool_size: int = 0) -> None:
        super().__init__()
        self.heatmap_size = heatmap_size
        self.sigma = sigma
        self.pool_size = pool_size

    def transform(self, results: Dict) -> dict:
        """Add the center map."""
        center = bbox_xyxy2cs(results['bbox'])[0][0]
        center = results['crop'] @ np.append(center, 1)
        column, row = (
            self._profile(*sizes) for sizes in zip(
                center, results['input_size'], self.heatmap_size))
        results['center_map'] = np.outer(row, column)[None].astype(np.float32)
        return results

    def _profile(self, center: float, input_size: int,
                 heatmap_size: int) -> np.ndarray:
        """The Gaussian along one axis, (heatmap_size, )."""
        stride = input_size / heatmap_size
        cells = np.arange(heatmap_size)
        if not self.pool_size:
            pixels = (cells + 0.5) * stride - 0.5
            return np.exp(-(pixels - center)**2 / (2 * self.sigma**2))
        # The window of a product is the product of windows of one axis.
        pixels = np.round(cells * stride)[:, None] + np.arange(self.pool_size)
        values = np.exp(-(pixels - center)**2 / (2 * self.sigma**2))
        # At the end a window has fewer pixels.
        return np.average(values, axis=1, weights=pixels < input_size)
