# Copyright (c) temporal_corr authors. All rights reserved.
from .conv_lstm import ConvLSTM
from .exemplar_correlation import ExemplarCorrelation
from .previous_heatmaps import PreviousHeatmaps, identity_crops
from .temporal_module import ScaledMaps, TemporalModule

__all__ = [
    'ConvLSTM', 'ExemplarCorrelation', 'PreviousHeatmaps', 'ScaledMaps',
    'TemporalModule', 'identity_crops'
]
