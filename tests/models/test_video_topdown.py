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

from projects.temporal_corr.models import keypoint_exemplars
from projects.temporal_corr.models.video_topdown import ground_truth_heatmaps

ALL = pytest.mark.parametrize(
    'temporal', ['correlation', 'heatmap', 'lstm', None])
GRAD = pytest.mark.parametrize('exemplar_grad', [True, False],
                               ids=['exemplar grad', 'no exemplar grad'])


def keypoints(sample):
    return sample.pred_instances.keypoints


@pytest.mark.parametrize('test_cfg', [
    dict(),
    dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True),
], ids=['plain', 'flip'])  # yapf: disable
@ALL
def test_starts_as_topdown_pose_estimator(temporal, test_cfg, make_model,
                                          single_frame_model, video_sample):
    """A checkpoint of MMPose's classes predicts what it always predicted."""
    test_cfg = dict(test_cfg, output_heatmaps=True)
    theirs = single_frame_model
    theirs.test_cfg = test_cfg
    ours = make_model(temporal, refine=0, test_cfg=test_cfg)
    result = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert result.unexpected_keys == []
    prefixes = tuple('head.' + p for p in ours.head.temporal_parameters)
    assert all(key.startswith(prefixes) for key in result.missing_keys)
    for index in range(2):
        inputs = torch.randn(2, 3, 64, 64)
        with torch.no_grad():
            got, wanted = (
                model.predict(inputs,
                              [video_sample(index, name) for name in 'AB'])
                for model in (ours, theirs))
        for one, two in zip(got, wanted):
            # The two passes of a flip test are one batch here: rounding.
            torch.testing.assert_close(
                one.pred_fields.heatmaps,
                two.pred_fields.heatmaps,
                atol=1e-5,
                rtol=1e-5)
            np.testing.assert_array_equal(keypoints(one), keypoints(two))
            np.testing.assert_array_equal(one.pred_instances.bboxes,
                                          two.pred_instances.bboxes)
        # It did remember; the residual block just does not speak yet.
        passes = 2 if test_cfg.get('flip_test') else 1
        assert len(ours.memory) == 2 * passes * bool(temporal)


@ALL
def test_images_are_predicted_alone(temporal, make_model, video_sample):
    """No video fields: no memory, and no order to keep. Tensor mode is what
    get_flops, the inferencer and exports call."""
    model = make_model(temporal)
    inputs = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        heatmaps = model(inputs, None, mode='tensor')
        assert torch.equal(heatmaps, model.step(inputs)[0])
        found = [
            model.predict(inputs, [video_sample(video=None)] * 2)
            for _ in range(2)
        ]
        wanted = model.head.decode(heatmaps)
    assert heatmaps.shape == (2, 5, 16, 16) and len(model.memory) == 0
    for samples in found:
        np.testing.assert_array_equal(
            keypoints(samples[1]), wanted[1].keypoints)


@pytest.mark.parametrize('keep, looked_at', [
    pytest.param([True, False, True], 2, id='some'),
    pytest.param([True, True, True], 3, id='all'),
    pytest.param([False, False, False], 1, id='one, for SyncBatchNorm'),
])
@GRAD
def test_training_on_the_exemplar_frame(exemplar_grad, keep, looked_at,
                                        make_model, clip_batch):
    """The loss is that of kept exemplars here and zero maps there; exemplar
    frames of the others are not looked at. The gradient stops at the exemplar
    frame, or flows into it."""
    model = make_model(
        'correlation', train_cfg=dict(exemplar_grad=exemplar_grad))
    inputs, samples = clip_batch()
    inputs.requires_grad_()
    keep = torch.tensor(keep)
    seen = []
    model.backbone.register_forward_pre_hook(
        lambda module, args: seen.append(len(args[0])))
    with mock.patch.object(
            model.head.temporal, 'draw_kept', return_value=keep):
        loss = model.loss(inputs, samples)['loss_kpt']
    assert sum(seen) == len(inputs) + looked_at
    loss.backward()
    exemplar, current = inputs.grad.abs().amax(dim=(2, 3, 4)).unbind(1)
    assert (current > 0).all()
    assert torch.equal(exemplar > 0, keep & exemplar_grad)

    feats = model.extract_feat(inputs[:, 1])
    exemplars = keypoint_exemplars(
        model.head.features(model.extract_feat(inputs[:, 0])),
        torch.stack([sample.previous_heatmaps[0] for sample in samples]))
    heatmaps, _ = model.head.step(
        feats, dict(exemplars=exemplars * keep[:, None, None]))
    targets = torch.stack([sample.gt_fields.heatmaps for sample in samples])
    torch.testing.assert_close(loss, (heatmaps - targets).square().mean())


@pytest.mark.parametrize('mask_rate', [0., 1.], ids=['kept', 'masked'])
@GRAD
@ALL
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


def test_batches_that_do_not_fit_are_told(make_model, clip_batch):
    """A single-frame model trains on MMPose's batches, or on clips of one
    frame; one that remembers needs clips."""
    model = make_model(None)
    inputs, samples = clip_batch()
    last = inputs[:, -1]
    torch.testing.assert_close(*(
        model(batch, samples, mode='loss')['loss_kpt']
        for batch in (last, last[:, None])))
    for temporal in ('correlation', 'heatmap', 'lstm'):
        with pytest.raises(ValueError, match='clip_len=2.*consecutive'):
            make_model(temporal).loss(*clip_batch(frames=0))


@ALL
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
    rows = [('A', 0), ('A', 1), ('B', 0)]
    wanted = predict(model, rows)
    model.eval()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        got = predict(model, rows)
    for one, two in zip(got, wanted):
        low, full = one.pred_fields.heatmaps, two.pred_fields.heatmaps
        assert low.dtype == torch.float32
        assert (low - full).abs().mean() < 0.05 * full.abs().mean()


@pytest.mark.parametrize('test_cfg, words', [
    (dict(memry=dict(policy='fixed')), 'test_cfg.memry: .*memory'),
    (dict(output_heatmap=True), 'test_cfg.output_heatmap: .*output_heatmaps'),
    (dict(multiscale_test=True), 'test_cfg.multiscale_test'),
])
def test_unknown_test_options_are_refused(test_cfg, words, make_model):
    """Ignored, they would give the result of another setting."""
    with pytest.raises(ValueError, match=words):
        make_model(None, test_cfg=test_cfg)


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
