# Copyright (c) temporal_corr authors. All rights reserved.
"""The estimator as a single-frame model, and in training."""
from unittest import mock

import numpy as np
import pytest
import torch
from mmpose.models import build_pose_estimator
from mmpose.models.pose_estimators import TopdownPoseEstimator

from projects.temporal_corr.models import keypoint_exemplars

ALL = pytest.mark.parametrize(
    'temporal', ['correlation', 'heatmap', 'lstm', None])
TEMPORAL = pytest.mark.parametrize(
    'temporal', ['correlation', 'heatmap', 'lstm'])


def keypoints(sample):
    return sample.pred_instances.keypoints


@pytest.mark.parametrize(
    'test_cfg', [
        dict(),
        dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True),
        dict(flip_test=True, flip_mode='heatmap', shift_heatmap=False),
    ],
    ids=['plain', 'flip', 'flip without shift'])
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
    assert type(theirs) is TopdownPoseEstimator
    remembered = []
    for index in range(3):
        inputs = torch.randn(2, 3, 64, 64)

        def samples():
            return [video_sample(index, name) for name in 'AB']

        with torch.no_grad():
            wanted = theirs.predict(inputs, samples())
            got = ours.predict(inputs, samples())
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
        remembered.append(len(ours.memory))
    # It did remember; the residual block just does not speak yet.
    passes = 2 if test_cfg.get('flip_test') else 1
    assert remembered == [2 * passes * bool(temporal)] * 3


@ALL
def test_tensor_mode_is_single_frame(temporal, make_model):
    """What get_flops, the inferencer and exports call."""
    model = make_model(temporal)
    inputs = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        heatmaps = model(inputs, None, mode='tensor')
        assert torch.equal(heatmaps, model._forward(inputs))
        assert torch.equal(heatmaps, model.step(inputs)[0])
    assert heatmaps.shape == (2, 5, 16, 16)
    assert len(model.memory) == 0


@TEMPORAL
def test_images_are_predicted_alone(temporal, make_model, video_sample):
    """No video fields: no memory, and no order to keep."""
    model = make_model(temporal)
    inputs = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        first, second = (
            model.predict(inputs, [video_sample(video=None)] * 2)
            for _ in range(2))
        wanted = model.head.decode(model(inputs, None, mode='tensor'))
    assert len(model.memory) == 0
    np.testing.assert_array_equal(keypoints(first[1]), keypoints(second[1]))
    np.testing.assert_array_equal(keypoints(first[1]), wanted[1].keypoints)


@pytest.mark.parametrize('exemplar_grad', [True, False],
                         ids=['exemplar grad', 'no exemplar grad'])
def test_trains_on_the_exemplar_frame(exemplar_grad, make_model, clip_batch):
    """The gradient stops at the exemplar frame, or flows into it."""
    model = make_model(
        'correlation',
        mask_rate=0.,
        train_cfg=dict(exemplar_grad=exemplar_grad))
    inputs, samples = clip_batch()
    inputs.requires_grad_()
    loss = model.loss(inputs, samples)['loss_kpt']
    loss.backward()
    exemplar, current = inputs.grad.abs().amax(dim=(0, 2, 3, 4))
    assert current > 0
    assert (exemplar > 0) == exemplar_grad


@pytest.mark.parametrize('keep, looked_at', [
    pytest.param([True, False, True], 2, id='some'),
    pytest.param([True, True, True], 3, id='all'),
    pytest.param([False, False, False], 1, id='one, for SyncBatchNorm'),
])
@pytest.mark.parametrize('exemplar_grad', [True, False],
                         ids=['exemplar grad', 'no exemplar grad'])
def test_exemplar_frames_of_masked_samples_are_not_looked_at(
        exemplar_grad, keep, looked_at, make_model, clip_batch):
    """The loss is that of kept exemplars here and zero maps there."""
    model = make_model(
        'correlation', train_cfg=dict(exemplar_grad=exemplar_grad))
    inputs, samples = clip_batch()
    keep = torch.tensor(keep)
    seen = []
    model.backbone.register_forward_pre_hook(
        lambda module, args: seen.append(len(args[0])))
    with mock.patch.object(
            model.head.temporal, 'draw_kept', return_value=keep):
        loss = model.loss(inputs, samples)['loss_kpt']
    assert sum(seen) == len(inputs) + looked_at

    feats = model.extract_feat(inputs[:, 1])
    exemplars = keypoint_exemplars(
        model.head.features(model.extract_feat(inputs[:, 0])),
        torch.stack([sample.previous_heatmaps[0] for sample in samples]))
    heatmaps, _ = model.head.step(
        feats, dict(exemplars=exemplars * keep[:, None, None]))
    targets = torch.stack([sample.gt_fields.heatmaps for sample in samples])
    torch.testing.assert_close(loss, (heatmaps - targets).square().mean())


@pytest.mark.parametrize('mask_rate', [0., 1.], ids=['kept', 'masked'])
@pytest.mark.parametrize('exemplar_grad', [True, False],
                         ids=['exemplar grad', 'no exemplar grad'])
@ALL
def test_every_parameter_gets_a_gradient(temporal, exemplar_grad, mask_rate,
                                         make_model, clip_batch):
    """So DistributedDataParallel needs no find_unused_parameters."""
    options = dict(mask_rate=mask_rate) if temporal else {}
    model = make_model(
        temporal, train_cfg=dict(exemplar_grad=exemplar_grad),
        **options).train()
    inputs, samples = clip_batch(frames=2 if temporal else 0)
    model.loss(inputs, samples)['loss_kpt'].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_single_frame_model_trains_on_images(make_model, clip_batch):
    """MMPose's batches (N, 3, H, W), or clips of one frame; one that was to
    remember is told apart by its longer clips."""
    model = make_model(None)
    inputs, samples = clip_batch()
    last = inputs[:, -1]
    losses = [
        model(batch, samples, mode='loss')['loss_kpt']
        for batch in (last, last[:, None])
    ]
    torch.testing.assert_close(*losses)
    with pytest.raises(ValueError, match="type='ExemplarCorrelation'"):
        model(inputs, samples, mode='loss')


def test_other_heads_are_refused(single_frame_config):
    with pytest.raises(TypeError, match='HeatmapHead.*TopdownPoseEstimator'):
        build_pose_estimator(
            dict(single_frame_config, type='VideoTopdownPoseEstimator'))


@pytest.mark.parametrize('flip_test', [False, True], ids=['', 'flip'])
@ALL
def test_mixed_precision(temporal, flip_test, make_model, clip_batch,
                         predict):
    model = make_model(
        temporal,
        refine=0.1,
        test_cfg=dict(flip_test=flip_test, output_heatmaps=True))
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


@pytest.mark.parametrize('temporal', ['correlation', None])
@pytest.mark.parametrize('test_cfg, words', [
    (dict(memry=dict(policy='fixed')), 'test_cfg.memry: .*memory'),
    (dict(flip_test=True, fliptest=True), 'test_cfg.fliptest: .*flip_test'),
    (dict(output_heatmap=True), 'test_cfg.output_heatmap: .*output_heatmaps'),
    (dict(multiscale_test=True), 'test_cfg.multiscale_test'),
    (dict(exemplars='ground_truth'), "memory=dict.policy='ground_truth'"),
])
def test_misspelt_test_options_are_refused(temporal, test_cfg, words,
                                           make_model):
    """Ignored, they would give the result of another setting."""
    with pytest.raises(ValueError, match=words):
        make_model(temporal, test_cfg=test_cfg)
