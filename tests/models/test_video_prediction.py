# Copyright (c) temporal_corr authors. All rights reserved.
"""The estimator on videos: every one goes on from its own past."""
import numpy as np
import pytest
import torch
from mmpose.models.utils.tta import flip_heatmaps

from projects.temporal_corr.models.resample import mirror

CLOSE = dict(atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('batches', [
    pytest.param(['A0 D0 B0', 'B1 A1 D1', 'D2 C0 A2', 'A3 B2 D3', 'A4'],
                 id='shuffled lanes'),
    pytest.param(['A0 A1 A2', 'A3 A4 B0', 'B1 B2 C0', 'D0 D1 D2 D3'],
                 id='same video'),
    pytest.param(['D0 A0 D1 B0 A1 D2', 'C0 B1 A2 A3 B2 D3 A4'], id='mixed')
])  # yapf: disable
def test_any_batching_equals_streaming(temporal, batches, make_model, videos,
                                       predict, stream):
    """Exactly the keypoints of each video on its own, and nothing is left."""
    model = make_model(
        temporal, refine=0.3, test_cfg=dict(output_heatmaps=True))
    frames, crops = videos
    streamed = {name: stream(model, frames[name], crops[name])
                for name in frames}  # yapf: disable
    if temporal:  # the past matters, or nothing would be shown
        alone = stream(model, frames['A'][3:], crops['A'][3:])
        assert (streamed['A'][3] - alone[0]).abs().max() > 1e-2
    for batch in batches:
        for row, sample in zip(batch.split(), predict(model, batch)):
            heatmaps = streamed[row[0]][int(row[1])]
            torch.testing.assert_close(sample.pred_fields.heatmaps, heatmaps,
                                       **CLOSE)
            np.testing.assert_array_equal(
                sample.pred_instances.keypoints,
                model.head.decode(heatmaps[None])[0].keypoints)
    assert len(model.memory) == 0


@pytest.mark.parametrize('seen, then', [('A0', 'A2'), ('A0', 'A2 A1'),
                                        ('A0 B0', 'B1 A3')])
def test_order_errors(seen, then, make_model, predict):
    """Also within a batch, where a frame is memory to the next."""
    model = make_model('correlation')
    predict(model, seen)
    with pytest.raises(RuntimeError, match='"A".*VideoSampler'):
        predict(model, then)


@pytest.mark.parametrize('mode', [False, True], ids=['eval', 'train'])
def test_memory_is_emptied_between_evaluations(mode, make_model, predict):
    """An evaluation cut short leaves nothing to the next."""
    model = make_model('correlation')
    predict(model, 'A0 B0')
    assert len(model.memory) == 2
    wrapper = torch.nn.Sequential(model)  # as DistributedDataParallel
    wrapper.train(mode)
    assert len(model.memory) == 0


@pytest.mark.parametrize('shift', [False, True], ids=['', 'shift'])
def test_flip_test_streams_twice(temporal, shift, make_model, videos, predict,
                                 stream):
    """The mirrored pass has a past of its own, in mirrored crops."""
    model = make_model(
        temporal,
        refine=0.3,
        test_cfg=dict(
            flip_test=True, shift_heatmap=shift, output_heatmaps=True))
    frames, crops = videos[0]['A'], videos[1]['A']
    straight = stream(model, frames, crops)
    mirrored = stream(model, frames.flip(-1), mirror(crops, 64))
    back = flip_heatmaps(mirrored, [0, 2, 1, 4, 3], shift_heatmap=shift)
    found = []
    for batch in ('A0 A1', 'A2', 'A3 A4'):
        found += predict(model, batch)
    torch.testing.assert_close(
        torch.stack([sample.pred_fields.heatmaps for sample in found]),
        (straight + back) / 2, **CLOSE)
    assert len(model.memory) == 0


@pytest.mark.parametrize('temporal', ['heatmap', 'lstm', 'correlation', None])
def test_nothing_remembered(temporal, make_model, videos, predict):
    """Each frame is a first frame then, whatever its crop, and the order does
    not matter."""
    test_cfg = dict(output_heatmaps=True)
    if temporal:
        test_cfg['memory'] = dict(policy='none')
    model = make_model(temporal, test_cfg=test_cfg)
    frames, crops = (part['A'] for part in videos)
    with torch.no_grad():
        alone, memory = model.head.step(model.extract_feat(frames))
        remembered = None
        for index in (1, 0, 2):
            found, forgotten = model.step(frames[index, None], remembered,
                                          crops[index, None])
            assert forgotten is None
            [sample] = predict(model, f'A{index}')
            for heatmaps in (found[0], sample.pred_fields.heatmaps):
                torch.testing.assert_close(heatmaps, alone[index], **CLOSE)
            remembered = memory and {
                name: part[:1] for name, part in memory.items()}
