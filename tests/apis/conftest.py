# Copyright (c) temporal_corr authors. All rights reserved.
"""Tiny models with weights that make the memory matter."""
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from projects.temporal_corr.apis import VideoPoseInferencer
from projects.temporal_corr.datasets import VideoSampler


@pytest.fixture
def make_inferencer(tiny_model_files):
    """Makes an inferencer of a tiny model."""

    def make(temporal='correlation', flip_test=False, cfg_options=(),
             **kwargs):
        options = {'model.test_cfg.flip_test': flip_test, **dict(cfg_options)}
        return VideoPoseInferencer(
            *tiny_model_files(temporal), cfg_options=options, **kwargs)

    return make


@pytest.fixture
def predict_all():
    """Tests a model; what it predicts, by the file of the frame."""

    def run(model, dataset, lanes=1):
        loader = DataLoader(
            dataset,
            batch_size=lanes,
            sampler=VideoSampler(dataset, lanes=lanes),
            collate_fn=pseudo_collate)
        with torch.no_grad():
            return {
                sample.img_path: sample
                for batch in loader for sample in model.test_step(batch)
            }

    return run


@pytest.fixture
def video():
    """Noise of 64 x 48 pixels."""
    rng = np.random.default_rng(0)
    return rng.integers(0, 256, (8, 48, 64, 3), dtype=np.uint8)
