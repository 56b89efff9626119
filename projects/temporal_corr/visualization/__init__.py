# Copyright (c) temporal_corr authors. All rights reserved.
from ..video_io.output_files import VideoFile, save_figure, save_image
from .contact_sheet import VideoExcerpt, draw_contact_sheet
from .correlation_figure import CorrelationViews, draw_correlation_figure
from .correlation_panels import draw_correlation_panels
from .correlation_probe import probe_correlation, stream_correlation
from .overlay import PosePainter, overlay_map
from .prediction_panels import PredictionPainter
from .video_model import VideoModel, load_video_model, stream_predictions

__all__ = [
    'CorrelationViews', 'PosePainter', 'PredictionPainter', 'VideoExcerpt',
    'VideoFile', 'VideoModel', 'draw_contact_sheet',
    'draw_correlation_figure', 'draw_correlation_panels', 'load_video_model',
    'overlay_map', 'probe_correlation', 'save_figure', 'save_image',
    'stream_correlation', 'stream_predictions'
]
