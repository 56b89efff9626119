# Copyright (c) temporal_corr authors. All rights reserved.
"""Choosing exemplars of recorded videos, and being guided by them."""
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from projects.temporal_corr.models.offline_exemplars import (
    ExemplarCollector, OfflineExemplars, agreement, guided_fields,
    labelled_positions, segment_peaks)
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


@given(total=st.integers(1, 30), seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_agreement_is_as_stated(total, seed):
    """Frame by frame, in numpy: also tracks shorter than the median."""
    rng = np.random.default_rng(seed)
    confidence = rng.random((total, 3), dtype=np.float32)
    positions = rng.normal(100, 10, (total, 3, 2)).astype(np.float32)
    padded = np.pad(positions, ((3, 3), (0, 0), (0, 0)), 'reflect')
    size = sorted(np.ptp(frame, axis=0).max() for frame in positions)
    size = size[(total - 1) // 2]
    found = agreement(torch.tensor(confidence), torch.tensor(positions), .3)
    for t in range(total):
        track = np.median(padded[t:t + 7], axis=0)
        distance = np.linalg.norm(positions[t] - track, axis=1)
        np.testing.assert_allclose(
            found[t],
            np.where(distance <= .3 * size, confidence[t], -distance),
            rtol=1e-5)


@given(
    start=st.integers(3, 17),
    length=st.integers(1, 3),
    parts=st.integers(1, 8),
    seed=st.integers(0, 99))
@settings(max_examples=60, deadline=None)
def test_no_outlier_is_trusted_beside_an_agreeing_frame(
        start, length, parts, seed):
    """However confident it is, and while the person moves. Between the ends
    of the video keypoints without an error keep their confidence."""
    rng = np.random.default_rng(seed)
    confidence = torch.tensor(.9 * rng.random((24, 3), dtype=np.float32))
    walk = np.arange(24)[:, None, None] * rng.normal(0, 1, 2)
    positions = torch.tensor(walk + [[0, 0], [60, 10], [20, 100]])
    wrong = slice(start, start + length)
    positions[wrong, 1] += torch.tensor(rng.choice([-50, 50], 2))
    confidence[wrong, 1] = 1
    rank = agreement(confidence, positions)
    assert segment_peaks(confidence, 1)[0, 1] == start
    rows = segment_peaks(rank, parts)
    bounds = [round(part * 24 / parts) for part in range(parts + 1)]
    for row, begin, end in zip(rows, bounds, bounds[1:]):
        if not (start <= begin and end <= start + length):
            assert not start <= row[1] < start + length
    assert torch.equal(rank[3:-3, ::2], confidence[3:-3, ::2].double())


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
                      torch.stack([confidence[name][i] for name, i in rows]),
                      torch.zeros(len(rows), 2, 2))
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
    rows, exemplars, *_ = model.extract_exemplars(frames, samples)
    numbers = torch.tensor([[row.frame_index] * 5 for row in rows])

    def guided(chosen, merge):
        model.first_pass = dict(merge=merge)
        entry = OfflineExemplars(numbers[chosen], exemplars[chosen])
        model.offline = {rows[0].key: entry}
        with torch.no_grad():
            found = model.predict(frames, samples)
        return torch.stack([item.pred_fields.heatmaps for item in found])

    mean = (guided([1], 'nearest') + guided([3], 'nearest')) / 2
    torch.testing.assert_close(
        guided([1, 3], 'average'), mean, atol=1e-5, rtol=1e-4)


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
        both = guided_fields(head, feats, rows, {}, trusted, 'average')
        for number, row in enumerate(rows):
            alone = guided_fields(head,
                                  tuple(level[[number]] for level in feats),
                                  [row], {}, trusted, 'average')
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


@pytest.mark.parametrize('flip_test', [False, True])
def test_positions_are_those_in_the_image(flip_test, streamed):
    """The crops of the frames, and for a flip test the mirrored ones, lie
    elsewhere; labels do not move, but by a cell."""
    model, frames, _, samples = streamed
    labels = np.array([[30. + i, 25 - i] for i in range(5)])
    for sample in samples:
        sample.gt_instances.keypoints = labels[None]
    model.test_cfg['flip_test'] = flip_test
    rows, *_, positions = model.extract_exemplars(
        frames, samples, labelled=True)
    assert positions.shape == (len(frames) * (1 + flip_test), 5, 2)
    flip_indices = samples[0].metainfo['flip_indices']
    for row, points in zip(rows, positions):
        wanted = labels[flip_indices] if row.mirrored else labels
        assert np.abs(points - wanted).max() <= 4


@pytest.mark.parametrize('hide', ['invisible', 'outside'])
def test_a_keypoint_without_label_gives_no_exemplar(hide, streamed):
    """A prediction in its place would be trusted like a label."""
    model, frames, _, samples = streamed
    _, whole, confidence, _ = model.extract_exemplars(
        frames[:1], samples[:1], labelled=True)
    assert (confidence > 0).all()
    if hide == 'invisible':
        samples[0].gt_instances.keypoints_visible[0, 2] = 0
    else:
        samples[0].gt_instances.keypoints[0, 2] = -500.
    _, labelled, confidence, _ = model.extract_exemplars(
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
