# Copyright (c) temporal_corr authors. All rights reserved.
"""A temporal module of one's own needs one file and one config."""
import pytest
import torch
from mmpose.registry import MODELS

from projects.temporal_corr.models import ClipDataPreprocessor, ScaledMaps
from projects.temporal_corr.models.correlation import detection_scores
from projects.temporal_corr.models.streaming_step import StreamingStep
from projects.temporal_corr.models.temporal import identity_crops


@pytest.fixture
def running_mean():
    """Registers a running mean of heatmaps, as a user would."""

    @MODELS.register_module()
    class RunningMean(ScaledMaps):

        carries_maps = True

        def __init__(self, momentum=0.9, **kwargs):
            super().__init__(**kwargs)
            self.momentum = momentum

        def maps(self, features, memory, crops, single_frame=None):
            if memory is None:
                return None, None
            known = (memory['mean'] != 0).flatten(1).any(dim=1)
            mean = self.carry(memory, crops, known)['mean']
            found = (mean != 0).flatten(2).any(dim=2)
            return self.scaled(mean, found), dict(mean=mean, known=known)

        def update(self, memory, features, heatmaps, crops, state=None):
            scores = detection_scores(heatmaps)
            if state is not None:
                mixed = (
                    self.momentum * state['mean'] +
                    (1 - self.momentum) * scores)
                # A person who is new has no mean yet.
                scores = torch.where(state['known'][:, None, None, None],
                                     mixed, scores)
            if crops is None:
                crops = identity_crops(scores)
            return dict(mean=scores, crops=crops)

    yield
    MODELS.module_dict.pop('RunningMean')


def test_it_trains_streams_and_exports(running_mean, make_model, clip_batch,
                                       videos, predict, stream):
    model = make_model('RunningMean', refine=.3, momentum=.5, mask_rate=0.)
    assert {'head.memory.scale', 'head.memory.bias'} < set(model.state_dict())
    model.loss(*clip_batch())['loss_kpt'].backward()
    assert (model.head.temporal.scale.grad != 0).any()
    assert all(p.grad is not None for p in model.parameters())
    model.test_cfg['output_heatmaps'] = True
    for sample, wanted in zip(
            predict(model, 'B0 B1 B2'),
            stream(model, videos[0]['B'], videos[1]['B'])):
        torch.testing.assert_close(
            sample.pred_fields.heatmaps, wanted, atol=1e-4, rtol=1e-4)
    model.data_preprocessor = ClipDataPreprocessor()
    assert StreamingStep(model, (64, 64)).input_names == (
        'image', 'memory_mean', 'memory_crops', 'crops')
