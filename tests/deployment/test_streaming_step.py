# Copyright (c) temporal_corr authors. All rights reserved.
"""An exported step does what the model's own step does."""
from types import SimpleNamespace

import numpy as np
import pytest
import torch

from projects.temporal_corr.models.streaming_step import StreamingStep

INPUTS = dict(
    correlation=['image', 'exemplars'],
    cosine=['image', 'exemplars'],
    fixed=['image', 'exemplars'],
    average=['image', 'exemplars'],
    none=['image'],
    lstm=[
        'image', 'memory_heatmaps', 'memory_crops', 'memory_h', 'memory_cell',
        'crops'
    ],
    heatmap=['image', 'memory_heatmaps', 'memory_crops', 'crops'],
    single=['image'],
    openpose=['image', 'exemplars'],
    openpose_center=['image', 'exemplars', 'center_maps'])


def close(actual, expected):
    np.testing.assert_allclose(actual, expected, rtol=1e-4, atol=1e-4)


def moving_crops(count):
    """Crops (N, 2, 3) that zoom and wander."""
    crops = torch.eye(2, 3).repeat(count, 1, 1)
    crops[:, :, :2] *= torch.linspace(0.8, 1.2, count)[:, None, None]
    crops[:, :, 2] = 10 * torch.rand(count, 2)
    return crops


@pytest.mark.parametrize('kind', INPUTS)
@torch.no_grad()
def test_all_kinds_in_batches_of_any_size(kind, make_step, session_of, run):
    step = make_step(kind)
    session = session_of(step)
    assert [item.name for item in session.get_inputs()] == INPUTS[kind]
    assert list(step.input_names) == INPUTS[kind]
    shape = session.get_inputs()[0].shape
    assert shape[0] == 'batch'
    for count in (1, 3):
        memory, given = None, {}
        for _ in range(4):
            image = torch.randn(count, *shape[1:])
            conditions = {}
            if 'crops' in INPUTS[kind]:
                conditions['crops'] = moving_crops(count)
            if kind == 'openpose_center':
                conditions['center_maps'] = torch.rand(count, 1, 16, 16)
            # the model's own step: no memory, rather than zeros, at first
            heatmaps, memory = step.model.step(image, memory, **conditions)
            outputs = run(step, image=image, **conditions, **given)
            close(outputs.pop('heatmaps'), heatmaps)
            given = {key[len('new_'):]: out for key, out in outputs.items()}
            sizes = {
                item.name: item.shape[1:]
                for item in session.get_outputs()
            }
            for name, value in outputs.items():
                assert list(value.shape[1:]) == sizes[name]


@torch.no_grad()
def test_a_row_that_starts_beside_one_that_goes_on(make_step, run):
    step = make_step('correlation')
    image = torch.randn(2, 3, 128, 96)
    exemplars = run(step, image=torch.randn(2, 3, 128, 96))['new_exemplars']
    exemplars[1] = 0
    outputs = run(step, image=image, exemplars=exemplars)
    close(outputs['heatmaps'][1:], step.model.step(image[1:])[0])
    going_on = step.model.step(
        image[:1], dict(exemplars=torch.from_numpy(exemplars[:1])))
    close(outputs['heatmaps'][:1], going_on[0])


@torch.no_grad()
@pytest.mark.parametrize('kind', ['correlation', 'openpose'])
def test_pixels_in_place_of_normalised_images(kind, make_step, session_of,
                                              run):
    step = make_step(kind, include_normalization=True)
    item = session_of(step).get_inputs()[0]
    assert item.type == 'tensor(uint8)'
    pixels = torch.randint(256, (2, *item.shape[1:]), dtype=torch.uint8)
    # by hand: ImageNet's constants in RGB, or OpenPose's
    image = pixels.flip(1).float()
    mean, std = [123.675, 116.28, 103.53], [58.395, 57.12, 57.375]
    if kind == 'openpose':
        image, mean, std = pixels.float(), [128.] * 3, [256.] * 3
    image = (image - torch.tensor(mean)[:, None, None]) / torch.tensor(
        std)[:, None, None]
    close(run(step, image=pixels)['heatmaps'], step.model.step(image)[0])


def test_an_output_of_another_type_is_refused(to_onnx):
    """A head of somebody else, whose memory is float64 in the graph."""

    class Untyped(torch.nn.Module):
        conditions = ()
        decoder = SimpleNamespace(heatmap_size=(8, 6))

    def step(image, memory=None):
        seen = image.mean(dim=1, keepdim=True)
        if memory is not None:
            seen = seen + memory['seen'].float()
        return seen, dict(seen=torch.where(seen > 0, 1., 0.))

    model = torch.nn.Module()
    model.head, model.step = Untyped(), step
    model.weight = torch.nn.Parameter(torch.zeros(1))
    model.data_preprocessor = lambda data: dict(inputs=data['inputs'] / 255)
    with pytest.raises(ValueError, match='float64 of new_memory_seen'):
        to_onnx(StreamingStep(model.eval(), (8, 6)))


def test_exporting_does_not_change_the_mode(make_step, session_of):
    step = make_step('single')
    session_of(step)
    assert not any(module.training for module in step.model.modules())
