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
        assert confidence[:, column].argmax() in rows[:, column].tolist()
    lengths = total / len(rows)
    for part in range(len(rows)):
        assert (rows[part] >= int(part * lengths - 1)).all()
        assert (rows[part] <= (part + 1) * lengths + 1).all()


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


def first_frame(model, frames, samples, **kwargs):
    """Offline exemplars of the first frame alone."""
    collector = ExemplarCollector()
    collector.add(*model.extract_exemplars(frames[:1], samples[:1], **kwargs))
    return collector.finish()


def test_one_label_guides_as_a_fixed_exemplar_does(streamed):
    """Two passes and a stream whose memory keeps the label agree."""
    model, frames, crops, samples = streamed
    model.offline = first_frame(model, frames, samples, labelled=True)
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


def test_a_track_is_averaged_over_its_own_frames(streamed):
    """Three frames of A and two of B: the mean of what each gives alone; of
    labels the nearest in time."""
    model, frames, _, samples = streamed
    head, feats = model.head, model.extract_feat(frames[:2])
    rows, exemplars, _ = model.extract_exemplars(frames, samples)
    rows = [rows[0], rows[0]._replace(video_id='B')]
    counts = (3, 2)

    def guided(number, chosen, average):
        some = tuple(level[[number]] for level in feats)
        indices = torch.arange(5)[chosen, None].expand(-1, 5)
        entry = OfflineExemplars(indices, exemplars[chosen])
        return guided_fields(head, some, [rows[number]], {},
                             {rows[number].key: entry}, average)

    offline = {
        row.key: OfflineExemplars(
            torch.arange(count)[:, None].expand(count, 5), exemplars[:count])
        for row, count in zip(rows, counts)
    }
    with torch.no_grad():
        both = guided_fields(head, feats, rows, {}, offline, True)
        nearest = guided_fields(head, feats, rows, {}, offline, False)
        for number, count in enumerate(counts):
            alone = [guided(number, [i], False) for i in range(count)]
            torch.testing.assert_close(both[[number]], sum(alone) / count,
                                       atol=1e-5, rtol=1e-4)
            torch.testing.assert_close(nearest[[number]], alone[0])


@pytest.mark.parametrize('source, average', [('predictions', True),
                                             ('labels', False)])
def test_predictions_are_averaged_labels_are_not(source, average, streamed):
    model, frames, _, samples = streamed
    rows, exemplars, _ = model.extract_exemplars(frames, samples)
    model._set_policy('offline', source=source)
    with pytest.raises(RuntimeError, match='OfflineExemplarsHook'):
        model.predict(frames, samples)  # without a first pass
    entry = OfflineExemplars(torch.tensor([[1] * 5, [3] * 5]),
                             exemplars[[1, 3]])
    model.offline = {rows[0].key: entry}
    model.test_cfg['output_heatmaps'] = True
    with torch.no_grad():
        found = model.predict(frames, samples)
        wanted = guided_fields(model.head, model.extract_feat(frames), rows,
                               {}, model.offline, average)
    for sample, heatmaps in zip(found, wanted):
        torch.testing.assert_close(sample.pred_fields.heatmaps, heatmaps)


def test_others_go_on_from_their_memory(streamed, predict):
    """Offline exemplars of one person change nothing for another."""
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
    _, whole, confidence = model.extract_exemplars(
        frames[:1], samples[:1], labelled=True)
    assert (confidence > .5).all()
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
