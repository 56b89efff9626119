# Copyright (c) temporal_corr authors. All rights reserved.
from .euclidean_loss import EuclideanLoss

__all__ = ['EuclideanLoss']
