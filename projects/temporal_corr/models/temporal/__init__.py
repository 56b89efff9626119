# Copyright (c) temporal_corr authors. All rights reserved.
from .conv_lstm import ConvLSTM
from .exemplar_correlation import ExemplarCorrelation
from .previous_heatmaps import PreviousHeatmaps
from .temporal_module import ScaledMaps, TemporalModule

__all__ = [
    'ConvLSTM', 'ExemplarCorrelation', 'PreviousHeatmaps', 'ScaledMaps',
    'TemporalModule'
]
