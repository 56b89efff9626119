# Copyright (c) temporal_corr authors. All rights reserved.
"""The estimator: clips in training, videos in test."""
import pytest
import torch
from mmpose.models.pose_estimators import TopdownPoseEstimator

ALL = pytest.mark.parametrize('temporal', ['correlation', 'heatmap', None])


@ALL
def test_trains_on_the_current_frame(temporal, make_model, clip_batch):
    """The last frame of a clip meets the targets, whatever came before."""
    model = make_model(temporal, mask_rate=1.)
    inputs, samples = clip_batch()
    seen = []
    model.head.refinement.register_forward_pre_hook(
        lambda module, args: seen.append(args[0]))
    with torch.no_grad():
        model.loss(inputs, samples)
        wanted = model.head.features(model.extract_feat(inputs[:, -1]))
    torch.testing.assert_close(seen[0], wanted, atol=1e-4, rtol=1e-4)
