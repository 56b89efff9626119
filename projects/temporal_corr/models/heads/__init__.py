# Copyright (c) temporal_corr authors. All rights reserved.
from .paf_head import PAFHead
from .temporal_correlation_head import TemporalCorrelationHead

__all__ = ['PAFHead', 'TemporalCorrelationHead']
