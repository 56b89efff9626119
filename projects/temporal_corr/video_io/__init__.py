# Copyright (c) temporal_corr authors. All rights reserved.
"""Frames in, where to look, files out, with numpy and OpenCV only.

A script that is to run without PyTorch puts ``projects/temporal_corr`` on
``sys.path`` and imports ``video_io.frame_source``, and so on.
"""
