# Copyright (c) temporal_corr authors. All rights reserved.
"""The loss of the head: masks, ground-truth exemplars, gradients."""
from unittest import mock

import pytest
import torch
from torch.nn import functional as F

from projects.temporal_corr.models import keypoint_exemplars

ALL = pytest.mark.parametrize('temporal', ['correlation', 'heatmap', None])
TEMPORAL = pytest.mark.parametrize('temporal', ['correlation', 'heatmap'])


def random_feats(count=3):
    return (torch.randn(count, 32, 4, 4), )


def train_step(head, batch, **train_cfg):
    """Losses of a batch, as the estimator asks for them."""
    _, samples = batch
    count = len(samples)
    past = random_feats(count) if head.temporal else None
    return head.loss(
        random_feats(count), samples, past, train_cfg=train_cfg)


@pytest.mark.parametrize('mask_rate', [0., 1.], ids=['kept', 'masked'])
@pytest.mark.parametrize('refine', [0., 1.], ids=['initial', 'random'])
@ALL
def test_every_parameter_gets_a_gradient(temporal, refine, mask_rate,
                                         make_model, clip_batch):
    """Or DistributedDataParallel would wait for it for ever."""
    head = make_model(temporal, refine=refine, mask_rate=mask_rate).head
    train_step(head.train(), clip_batch())['loss_kpt'].backward()
    for name, parameter in head.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    if refine and temporal and not mask_rate:
        scale = getattr(
            head, 'correlation'
            if temporal == 'correlation' else 'previous_heatmaps').scale
        assert (scale.grad != 0).any()


@TEMPORAL
def test_masked_loss_is_the_single_frame_loss(temporal, make_model,
                                              clip_batch):
    head = make_model(temporal, mask_rate=1.).head
    _, samples = clip_batch()
    feats, past = random_feats(), random_feats()
    losses = head.loss(feats, samples, past)
    targets = torch.stack([s.gt_fields.heatmaps for s in samples])
    wanted = F.mse_loss(head(feats), targets)
    torch.testing.assert_close(losses['loss_kpt'], wanted)
    head.mask_rate = 0.
    kept = head.loss(feats, samples, past)['loss_kpt']
    assert (kept - wanted).abs() > 1e-3


def test_mask_rate_is_a_rate(make_model, clip_batch):
    """A fifth of the samples is masked, sample by sample."""
    head = make_model('correlation', mask_rate=0.2).head
    masks = []
    head.correlation.register_forward_pre_hook(
        lambda module, inputs: masks.append(inputs[2]))
    batch = clip_batch(count=50)
    with torch.no_grad():
        for _ in range(40):
            train_step(head, batch, compute_acc=False)
    masks = torch.cat(masks).float()
    assert len(masks) == 2000
    # Four standard deviations of a mean of 2,000 draws.
    assert 1 - masks.mean().item() == pytest.approx(0.2, abs=0.036)


def test_exemplars_come_from_the_ground_truth(make_model, clip_batch):
    """Loss of one batch, from its parts: ground-truth heatmaps as weights."""
    head = make_model('correlation', mask_rate=0.).head
    _, samples = clip_batch()
    feats, past = random_feats(), random_feats()
    with torch.no_grad():
        memory = keypoint_exemplars(
            head.features(past),
            torch.stack([s.previous_heatmaps[0] for s in samples]))
        heatmaps, _ = head.step(feats, memory)
        targets = torch.stack([s.gt_fields.heatmaps for s in samples])
        losses = head.loss(feats, samples, past)
    torch.testing.assert_close(losses['loss_kpt'],
                               F.mse_loss(heatmaps, targets))
    assert losses['acc_pose'].shape == ()


def test_labels_have_full_weight(make_model, clip_batch):
    """A weighted head learns from the ground truth what another does, though
    the peak of a codec may fall between the cells. A fainter prediction
    gives fainter maps."""
    heads = [make_model(mask_rate=0., weighted=w).head for w in (False, True)]
    heads[1].load_state_dict(heads[0].state_dict())
    feats, past = random_feats(), random_feats()
    for peak in (1., 0.5):
        _, samples = clip_batch()
        for sample in samples:
            maps = sample.previous_heatmaps
            maps *= peak / maps.amax(dim=(2, 3), keepdim=True)
        plain, weighted = (
            head.loss(feats, samples, past)['loss_kpt'] for head in heads)
        assert torch.isclose(plain, weighted)
    predicted = dict(exemplars=dict(predicted_rate=1.))
    plain, weighted = (
        head.loss(feats, samples, past, train_cfg=predicted)['loss_kpt']
        for head in heads)
    assert not torch.isclose(plain, weighted)


def test_longer_clips_use_the_frame_before(make_model, clip_batch):
    """Of T - 1 past frames, the last one gives the exemplars."""
    head = make_model('correlation', mask_rate=0.).head
    _, samples = clip_batch(frames=4)
    feats = random_feats()
    past = random_feats(9)  # frame by frame, three samples each
    with torch.no_grad():
        long = head.loss(feats, samples, past)['loss_kpt']
        short = head.loss(feats, samples, (past[0][-3:], ))['loss_kpt']
    torch.testing.assert_close(long, short)


def test_no_graph_without_gradients(make_model, clip_batch):
    """A loss for validation keeps no graph of the exemplar frame."""
    head = make_model('correlation').head
    _, samples = clip_batch()
    features = head.features(random_feats()).detach()
    with torch.no_grad(), mock.patch.object(head, 'maps') as maps:
        head.training_maps(features, features, samples, {})
    exemplars = maps.call_args[0][1]
    assert exemplars.shape[:2] == (3, 5) and not exemplars.requires_grad


@pytest.mark.parametrize('exemplar_grad', [True, False])
def test_autocast_keeps_every_gradient(exemplar_grad, make_model, clip_batch):
    """Predicted exemplars are a pass under no_grad, whose half-precision
    copies of the weights must not serve the pass that learns."""
    head = make_model('correlation', refine=1., mask_rate=0.).head
    with torch.autocast('cpu', torch.bfloat16):
        losses = train_step(
            head, clip_batch(), exemplar_grad=exemplar_grad,
            exemplars=dict(predicted_rate=1.))
    losses['loss_kpt'].backward()
    missing = [
        name for name, parameter in head.named_parameters()
        if parameter.grad is None
    ]
    assert not missing


def test_one_set_of_batch_statistics(make_model, clip_batch):
    """Exemplar and current frames go through batch norm together, once."""
    head = make_model('correlation', mask_rate=0.).head.train()
    norm = next(module for module in head.modules()
                if isinstance(module, torch.nn.BatchNorm2d))
    train_step(head, clip_batch())
    assert norm.num_batches_tracked == 1


@pytest.mark.parametrize('exemplar_grad', [True, False])
def test_exemplar_grad(exemplar_grad, make_model, clip_batch):
    head = make_model('correlation', mask_rate=0.).head
    _, samples = clip_batch()
    feats, past = random_feats(), random_feats()
    past[0].requires_grad_()
    losses = head.loss(
        feats, samples, past, train_cfg=dict(exemplar_grad=exemplar_grad))
    losses['loss_kpt'].backward()
    assert (past[0].grad is not None) == exemplar_grad
    if exemplar_grad:
        assert past[0].grad.abs().max() > 0


def test_single_frames_refused_in_training(make_model, clip_batch):
    _, samples = clip_batch(frames=0)
    with pytest.raises(ValueError, match='clip_len=2'):
        make_model('correlation').head.loss(random_feats(), samples)
