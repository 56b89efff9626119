# Copyright (c) temporal_corr authors. All rights reserved.
from .euclidean_loss import EuclideanLoss
from .heatmap_bce_loss import HeatmapBCELoss

__all__ = ['EuclideanLoss', 'HeatmapBCELoss']
