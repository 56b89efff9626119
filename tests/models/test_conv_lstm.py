# Copyright (c) temporal_corr authors. All rights reserved.
"""The recurrent baseline: the same in a stream as in a clip of training."""
import pytest
import torch
from torch.nn import functional as F

from projects.temporal_corr.models.temporal.conv_lstm import ConvLSTMCell

KEYPOINTS = 5
CLOSE = dict(atol=1e-5, rtol=1e-5)


@pytest.fixture
def model(make_model):
    return make_model('lstm', channels=6)


def gate(cell, name):
    """Filters over x, over h, and the bias of a gate, by the order told."""
    rows = slice(*(6 * (('g', 'i', 'f', 'o').index(name) + shift)
                   for shift in (0, 1)))
    return (cell.conv_x.weight[rows], cell.conv_h.weight[rows],
            cell.conv_x.bias[rows])


def plain_lstm(cell, x, h=None, c=None):
    """The equations, gate by gate, with torch's convolution alone."""
    values = {}
    for name in 'gifo':
        of_x, of_h, bias = gate(cell, name)
        values[name] = F.conv2d(x, of_x, bias, padding=1)
        if h is not None:
            values[name] = values[name] + F.conv2d(h, of_h, padding=1)
    g = values['g'].tanh()
    i, f, o = (values[name].sigmoid() for name in 'ifo')
    c = g * i if c is None else f * c + g * i
    return o * c.tanh(), c


def test_starts_as_published(make_model):
    """Biases; and filters that MMPose's init_weights would all set to
    N(0, 0.001)."""
    model = make_model('lstm', refine=0, channels=6)
    model.init_weights()
    cell = model.head.lstm.cell
    for name, bias in dict(g=0., i=1.4, f=1., o=0.2).items():
        assert (gate(cell, name)[2] == bias).all()
    # Xavier of one gate: sqrt(2 / ((fan in + fan out) x 9)).
    wanted = (2 / (9 * (16 + KEYPOINTS + 6)))**0.5
    assert gate(cell, 'i')[0].std().item() == pytest.approx(wanted, rel=0.06)
    assert ConvLSTMCell(
        32, std=0.01).conv_x.weight.std().item() == pytest.approx(
            0.01, rel=0.03)


def test_step_from_its_parts(model):
    """Two frames of one crop, from the equations and the parts of the head:
    the heatmaps without LSTM first, then those predicted."""
    head, frames = model.head, torch.randn(2, 3, 32, 4, 4)
    torch.nn.init.normal_(head.lstm.cell.conv_x.bias)
    with torch.no_grad():
        state, previous, memory = (), None, None
        for frame in frames:
            features = head.deconv_layers(frame)
            if previous is None:
                previous = head.final_layer(head.refinement(features))
            state = plain_lstm(head.lstm.cell,
                               torch.cat([features, previous], 1), *state)
            wanted = head.final_layer(head.refinement(features, state[0]))
            heatmaps, memory = head.step((frame, ), memory)
            torch.testing.assert_close(heatmaps, wanted, **CLOSE)
            previous = wanted.clamp(min=0)
    assert set(memory) == {'h', 'cell', 'heatmaps', 'crops'}
    torch.testing.assert_close((memory['h'], memory['cell']), state, **CLOSE)


def test_stream_equals_training(model, clip_batch):
    """Frame by frame with a memory, and the loss of the whole clips."""
    inputs, samples = clip_batch(frames=4)
    crops = torch.stack([sample.crops for sample in samples])
    outputs, memory = [], None
    with torch.no_grad():
        losses = model.loss(inputs, samples)
        for number in range(4):
            heatmaps, memory = model.step(inputs[:, number], memory,
                                          crops[:, number])
            outputs.append(heatmaps)
        first = model.head.features(model.extract_feat(inputs[:, 0]))
        alone = model.head.predict_fields(first, None)
    # A mean over all frames and the single-frame heatmaps of the first.
    targets = [sample.previous_heatmaps for sample in samples]
    targets = [*torch.stack(targets, dim=1),
               torch.stack([sample.gt_fields.heatmaps for sample in samples])]
    wanted = [F.mse_loss(*pair)
              for pair in zip([alone, *outputs], [targets[0], *targets])]
    torch.testing.assert_close(losses['loss_kpt'], sum(wanted) / 5, **CLOSE)


def test_hidden_keypoints_count_nowhere(model, clip_batch):
    """Neither in the current frame nor in one before. Two frames suffice for
    gradients of all gates and of the convolution of h."""
    inputs, samples = clip_batch(count=1, frames=3)
    model.head.loss_module.use_target_weight = True
    samples[0].previous_weights[0, 2] = 0
    samples[0].gt_instance_labels.keypoint_weights[0, 4] = 0
    before = model.loss(inputs, samples)['loss_kpt']
    before.backward()
    for name, parameter in model.head.lstm.named_parameters():
        assert parameter.grad.abs().max() > 0, name
    with torch.no_grad():
        samples[0].previous_heatmaps[0, 2] += 1
        samples[0].gt_fields.heatmaps[4] += 1
        after = model.loss(inputs, samples)['loss_kpt']
        samples[0].previous_heatmaps[1, 2] += 1
        counted = model.loss(inputs, samples)['loss_kpt']
    torch.testing.assert_close(before, after)
    assert counted > after + 1e-3
