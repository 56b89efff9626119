# Copyright (c) temporal_corr authors. All rights reserved.
"""Errors in the weights of exemplars, and weights without any."""
from unittest import mock

import cv2
import numpy as np
import pytest
import torch
from mmengine.logging import MessageHub
from mmengine.structures import InstanceData
from mmpose.codecs import MSRAHeatmap
from mmpose.structures import PoseDataSample

from projects.temporal_corr.models import keypoint_exemplars
from projects.temporal_corr.models.exemplar_weights import (drop_keypoints,
                                                            errors_at,
                                                            exemplar_weights,
                                                            rank_draw,
                                                            shift_heatmaps,
                                                            swap_sides)
from projects.temporal_corr.models.ground_truth import ground_truth_heatmaps

FLIP_INDICES = [0, 2, 1, 4, 3]
MODULE = 'projects.temporal_corr.models.exemplar_weights'


def one_hot(count=400):
    """Heatmaps with one cell of 1 in the middle, (count, 5, 33, 41)."""
    heatmaps = torch.zeros(count, 5, 33, 41)
    heatmaps[..., 16, 20] = 1.
    return heatmaps


def test_nothing_is_changed_by_default():
    heatmaps = torch.rand(3, 5, 8, 8)
    assert exemplar_weights(heatmaps) is heatmaps


def test_shift_has_the_deviation_it_says():
    """The centre of mass moves; the mass stays."""
    shifted = shift_heatmaps(one_hot(), std=2.)
    mass = shifted.sum(dim=(2, 3))
    rows = (shifted.sum(3) * torch.arange(33.)).sum(2) / mass - 16
    cols = (shifted.sum(2) * torch.arange(41.)).sum(2) / mass - 20
    torch.testing.assert_close(mass, torch.ones_like(mass))
    for offset in (rows, cols):
        assert abs(offset.mean()) < 0.15
        assert abs(offset.std() - 2.) < 0.15
    # keypoints move on their own
    assert abs(np.corrcoef(cols[:, 0], cols[:, 1])[0, 1]) < 0.2


@pytest.mark.parametrize('rate', [0., 0.3, 1.])
def test_pairs_are_swapped_together(rate):
    heatmaps = torch.arange(5.).view(1, 5, 1, 1).expand(2000, 5, 2, 2)
    swapped = swap_sides(heatmaps, FLIP_INDICES, rate)[..., 0, 0]
    assert (swapped[:, 0] == 0).all()  # the head is its own mirror image
    for left, right in ((1, 2), (3, 4)):
        exchanged = swapped[:, left] == right
        assert torch.equal(exchanged, swapped[:, right] == left)
        assert abs(exchanged.float().mean() - rate) < 0.05
    # pairs on their own
    if rate == 0.3:
        assert not torch.equal(swapped[:, 1] == 2, swapped[:, 3] == 4)


@pytest.mark.parametrize('rate', [0., 0.3, 1.])
def test_dropped_keypoints_give_zero_exemplars(rate):
    weights = drop_keypoints(torch.rand(500, 5, 4, 4) + 0.1, rate)
    exemplars = keypoint_exemplars(torch.rand(500, 6, 4, 4), weights)
    dropped = (exemplars == 0).all(dim=2).float().mean()
    assert abs(dropped - rate) < 0.05


def test_predicted_weights_of_whole_samples(make_model, clip_batch):
    """A quarter of the samples, each as a whole; only the others count as
    labelled."""
    head = make_model('correlation', mask_rate=0.).head
    _, samples = clip_batch(count=400)
    truth = torch.ones(400, 5, 4, 4)
    with mock.patch.object(head, 'remember') as remember, \
            mock.patch.object(head, 'heatmaps', return_value=2 * truth):
        remember.return_value = torch.zeros(400, 5, 16)
        head._training_exemplars(None, truth, torch.ones(400).bool(), samples,
                                 dict(exemplars=dict(predicted_rate=0.25)))
    weights = remember.call_args[0][1].flatten(1)
    labelled = remember.call_args[1]['labelled']
    assert (weights == torch.where(labelled, 1., 2.)[:, None]).all()
    assert abs(labelled.float().mean() - 0.75) < 0.07


def test_draws_differ_between_ranks(monkeypatch):
    """MMEngine seeds all ranks alike."""
    drawn = []
    for rank in range(3):
        torch.manual_seed(0)
        monkeypatch.setattr(f'{MODULE}.get_world_size', lambda: 3)
        monkeypatch.setattr(f'{MODULE}.get_rank', lambda rank=rank: rank)
        drawn.append(rank_draw(torch.rand, 4))
    torch.manual_seed(0)
    assert torch.equal(torch.stack(drawn), torch.rand(3, 4))


def test_options_reach_the_training(make_model, clip_batch):
    """All keypoints dropped: the same loss as without maps."""
    head = make_model('correlation', mask_rate=0.).head
    _, samples = clip_batch()
    feats, past = (torch.rand(3, 32, 4, 4), ), (torch.rand(3, 32, 4, 4), )
    dropped = head.loss(
        feats, samples, past, train_cfg=dict(exemplars=dict(drop_rate=1.)))
    plain = head.loss(feats, samples, past)
    heatmaps = head(feats)
    target = torch.stack([item.gt_fields.heatmaps for item in samples])
    torch.testing.assert_close(dropped['loss_kpt'],
                               (heatmaps - target).square().mean())
    assert not torch.isclose(plain['loss_kpt'], dropped['loss_kpt'])


def test_predicted_rate_uses_the_models_own_heatmaps(make_model, clip_batch):
    head = make_model('correlation', mask_rate=0.).head
    _, samples = clip_batch()
    feats, past = (torch.rand(3, 32, 4, 4), ), (torch.rand(3, 32, 4, 4), )
    found = head.loss(
        feats, samples, past,
        train_cfg=dict(exemplars=dict(predicted_rate=1.)))['loss_kpt']
    exemplars = keypoint_exemplars(
        head.features(past), head(past).clamp(min=0))
    heatmaps, _ = head.step(feats, exemplars)
    target = torch.stack([item.gt_fields.heatmaps for item in samples])
    torch.testing.assert_close(found, (heatmaps - target).square().mean())


@pytest.mark.parametrize('progress, rate', [(0., 0.2), (0.25, 0.35),
                                            (1., 0.8)])
def test_a_pair_changes_linearly(progress, rate):
    errors = errors_at(dict(predicted_rate=(0.2, 0.8), shift=1.), progress)
    assert errors == dict(predicted_rate=pytest.approx(rate), shift=1.)


@pytest.mark.parametrize('train_cfg, message', [
    (dict(exemplrs={}), 'no train_cfg.exemplrs: choose from exemplar_grad, '
     '.*did you mean exemplars'),
    (dict(exemplars=dict(drop=0.1)),
     'no train_cfg.exemplars.drop: choose from predicted_rate, '),
    (dict(exemplars=dict(swap_rate=30)),
     'train_cfg.exemplars.swap_rate must be a number from 0 to 1, .* got 30'),
    (dict(exemplars=dict(drop_rate=(0., 0.5, 1.))), 'drop_rate must be'),
    (dict(exemplars=dict(shift='1')), 'shift must be a number from 0 to inf'),
    (dict(exemplars=dict(shift=(0., -1.))), 'shift must be'),
])
def test_misspelt_options_are_refused(train_cfg, message, make_model):
    """Before the training, instead of a plain model under another name."""
    with pytest.raises(ValueError, match=message):
        make_model('correlation', train_cfg=train_cfg)


def test_the_schedule_follows_the_training(make_model, clip_batch,
                                           monkeypatch):
    """All keypoints are dropped when the training ends, none at first."""
    monkeypatch.setattr(MessageHub, '_instance_dict', {})
    hub = MessageHub.get_instance('training')
    hub.update_info('max_iters', 10)
    head = make_model('correlation', mask_rate=0.).head
    _, samples = clip_batch()
    feats, past = (torch.rand(3, 32, 4, 4), ), (torch.rand(3, 32, 4, 4), )

    def loss(iteration, **errors):
        hub.update_info('iter', iteration)
        return head.loss(
            feats, samples, past, train_cfg=dict(exemplars=errors))['loss_kpt']

    rising = dict(drop_rate=(0., 1.))
    assert torch.equal(loss(0, **rising), loss(0))
    assert torch.equal(loss(10, **rising), loss(10, drop_rate=1.))


@pytest.fixture
def annotated():
    """A test sample with a crop that turns, and its image."""
    rng = np.random.default_rng(0)
    matrix = cv2.getRotationMatrix2D((40, 30), 20, 1.2)
    sample = PoseDataSample(
        metainfo=dict(input_size=(64, 48), flip_indices=FLIP_INDICES))
    keypoints = rng.uniform((25, 20), (55, 40), size=(1, 5, 2))
    sample.gt_instances = InstanceData(
        keypoints=keypoints, keypoints_visible=np.array([[1, 1, 1, 1, 0]]))
    sample.set_field(torch.from_numpy(matrix)[None].float(), 'crops')
    return sample, cv2.transform(keypoints, matrix)


CODEC = MSRAHeatmap(input_size=(64, 48), heatmap_size=(16, 12), sigma=1.)


def test_ground_truth_lies_where_the_crop_puts_it(annotated):
    sample, keypoints = annotated
    [heatmaps] = ground_truth_heatmaps([sample], CODEC)
    found, _ = CODEC.decode(heatmaps.numpy())
    np.testing.assert_allclose(found[0, :4], keypoints[0, :4], atol=4.)
    assert not heatmaps[4].any()  # not visible


def test_mirrored_ground_truth_is_that_of_the_mirrored_person(annotated):
    sample, keypoints = annotated
    [heatmaps] = ground_truth_heatmaps([sample], CODEC, FLIP_INDICES)
    mirrored = keypoints[:, FLIP_INDICES] * [-1, 1] + [63, 0]
    wanted = CODEC.encode(
        mirrored.astype(np.float32), np.array([[1, 1, 1, 0, 1]]))['heatmaps']
    np.testing.assert_allclose(heatmaps.numpy(), wanted)
