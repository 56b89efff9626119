# Copyright (c) temporal_corr authors. All rights reserved.
"""Poses that are smoothed in a stream, and after it."""
import numpy as np
import pytest
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from projects.temporal_corr.apis import StreamSmoother, smooth_recording
from projects.temporal_corr.smoothing import OneEuroFilter, build_smoother

BOX = [8., 6., 56., 42.]
ONE_EURO = dict(type='OneEuro', fps=20)


def one_euro_by_hand(rows, **kwargs):
    one_euro = OneEuroFilter(**kwargs)
    return [one_euro(points, frame) for frame, points in rows]


@pytest.mark.parametrize('max_age', [30, 2])
def test_inferencer_smooths_each_person(make_inferencer, video, max_age):
    """Memory does not know of it; who is forgotten starts anew."""
    plain = make_inferencer(max_age=max_age)
    smooth = make_inferencer(max_age=max_age, smoothing=ONE_EURO)
    visits = [(7, 3), (3, ), (7, 3), (3, ), (3, ), (3, ), (3, 7), (7, )]
    raw, found = {7: [], 3: []}, {7: [], 3: []}
    for index, (frame, ids) in enumerate(zip(video, visits)):
        pair = [model(frame, [BOX] * len(ids), ids)
                for model in (plain, smooth)]
        for ours, theirs in zip(*pair):
            a, b = ours.pred_instances, theirs.pred_instances
            np.testing.assert_array_equal(a.keypoint_scores, b.keypoint_scores)
            assert a.keypoints.dtype == b.keypoints.dtype
            raw[ours.track_id].append((index, a.keypoints[0]))
            found[ours.track_id].append(b.keypoints[0])
    expected = one_euro_by_hand(raw[3], fps=20)
    np.testing.assert_allclose(found[3], expected, rtol=1e-5)
    if max_age == 30:
        expected = one_euro_by_hand(raw[7], fps=20)
    else:  # away in frames 3, 4, 5
        expected = (one_euro_by_hand(raw[7][:2], fps=20) +
                    one_euro_by_hand(raw[7][2:], fps=20))
    np.testing.assert_allclose(found[7], expected, rtol=1e-5)
    for model in (plain, smooth):
        model.reset()
    a, b = (model(video[0], [BOX]) for model in (plain, smooth))
    np.testing.assert_array_equal(a[0].pred_instances.keypoints,
                                  b[0].pred_instances.keypoints)


def test_inferencer_does_not_look_ahead(make_inferencer):
    with pytest.raises(ValueError, match='OneEuro'):
        make_inferencer(smoothing=dict(type='Gaussian'))


def make_sample(track_id, frame_index, points, scores):
    sample = PoseDataSample(
        metainfo=dict(track_id=track_id, frame_index=frame_index))
    sample.pred_instances = InstanceData(
        keypoints=points[None].astype(np.float32),
        keypoint_scores=scores[None].astype(np.float32),
        bboxes=np.array([BOX]))
    return sample


@pytest.mark.parametrize('smoothing', [
    dict(type='OneEuro', fps=20),
    dict(type='Gaussian'),
    dict(type='SavitzkyGolay', window=3, order=1),
], ids=lambda cfg: cfg['type'])  # yapf: disable
def test_tracks_of_shots_are_smoothed_alone(smoothing):
    """In a stream, and of a recording; labels stay."""
    rng = np.random.default_rng(0)
    cut, shown = 5, {0: [0, 1, 3, 4, 5, 6, 7], 4: [2, 3, 6]}
    points = rng.uniform(0, 50, (8, 5, 3, 2)).astype(np.float32)
    scores = rng.uniform(0.1, 1, (8, 5, 3)).astype(np.float32)
    labelled = np.array([True, False, False])
    video = [[
        make_sample(i, t - (cut if t >= cut else 0), points[t, i], scores[t,
                                                                          i])
        for i in shown if t in shown[i]
    ] for t in range(8)]
    video[3][0].set_metainfo(dict(labelled=labelled))
    if smoothing['type'] == 'OneEuro':
        stream = StreamSmoother(smoothing)
        for t, samples in enumerate(video):
            if t == cut:
                stream.reset()
            stream(samples)
    else:
        smooth_recording(video, build_smoother(smoothing))
    found = [{s.track_id: s.pred_instances.keypoints[0] for s in samples}
             for samples in video]
    for track, times in shown.items():
        for shot in (range(0, cut), range(cut, 8)):
            rows = [t for t in times if t in shot]
            fixed = np.zeros((len(rows), 3), dtype=bool)
            if track == 0 and 3 in rows:
                fixed[rows.index(3)] = labelled
            expected = build_smoother(smoothing)(points[rows, track],
                                                 scores[rows, track], rows,
                                                 fixed)
            np.testing.assert_allclose([found[t][track] for t in rows],
                                       expected, rtol=1e-5)
    np.testing.assert_array_equal(found[3][0][0], points[3, 0, 0])
