# Copyright (c) temporal_corr authors. All rights reserved.
"""The recurrent baseline: the same in a stream as in a clip of training."""
import lstm_pm_reference as reference
import pytest
import torch
from torch.nn import functional as F

from projects.temporal_corr.models.temporal.conv_lstm import ConvLSTMCell

KEYPOINTS = 5
CLOSE = dict(atol=1e-5, rtol=1e-5)


@pytest.fixture
def model(make_model):
    return make_model('lstm', channels=6)


def gates(cell):
    """Filters and biases by the names of the reference."""
    weights = {}
    for name, *rows in zip('gifo', cell.conv_x.weight.split(6),
                           cell.conv_x.bias.split(6),
                           cell.conv_h.weight.split(6)):
        weights.update({f'{name}_x': rows[:2], f'{name}_h': (rows[2], None)})
    return weights


def test_starts_as_published(make_model):
    """Biases; and filters that MMPose's init_weights would all set to
    N(0, 0.001)."""
    model = make_model('lstm', refine=0, channels=6)
    model.init_weights()
    weights = gates(model.head.lstm.cell)
    for name, bias in dict(g=0., i=1.4, f=1., o=0.2).items():
        assert (weights[f'{name}_x'][1] == bias).all()
    # Xavier of one gate: sqrt(2 / ((fan in + fan out) x 9)).
    wanted = (2 / (9 * (16 + KEYPOINTS + 6)))**0.5
    assert weights['i_x'][0].std().item() == pytest.approx(wanted, rel=0.06)
    narrow = ConvLSTMCell(32, std=0.01).conv_x.weight.std().item()
    assert narrow == pytest.approx(0.01, rel=0.03)


@torch.no_grad()
def test_step_from_its_parts(model):
    """Two frames of one crop, from the equations and the parts of the head:
    the heatmaps without LSTM first, then those predicted."""
    head, frames = model.head, torch.randn(2, 3, 32, 4, 4)
    torch.nn.init.normal_(head.lstm.cell.conv_x.bias)
    state, memory = (), None
    previous = head.predict_fields(head.deconv_layers(frames[0]), None)
    for frame in frames:
        features = head.deconv_layers(frame)
        state = reference.lstm(
            torch.cat([features, previous], 1), gates(head.lstm.cell), *state)
        wanted = head.final_layer(head.refinement(features, state[0]))
        heatmaps, memory = head.step((frame, ), memory)
        torch.testing.assert_close(heatmaps, wanted, **CLOSE)
        previous = wanted.clamp(min=0)
    assert set(memory) == {'h', 'cell', 'heatmaps', 'crops'}
    torch.testing.assert_close((memory['h'], memory['cell']), state, **CLOSE)


@torch.no_grad()
def test_stream_equals_training(model, clip_batch, stream):
    """The loss of clips is the mean over all frames and the single-frame
    heatmaps of the first."""
    inputs, samples = clip_batch(frames=4)
    loss = model.loss(inputs, samples)['loss_kpt']
    wanted = 0
    for clip, sample in zip(inputs, samples):
        targets = [*sample.previous_heatmaps, sample.gt_fields.heatmaps]
        features = model.head.features(model.extract_feat(clip[:1]))
        alone = model.head.predict_fields(features, None)
        outputs = torch.cat([alone, stream(model, clip, sample.crops)])
        targets = torch.stack([targets[0], *targets])
        wanted = wanted + F.mse_loss(outputs, targets) / 3
    torch.testing.assert_close(loss, wanted, **CLOSE)


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
