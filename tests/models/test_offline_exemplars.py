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
    (7, 'last', [6]),
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
def streamed(make_model, videos, video_sample):
    """A model, the first video, its samples with labels."""
    model = make_model('correlation', refine=.3)
    frames, crops = videos[0]['A'], videos[1]['A']
    samples = []
    for index in range(len(frames)):
        sample = video_sample(index, 'A', len(frames), crops[index])
        sample.gt_instances.keypoints = 16 + 32 * torch.rand(1, 5, 2).numpy()
        sample.gt_instances.keypoints_visible = torch.ones(1, 5).numpy()
        samples.append(sample)
    return model, frames, crops, samples


def first_frame(model, frames, samples):
    """Exemplars of the first frame alone."""
    rows, exemplars = model.extract_exemplars(frames[:1], samples[:1])
    return {rows[0].key: {0: exemplars[0]}}


def test_one_label_guides_as_a_fixed_exemplar_does(streamed):
    """A labelled frame and a stream whose memory keeps the label agree."""
    model, frames, crops, samples = streamed
    model.offline = first_frame(model, frames, samples)
    model.test_cfg['output_heatmaps'] = True
    with torch.no_grad():
        guided = model.predict(frames, samples)

    model.head.temporal.set_policy('fixed')
    with torch.no_grad():
        feats = model.extract_feat(frames[:1])
        truth = model._ground_truth(samples[:1], 'cpu')
        memory = model.head.temporal.update(None, model.head.features(feats),
                                            truth)
        for index in range(1, len(frames)):
            heatmaps, memory = model.step(frames[index:index + 1], memory,
                                          crops[index:index + 1])
            torch.testing.assert_close(
                guided[index].pred_fields.heatmaps,
                heatmaps[0],
                atol=1e-4,
                rtol=1e-4)


def test_tracks_are_guided_by_their_own_labels(streamed, predict, videos):
    """Two frames of a track in one batch, each by the label that is closest
    to it, and one of another track."""
    model, frames = streamed[0], videos[0]
    early, late, other = F.normalize(
        torch.randn(3, 5, model.head.temporal.in_channels), dim=-1)
    model.offline = {
        ('A', 0, False): {0: early, 4: late},
        ('B', 0, False): {0: other}
    }  # yapf: disable
    model.test_cfg['output_heatmaps'] = True
    rows = [('A', 1), ('B', 2), ('A', 3)]
    for (name, index), sample, exemplars in zip(rows, predict(model, rows),
                                                (early, other, late)):
        with torch.no_grad():
            wanted, _ = model.step(frames[name][[index]],
                                   dict(exemplars=exemplars[None]))
        torch.testing.assert_close(
            sample.pred_fields.heatmaps, wanted[0], atol=1e-5, rtol=1e-4)


def test_without_labels(make_model, predict):
    """Nothing else is taken in their place."""
    model = make_model(test_cfg=dict(memory=dict(policy='offline')))
    with pytest.raises(RuntimeError, match='OfflineExemplarsHook'):
        predict(model, [('A', 0)])


def test_others_go_on_from_their_memory(streamed, predict):
    """Labels of one person change nothing for another."""
    model, frames, _, samples = streamed
    alone = [predict(model, [('B', index)])[0] for index in range(3)]
    model.offline = first_frame(model, frames, samples)
    for index, wanted in enumerate(alone):
        found = predict(model, [('A', index), ('B', index)])[1]
        assert (found.pred_instances.keypoints ==
                wanted.pred_instances.keypoints).all()
    assert len(model.memory) == 0  # B is through, A was never remembered


@pytest.mark.parametrize('hide', ['invisible', 'outside'])
def test_a_keypoint_without_label_gives_no_exemplar(hide, streamed):
    """A prediction in its place would be taken for a label."""
    model, frames, _, samples = streamed
    _, whole = model.extract_exemplars(frames[:1], samples[:1])
    assert whole.any(dim=-1).all()
    if hide == 'invisible':
        samples[0].gt_instances.keypoints_visible[0, 2] = 0
    else:
        samples[0].gt_instances.keypoints[0, 2] = -500.
    _, labelled = model.extract_exemplars(frames[:1], samples[:1])
    assert not labelled[0, 2].any()
    others = [0, 1, 3, 4]
    assert torch.equal(labelled[0, others], whole[0, others])


@pytest.mark.parametrize('temporal', ['heatmap', None])
def test_heads_without_exemplars_are_refused(temporal, make_model, streamed):
    _, frames, _, samples = streamed
    with pytest.raises(ValueError, match="type='ExemplarCorrelation'"):
        make_model(temporal).extract_exemplars(frames, samples)
