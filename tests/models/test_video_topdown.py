# Copyright (c) temporal_corr authors. All rights reserved.
"""The estimator as a single-frame model, in training, and its options."""
from unittest import mock

import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.codecs import MSRAHeatmap
from mmpose.structures import PoseDataSample
from torch.nn import functional as F

from projects.temporal_corr.models import keypoint_exemplars
from projects.temporal_corr.models.video_topdown import ground_truth_heatmaps

GRAD = pytest.mark.parametrize('exemplar_grad', [True, False],
                               ids=['exemplar grad', 'no exemplar grad'])
#: Parameters of what is remembered, as released checkpoints call them.
ADDED = {
    None: [],
    'correlation': ['correlation.scale', 'correlation.bias'],
    'heatmap': ['previous_heatmaps.scale', 'previous_heatmaps.bias'],
    'lstm': [f'lstm.cell.conv_{name}'
             for name in ('x.weight', 'x.bias', 'h.weight')],
}  # yapf: disable


def keypoints(sample):
    return sample.pred_instances.keypoints


@pytest.mark.parametrize('flip', [False, True], ids=['plain', 'flip'])
def test_starts_as_topdown_pose_estimator(temporal, flip, make_model,
                                          single_frame_model, video_sample):
    """A checkpoint of MMPose's classes predicts what it always predicted,
    whatever is remembered."""
    test_cfg = dict(output_heatmaps=True)
    if flip:
        test_cfg.update(flip_test=True, shift_heatmap=True)
    theirs = single_frame_model
    theirs.test_cfg = test_cfg
    ours = make_model(temporal, refine=0, test_cfg=test_cfg)
    ours.init_weights()
    result = ours.load_state_dict(theirs.state_dict(), strict=False)
    added = ADDED[temporal] + ['refinement.maps_conv.weight'] * bool(temporal)
    added += [f'refinement.conv{number}.{kind}' for number in (1, 2)
              for kind in ('weight', 'bias')]  # yapf: disable
    assert result.unexpected_keys == []
    assert set(result.missing_keys) == {f'head.{name}' for name in added}
    assert all(name.startswith(ours.head.temporal_parameters)
               for name in added)
    # The two passes of a flip test are one batch here: rounding.
    close = dict(atol=1e-5, rtol=1e-5) if flip else dict(atol=0, rtol=0)
    for index in range(2):
        inputs = torch.randn(2, 3, 64, 64)
        with torch.no_grad():
            got, wanted = (
                model.predict(inputs,
                              [video_sample(index, name) for name in 'AB'])
                for model in (ours, theirs))
        for one, two in zip(got, wanted):
            heatmaps = two.pred_fields.heatmaps
            assert heatmaps.std() > 0.01
            torch.testing.assert_close(one.pred_fields.heatmaps, heatmaps,
                                       **close)
            np.testing.assert_array_equal(keypoints(one), keypoints(two))
            np.testing.assert_array_equal(one.pred_instances.bboxes,
                                          two.pred_instances.bboxes)
        # It did remember; the residual block just does not speak yet.
        assert len(ours.memory) == 2 * (1 + flip) * bool(temporal)


def test_images_are_predicted_alone(temporal, make_model, video_sample):
    """No video fields: no memory, and no order to keep. Tensor mode is what
    get_flops, the inferencer and exports call."""
    model = make_model(temporal)
    inputs = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        heatmaps = model(inputs, None, mode='tensor')
        assert torch.equal(heatmaps, model.step(inputs)[0])
        wanted = model.head.decode(heatmaps)
        for _ in range(2):
            found = model.predict(inputs, [video_sample(video=None)] * 2)
            np.testing.assert_array_equal(
                keypoints(found[1]), wanted[1].keypoints)
    assert heatmaps.shape == (2, 5, 16, 16) and len(model.memory) == 0


@pytest.mark.parametrize('keep', [(1, 0, 1), (1, 1, 1), (0, 0, 0)])
@GRAD
@pytest.mark.parametrize('temporal', ['correlation', 'heatmap'])
def test_loss_from_its_parts(temporal, exemplar_grad, keep, make_model,
                             clip_batch):
    """The last frame of a clip meets the targets, its maps made of the true
    heatmaps of the frame before, zero where masked. Only exemplar frames that
    are kept are looked at, but one for SyncBatchNorm; the gradient stops
    there, or flows into them."""
    model = make_model(temporal, train_cfg=dict(exemplar_grad=exemplar_grad))
    inputs, samples = clip_batch(frames=4)
    inputs.requires_grad_()
    keep = torch.tensor(keep).bool()
    seen = []
    model.backbone.register_forward_pre_hook(
        lambda module, args: seen.append(len(args[0])))
    with mock.patch.object(
            model.head.temporal, 'draw_kept', return_value=keep):
        losses = model.loss(inputs, samples)
    correlates = temporal == 'correlation'
    assert sum(seen) == 3 + max(keep.sum(), 1) * correlates
    losses['loss_kpt'].backward()
    *older, exemplar, current = inputs.grad.abs().amax(
        dim=(2, 3, 4)).unbind(1)
    assert (current > 0).all() and not torch.stack(older).any()
    assert torch.equal(exemplar > 0, keep & exemplar_grad & correlates)

    crops = torch.stack([sample.crops for sample in samples])
    truth = torch.stack([sample.previous_heatmaps[-1] for sample in samples])
    truth = truth * keep[:, None, None, None]
    features = model.head.features(model.extract_feat(inputs[:, -2]))
    heatmaps, _ = model.step(
        inputs[:, -1],
        dict(exemplars=keypoint_exemplars(features, truth))
        if correlates else dict(heatmaps=truth, crops=crops[:, -2]),
        crops[:, -1])
    targets = torch.stack([sample.gt_fields.heatmaps for sample in samples])
    torch.testing.assert_close(losses['loss_kpt'],
                               F.mse_loss(heatmaps, targets))
    assert losses['acc_pose'].shape == ()


@pytest.mark.parametrize('mask_rate', [0., 1.], ids=['kept', 'masked'])
@GRAD
def test_every_parameter_gets_a_gradient(temporal, exemplar_grad, mask_rate,
                                         make_model, clip_batch):
    """So DistributedDataParallel needs no find_unused_parameters. All frames
    go through batch norm together, once, unless gradients stop."""
    options = dict(mask_rate=mask_rate) if temporal else {}
    model = make_model(
        temporal, train_cfg=dict(exemplar_grad=exemplar_grad),
        **options).train()
    inputs, samples = clip_batch(frames=2 if temporal else 0)
    model.loss(inputs, samples)['loss_kpt'].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name
    if exemplar_grad:
        assert all(module.num_batches_tracked == 1
                   for module in model.modules()
                   if isinstance(module, torch.nn.BatchNorm2d))


def test_batches_that_do_not_fit_are_told(temporal, make_model, clip_batch):
    """A single-frame model trains on MMPose's batches, or on clips of one
    frame; one that remembers needs clips."""
    model = make_model(temporal)
    inputs, samples = clip_batch(frames=0)
    if temporal:
        with pytest.raises(ValueError, match='clip_len=2.*consecutive'):
            model.loss(inputs, samples)
    else:
        torch.testing.assert_close(*(
            model(batch, samples, mode='loss')['loss_kpt']
            for batch in (inputs, inputs[:, None])))


def test_mixed_precision(temporal, make_model, clip_batch, predict):
    model = make_model(
        temporal,
        refine=0.1,
        test_cfg=dict(flip_test=True, output_heatmaps=True))
    inputs, samples = clip_batch(frames=2 if temporal else 0)
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = model.loss(inputs, samples)['loss_kpt']
    loss.backward()
    assert all(
        torch.isfinite(p.grad).all() for p in model.parameters())
    wanted = predict(model, 'A0 A1 B0')
    model.eval()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        got = predict(model, 'A0 A1 B0')
    for one, two in zip(got, wanted):
        low, full = one.pred_fields.heatmaps, two.pred_fields.heatmaps
        assert low.dtype == torch.float32
        assert (low - full).abs().mean() < 0.05 * full.abs().mean()


def memory(**options):
    return dict(test_cfg=dict(memory=options))


@pytest.mark.parametrize('temporal, settings, words', [
    # ignored, they would give the result of another setting
    (None, dict(test_cfg=dict(memry={})), 'test_cfg.memry: .*memory'),
    (None, dict(test_cfg=dict(multiscale_test=1)), 'test_cfg.multiscale_test'),
    (None, dict(train_cfg=dict(exemplar_gard=1)), 'train_cfg.*exemplar_grad'),
    # what a test remembers
    ('correlation', memory(policy='newest'), 'newest.*previous, none, fixed'),
    ('correlation', memory(policy='average', decay=.9), 'no decay.*momentum'),
    ('heatmap', memory(policy='fixed'), 'PreviousHeatmaps: .*none'),
    (None, memory(policy='none'), 'temporal=None'),
    # offsets are no weights
    ('correlation', dict(head=dict(decoder=dict(
        type='UDPHeatmap', input_size=(64, 64), heatmap_size=(16, 16),
        heatmap_type='combined'))), "heatmap_type='gaussian'"),
])  # yapf: disable
def test_settings_that_do_not_fit(temporal, settings, words, make_model):
    with pytest.raises(ValueError, match=words):
        make_model(temporal, **settings)


@pytest.mark.parametrize('flip', [False, True])
def test_ground_truth_is_what_the_codec_draws_in_the_crop(flip):
    """A crop that turns; mirrored, the heatmaps of the mirrored person."""
    codec = MSRAHeatmap(input_size=(64, 48), heatmap_size=(16, 12), sigma=1.)
    matrix = cv2.getRotationMatrix2D((40, 30), 20, 1.2)
    keypoints = np.random.default_rng(0).uniform((25, 20), (55, 40), (1, 5, 2))
    visible = np.array([[1, 1, 1, 1, 0]])
    sample = PoseDataSample(metainfo=dict(input_size=(64, 48)))
    sample.gt_instances = InstanceData(
        keypoints=keypoints, keypoints_visible=visible)
    sample.set_field(torch.from_numpy(matrix)[None].float(), 'crops')
    indices = [0, 2, 1, 4, 3] if flip else None
    [found] = ground_truth_heatmaps([sample], codec, indices)
    wanted = cv2.transform(keypoints, matrix)
    if flip:
        wanted = wanted[:, indices] * [-1, 1] + [63, 0]
        visible = visible[:, indices]
    wanted = codec.encode(wanted.astype(np.float32), visible)['heatmaps']
    np.testing.assert_allclose(found.numpy(), wanted, atol=1e-6)
