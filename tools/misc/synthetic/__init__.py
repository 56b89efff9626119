# Copyright (c) temporal_corr authors. All rights reserved.
"""Procedural videos of moving people with exact keypoints."""
