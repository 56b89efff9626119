# Copyright (c) temporal_corr authors. All rights reserved.
"""The estimator on videos: every one goes on from its own past."""
import numpy as np
import pytest
import torch
from mmpose.models.utils.tta import flip_heatmaps

from projects.temporal_corr.models.resample import mirror

FLIP_INDICES = [0, 2, 1, 4, 3]

ALL = pytest.mark.parametrize(
    'temporal', ['correlation', 'heatmap', 'lstm', None])
CLOSE = dict(atol=1e-4, rtol=1e-4)


def stream(model, frames, crops):
    """Heatmaps (T, P, h, w) of one video, frame by frame."""
    memory, heatmaps = None, []
    with torch.no_grad():
        for frame, crop in zip(frames, crops):
            maps, memory = model.step(frame[None], memory, crop[None])
            heatmaps.append(maps)
    return torch.cat(heatmaps)


def keypoints(sample):
    return sample.pred_instances.keypoints


def rows(text):
    """'A0 B1' as (video, frame index) pairs."""
    return [(row[0], int(row[1])) for row in text.split()]


@pytest.mark.parametrize('batches', [
    pytest.param(['A0 D0 B0', 'B1 A1 D1', 'D2 C0 A2', 'A3 B2 D3', 'A4'],
                 id='shuffled lanes'),
    pytest.param(['A0 A1 A2', 'A3 A4 B0', 'B1 B2 C0', 'D0 D1 D2 D3'],
                 id='same video'),
    pytest.param(['D0 A0 D1 B0 A1 D2', 'C0 B1 A2 A3 B2 D3 A4'], id='mixed')
])  # yapf: disable
@ALL
def test_any_batching_equals_streaming(temporal, batches, make_model, videos,
                                       predict):
    """Exactly the keypoints of each video on its own, and nothing is left."""
    model = make_model(
        temporal, refine=0.3, test_cfg=dict(output_heatmaps=True))
    streamed = {
        name: stream(model, frames, videos[1][name])
        for name, frames in videos[0].items()
    }
    if temporal:  # the past matters, or nothing would be shown
        alone = stream(model, videos[0]['A'][3:], videos[1]['A'][3:])
        assert (streamed['A'][3] - alone[0]).abs().max() > 1e-2
    for batch in map(rows, batches):
        for (name, index), sample in zip(batch, predict(model, batch)):
            heatmaps = streamed[name][index]
            torch.testing.assert_close(sample.pred_fields.heatmaps, heatmaps,
                                       **CLOSE)
            wanted = model.head.decode(heatmaps[None])[0].keypoints
            np.testing.assert_array_equal(keypoints(sample), wanted)
    assert len(model.memory) == 0


@pytest.mark.parametrize('seen, then', [('A0', 'A2'), ('', 'A0 A0'),
                                        ('A0', 'A2 A1'),
                                        ('A0 B0', 'B1 A3')])
def test_order_errors(seen, then, make_model, predict):
    """Also within a batch, where a frame is memory to the next."""
    model = make_model('correlation')
    if seen:
        predict(model, rows(seen))
    with pytest.raises(RuntimeError, match='"A".*VideoSampler'):
        predict(model, rows(then))


def test_single_frame_model_takes_any_order(make_model, predict):
    model = make_model(None)
    first = predict(model, rows('A3 A1'))
    second = predict(model, rows('A1'))
    np.testing.assert_array_equal(keypoints(first[1]), keypoints(second[0]))


@pytest.mark.parametrize('mode', [False, True], ids=['eval', 'train'])
def test_memory_is_emptied_between_evaluations(mode, make_model, predict):
    """An evaluation cut short leaves nothing to the next."""
    model = make_model('correlation')
    predict(model, rows('A0 B0'))
    assert len(model.memory) == 2
    wrapper = torch.nn.Sequential(model)  # as DistributedDataParallel
    wrapper.train(mode)
    assert len(model.memory) == 0


@pytest.mark.parametrize('shift', [False, True], ids=['', 'shift'])
@ALL
def test_flip_test_streams_twice(temporal, shift, make_model, videos,
                                 predict):
    """The mirrored pass has a past of its own, in mirrored crops."""
    model = make_model(
        temporal,
        refine=0.3,
        test_cfg=dict(
            flip_test=True, shift_heatmap=shift, output_heatmaps=True))
    frames, crops = videos[0]['A'], videos[1]['A']
    straight = stream(model, frames, crops)
    mirrored = stream(model, frames.flip(-1), mirror(crops, 64))
    back = flip_heatmaps(mirrored, FLIP_INDICES, shift_heatmap=shift)
    wanted = (straight + back) / 2
    for batch in map(rows, ('A0 A1', 'A2', 'A3 A4')):
        for (name, index), sample in zip(batch, predict(model, batch)):
            torch.testing.assert_close(sample.pred_fields.heatmaps,
                                       wanted[index], **CLOSE)
    assert len(model.memory) == 0
