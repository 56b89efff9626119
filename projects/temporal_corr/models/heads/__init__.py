# Copyright (c) temporal_corr authors. All rights reserved.
from .temporal_correlation_head import TemporalCorrelationHead

__all__ = ['TemporalCorrelationHead']
