# Copyright (c) temporal_corr authors. All rights reserved.
"""Exemplars of labelled frames, and being guided by them."""
import pytest
import torch
import torch.nn.functional as F

from projects.temporal_corr.models.offline_exemplars import (
    labelled_positions, nearest_exemplars)


@pytest.mark.parametrize('total, frames, expected', [
    (7, 'first', [0]),
    (7, 'middle', [3]),
    (4, 'middle', [1]),
    (7, 3, [0, 3, 6]),
    (1, 'middle', [0]),
])
def test_labelled_positions(total, frames, expected):
    assert labelled_positions(total, frames) == expected


def test_nearest_of_those_that_were_seen():
    exemplars = torch.eye(3)[:, None].repeat(1, 2, 1)
    exemplars[1, 1] = 0  # the second keypoint is not to be seen in frame 10
    # in any order, as a person labels them
    known = {30: exemplars[2], 0: exemplars[0], 10: exemplars[1]}
    for index, rows in {0: (0, 0), 6: (1, 0), 16: (1, 2), 21: (2, 2)}.items():
        wanted = torch.stack([exemplars[rows[0], 0], exemplars[rows[1], 1]])
        assert torch.equal(nearest_exemplars(known, index), wanted), index
    # Nothing of it is made on the CPU, with a model that is elsewhere.
    elsewhere = {index: frame.to('meta') for index, frame in known.items()}
    assert nearest_exemplars(elsewhere, 6).is_meta


@pytest.fixture
def model(make_model):
    return make_model(
        'correlation', refine=.3, test_cfg=dict(output_heatmaps=True))


@pytest.fixture
def labelled(videos, video_sample):
    """The frames of the first video, their crops and samples with labels."""
    frames, crops = videos[0]['A'], videos[1]['A']
    samples = []
    for index in range(len(frames)):
        sample = video_sample(index, 'A', len(frames), crops[index])
        sample.gt_instances.keypoints = 16 + 32 * torch.rand(1, 5, 2).numpy()
        sample.gt_instances.keypoints_visible = torch.ones(1, 5).numpy()
        samples.append(sample)
    return frames, crops, samples


def first_frame(model, frames, samples):
    """Exemplars of the first frame alone."""
    rows, exemplars = model.extract_exemplars(frames[:1], samples[:1])
    return {rows[0].key: {0: exemplars[0]}}


@torch.no_grad()
def test_one_label_guides_as_a_fixed_exemplar_does(model, labelled, stream):
    """A labelled frame and a stream whose memory keeps the label agree."""
    frames, crops, samples = labelled
    model.offline = first_frame(model, frames, samples)
    guided = [sample.pred_fields.heatmaps
              for sample in model.predict(frames, samples)]
    temporal = model.head.temporal
    temporal.set_policy('fixed')
    memory = temporal.update(
        None, model.head.features(model.extract_feat(frames[:1])),
        model._ground_truth(samples[:1], 'cpu'))
    torch.testing.assert_close(
        torch.stack(guided[1:]), stream(model, frames[1:], crops[1:], memory),
        atol=1e-4, rtol=1e-4)  # yapf: disable


@torch.no_grad()
def test_tracks_are_guided_by_their_own_labels(model, predict, videos):
    """Two frames of a track in one batch, each by the label that is closest
    to it, and one of another track."""
    early, late, other = F.normalize(torch.randn(3, 5, 16), dim=-1)
    model.offline = {
        ('A', 0, False): {0: early, 4: late},
        ('B', 0, False): {0: other}
    }  # yapf: disable
    for sample, frame, exemplars in zip(
            predict(model, 'A1 B2 A3'),
            (videos[0]['A'][1], videos[0]['B'][2], videos[0]['A'][3]),
            (early, other, late)):
        wanted, _ = model.step(frame[None], dict(exemplars=exemplars[None]))
        torch.testing.assert_close(
            sample.pred_fields.heatmaps, wanted[0], atol=1e-5, rtol=1e-4)


def test_without_labels(make_model, predict):
    """Nothing else is taken in their place."""
    model = make_model(test_cfg=dict(memory=dict(policy='offline')))
    with pytest.raises(RuntimeError, match='OfflineExemplarsHook'):
        predict(model, 'A0')


def test_others_go_on_from_their_memory(model, labelled, predict):
    """Labels of one person change nothing for another."""
    frames, _, samples = labelled
    alone = [predict(model, f'B{index}')[0] for index in range(3)]
    model.offline = first_frame(model, frames, samples)
    for index, wanted in enumerate(alone):
        found = predict(model, f'A{index} B{index}')[1]
        assert (found.pred_instances.keypoints ==
                wanted.pred_instances.keypoints).all()
    assert len(model.memory) == 0  # B is through, A was never remembered


@pytest.mark.parametrize('hide', ['invisible', 'outside'])
def test_a_keypoint_without_label_gives_no_exemplar(hide, model, labelled):
    """A prediction in its place would be taken for a label."""
    frames, _, samples = labelled
    _, whole = model.extract_exemplars(frames[:1], samples[:1])
    assert whole.any(dim=-1).all()
    if hide == 'invisible':
        samples[0].gt_instances.keypoints_visible[0, 2] = 0
    else:
        samples[0].gt_instances.keypoints[0, 2] = -500.
    _, found = model.extract_exemplars(frames[:1], samples[:1])
    whole[0, 2] = 0
    assert torch.equal(found, whole)


@pytest.mark.parametrize('temporal', ['heatmap', None])
def test_heads_without_exemplars_are_refused(temporal, make_model, labelled):
    frames, _, samples = labelled
    with pytest.raises(ValueError, match="type='ExemplarCorrelation'"):
        make_model(temporal).extract_exemplars(frames, samples)
