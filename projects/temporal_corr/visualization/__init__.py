# Copyright (c) temporal_corr authors. All rights reserved.
from ..video_io.poses import draw_poses
from .maps import CorrelationViews, draw_correlation_figure, overlay_map
from .plots import draw_stride_plot, draw_trajectories
from .predictions import draw_prediction

__all__ = [
    'CorrelationViews', 'draw_correlation_figure', 'draw_poses',
    'draw_prediction', 'draw_stride_plot', 'draw_trajectories', 'overlay_map'
]
