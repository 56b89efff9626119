# Copyright (c) temporal_corr authors. All rights reserved.
"""Choosing exemplars of recorded videos, and being guided by them."""
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from projects.temporal_corr.models.offline_exemplars import (
    ExemplarCollector, OfflineExemplars, guided_fields, labelled_positions,
    segment_peaks)
from projects.temporal_corr.models.track_memory import TrackFrame


@given(
    total=st.integers(1, 40), parts=st.integers(1, 12), seed=st.integers(0, 9))
@settings(max_examples=60, deadline=None)
def test_one_frame_of_each_part(total, parts, seed):
    """As many as there can be, ascending, none worse than its neighbours."""
    generator = torch.Generator().manual_seed(seed)
    confidence = torch.rand(total, 3, generator=generator)
    rows = segment_peaks(confidence, parts)
    assert rows.shape == (min(total, parts), 3)
    assert (rows.diff(dim=0) > 0).all()
    for column in range(3):
        picked = rows[:, column].tolist()
        assert confidence[:, column].argmax() in picked
    lengths = total / len(rows)
    for part in range(len(rows)):
        assert (rows[part] >= int(part * lengths - 1)).all()
        assert (rows[part] <= (part + 1) * lengths + 1).all()


def test_segment_peaks_by_hand():
    confidence = torch.tensor([[.1, .9], [.3, .2], [.2, .1], [.4, .8]])
    assert segment_peaks(confidence, 2).tolist() == [[1, 0], [3, 3]]


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


@pytest.mark.parametrize('frames', ['second', 0, -1, None])
def test_no_such_labelled_frames(frames):
    with pytest.raises(ValueError, match="'first', 'middle', 'last'"):
        labelled_positions(5, frames)


def test_nearest_of_those_that_were_seen():
    exemplars = torch.eye(3)[:, None].repeat(1, 2, 1)
    exemplars[1, 1] = 0  # the second keypoint is not to be seen in frame 10
    entry = OfflineExemplars(
        torch.tensor([[0, 0], [10, 10], [30, 30]]), exemplars)
    for index, rows in {0: (0, 0), 6: (1, 0), 16: (1, 2), 21: (2, 2)}.items():
        wanted = torch.stack([exemplars[rows[0], 0], exemplars[rows[1], 1]])
        assert torch.equal(entry.nearest(index), wanted), index


def test_tracks_are_kept_apart():
    """Also where two videos advance side by side, and one ends before."""
    confidence = dict(
        A=torch.tensor([[.1, .9], [.5, .3]]),
        B=torch.tensor([[.7, .2], [.1, .4], [.8, .3], [.5, .1]]))
    exemplars = {
        name: torch.nn.functional.normalize(
            torch.randn(len(rows), 2, 4), dim=-1)
        for name, rows in confidence.items()
    }
    collector = ExemplarCollector(num_frames=1)
    for batch in ('A0 B0', 'A1 B1', 'B2', 'B3'):
        rows = [(row[0], int(row[1])) for row in batch.split()]
        collector.add([TrackFrame(name, i, i == 0, False) for name, i in rows],
                      torch.stack([exemplars[name][i] for name, i in rows]),
                      torch.stack([confidence[name][i] for name, i in rows]))
    found = {key[0]: entry for key, entry in collector.finish().items()}
    for name, best in dict(A=[1, 0], B=[2, 1]).items():
        assert found[name].frame_indices.tolist() == [best]
        wanted = torch.stack([exemplars[name][best[0], 0],
                              exemplars[name][best[1], 1]])
        assert torch.equal(found[name].exemplars[0], wanted)


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


def test_one_label_guides_as_a_fixed_exemplar_does(streamed):
    """Two passes and a stream whose memory keeps the label agree."""
    model, frames, crops, samples = streamed
    found = model.extract_exemplars(frames[:1], samples[:1], labelled=True)
    assert found[2].min() > .5
    collector = ExemplarCollector()
    collector.add(*found)
    model.offline = collector.finish()
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


def test_average_is_the_mean_of_single_guides(streamed):
    model, frames, _, samples = streamed
    model.test_cfg['output_heatmaps'] = True
    rows, exemplars, _ = model.extract_exemplars(frames, samples)
    numbers = torch.tensor([[row.frame_index] * 5 for row in rows])

    def guided(chosen, source):
        model.first_pass = dict(source=source)
        entry = OfflineExemplars(numbers[chosen], exemplars[chosen])
        model.offline = {rows[0].key: entry}
        with torch.no_grad():
            found = model.predict(frames, samples)
        return torch.stack([item.pred_fields.heatmaps for item in found])

    mean = (guided([1], 'labels') + guided([3], 'labels')) / 2
    torch.testing.assert_close(
        guided([1, 3], 'predictions'), mean, atol=1e-5, rtol=1e-4)


def test_a_track_is_averaged_over_its_own_frames(streamed):
    """Three trusted frames of A and two of B: each as if it were alone."""
    model, frames, _, samples = streamed
    head, feats = model.head, model.extract_feat(frames[:2])
    rows, exemplars, *_ = model.extract_exemplars(frames, samples)
    rows = [rows[0], rows[0]._replace(video_id='B')]
    trusted = {
        row.key: OfflineExemplars(
            torch.arange(count)[:, None].expand(count, 5), exemplars[:count])
        for row, count in zip(rows, (3, 2))
    }
    with torch.no_grad():
        both = guided_fields(head, feats, rows, {}, trusted, True)
        for number, row in enumerate(rows):
            alone = guided_fields(head,
                                  tuple(level[[number]] for level in feats),
                                  [row], {}, trusted, True)
            torch.testing.assert_close(both[[number]], alone)


def test_others_go_on_from_their_memory(streamed, predict):
    """Trusted exemplars of one person change nothing for another."""
    model, frames, _, samples = streamed
    found = model.extract_exemplars(frames[:1], samples[:1])
    alone = [predict(model, [('B', index)])[0] for index in range(3)]
    collector = ExemplarCollector()
    collector.add(*found)
    model.offline = collector.finish()
    for index, wanted in enumerate(alone):
        found = predict(model, [('A', index), ('B', index)])[1]
        assert (found.pred_instances.keypoints ==
                wanted.pred_instances.keypoints).all()
    assert len(model.memory) == 0  # B is through, A was never remembered


@pytest.mark.parametrize('hide', ['invisible', 'outside'])
def test_a_keypoint_without_label_gives_no_exemplar(hide, streamed):
    """A prediction in its place would be trusted like a label."""
    model, frames, _, samples = streamed
    _, whole, confidence = model.extract_exemplars(
        frames[:1], samples[:1], labelled=True)
    assert (confidence > 0).all()
    if hide == 'invisible':
        samples[0].gt_instances.keypoints_visible[0, 2] = 0
    else:
        samples[0].gt_instances.keypoints[0, 2] = -500.
    _, labelled, confidence = model.extract_exemplars(
        frames[:1], samples[:1], labelled=True)
    assert not labelled[0, 2].any()
    assert (confidence[0] > 0).tolist() == [True, True, False, True, True]
    others = [0, 1, 3, 4]
    assert torch.equal(labelled[0, others], whole[0, others])


@pytest.mark.parametrize('temporal', ['heatmap', None])
def test_heads_without_exemplars_are_refused(temporal, make_model, streamed):
    _, frames, _, samples = streamed
    with pytest.raises(ValueError, match="type='ExemplarCorrelation'"):
        make_model(temporal).extract_exemplars(frames, samples)


def test_two_passes_need_the_first(streamed):
    model, frames, _, samples = streamed
    model._set_policy('offline', source='predictions')
    with pytest.raises(RuntimeError, match='OfflineExemplarsHook'):
        model.predict(frames, samples)
