# Copyright (c) temporal_corr authors. All rights reserved.
"""What is remembered, against hand-computed cases and for any input."""
import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from projects.temporal_corr.models.correlation import keypoint_exemplars
from projects.temporal_corr.models.exemplar_policies import (LABELLED,
                                                             build_policy)

ALL = [
    dict(policy='fixed'),
    dict(policy='fixed', threshold=0.5),
    dict(policy='average'),
    dict(policy='weighted_average', decay=0.9),
    dict(policy='gated', threshold=0.7, decay=0.95, agreement=0.9),
    dict(policy='bank', size=3),
]


def unit(*angles):
    """Unit vectors in the plane, as the exemplars of one person, degrees."""
    angles = np.deg2rad(angles)
    return torch.tensor(
        np.stack([np.cos(angles), np.sin(angles)], -1)[None],
        dtype=torch.float32)


def run(memory, frames):
    """The values after each of ``frames`` (angle, confidence), P = 1."""
    policy, value, seen = build_policy(memory), None, []
    for angle, confidence in frames:
        value = policy(value, unit(angle), torch.tensor([[confidence]]))
        seen.append(value)
    return seen


def angles(values):
    return [
        np.rad2deg(torch.atan2(v['exemplars'][0, 0, 0, 1],
                               v['exemplars'][0, 0, 0, 0]).item())
        for v in values
    ]


@pytest.mark.parametrize('memory, frames, expected', [
    # the first is kept, whatever comes
    (dict(policy='fixed'), [(0, .2), (90, .9)], [0, 0]),
    # ... once it is good enough; until then the best
    (dict(policy='fixed', threshold=.5), [(0, .3), (90, .2), (45, .6),
                                          (80, .9)], [0, 0, 45, 45]),
    # half and half, of unit length
    (dict(policy='average', momentum=.5), [(0, .9), (90, .9)], [0, 45]),
    # weights .8^2 and .6^2: atan(.36 / .64)
    (dict(policy='weighted_average'), [(0, .8), (90, .6)],
     [0, np.rad2deg(np.arctan2(.36, .64))]),
    # the less confident does not replace, the more confident does
    (dict(policy='gated'), [(0, .5), (40, .4), (80, .6)], [0, 0, 80]),
    # .5 fades to .5 * .9 * .9 = .405
    (dict(policy='gated', decay=.9), [(0, .5), (40, .4), (80, .41)],
     [0, 0, 80]),
    (dict(policy='gated', threshold=.4), [(0, .9), (40, .3), (80, .5)],
     [0, 0, 80]),
    # cos 20 = .94 is like it, cos 70 is not
    (dict(policy='gated', agreement=.9), [(0, .9), (20, .1), (90, .05)],
     [0, 20, 20]),
    # a label is always taken, and kept
    (dict(policy='fixed'), [(0, 1.), (40, LABELLED), (80, 1.),
                            (60, LABELLED)], [0, 40, 40, 60]),
    (dict(policy='average', momentum=.5), [(10, 1.), (40, LABELLED)],
     [10, 40]),
    (dict(policy='gated'), [(0, 1.), (40, LABELLED), (80, 1.)], [0, 40, 40]),
    # most confident first
    (dict(policy='bank', size=2), [(0, .5), (40, .4), (80, .6)], [0, 0, 80]),
])  # yapf: disable
def test_by_hand(memory, frames, expected):
    assert np.allclose(angles(run(memory, frames)), expected, atol=1e-3)


def test_bank_keeps_the_best():
    value = run(dict(policy='bank', size=2), [(0, .5), (40, .4), (80, .6)])[-1]
    assert torch.allclose(value['confidence'], torch.tensor([[[.6, .5]]]))
    assert torch.allclose(value['exemplars'][0, 0], unit(80, 0)[0], atol=1e-6)


@pytest.mark.parametrize('memory', ALL, ids=lambda memory: str(memory))
@given(data=st.data())
@settings(max_examples=25, deadline=None)
def test_any_input(memory, data):
    """Unit length, nothing for a keypoint never seen, one size."""
    generator = torch.Generator().manual_seed(data.draw(st.integers(0, 999)))
    policy, value, sizes = build_policy(memory), None, set()
    seen = torch.zeros(2, 3, dtype=torch.bool)
    for _ in range(6):
        exemplars = torch.nn.functional.normalize(
            torch.randn(2, 3, 4, generator=generator), dim=-1)
        shown = torch.rand(2, 3, generator=generator) < .4
        shown[:, 2] = False
        confidence = torch.rand(2, 3, generator=generator) * 1.2 - .1
        value = policy(value, exemplars * shown[..., None], confidence)
        seen |= shown & (confidence > 0)
        norms = value['exemplars'].norm(dim=-1)
        assert ((norms - 1).abs() < 1e-5).logical_or(norms == 0).all()
        assert (norms[:, 2] == 0).all()
        assert (norms.amax(-1)[seen] > .99).all()
        assert all(part.isfinite().all() for part in value.values())
        sizes.add(tuple(part.shape for part in value.values()))
    assert len(sizes) == 1


@pytest.mark.parametrize('memory', ALL, ids=lambda memory: str(memory))
def test_a_person_new_in_a_batch(memory):
    """A row of zeros, as TrackMemory gives it, is a first frame."""
    policy = build_policy(memory)
    known = policy(None, unit(30), torch.tensor([[.5]]))
    rows = {
        name: torch.cat([part, torch.zeros_like(part)])
        for name, part in known.items()
    }
    both = policy(rows, torch.cat([unit(10), unit(70)]),
                  torch.tensor([[.4], [.4]]))  # yapf: disable
    alone = policy(None, unit(70), torch.tensor([[.4]]))
    for name, part in alone.items():
        assert torch.equal(both[name][1:], part)


def test_the_papers_rule_needs_no_policy():
    assert build_policy(None) is None
    assert build_policy(dict(policy='previous')) is None


@pytest.mark.parametrize('memory, message', [
    (dict(policy='newest'), 'must be one of previous'),
    (dict(policy='previous', decay=.9), 'without arguments'),
    (dict(policy='fixed', decay=.9), 'decay'),
    (dict(policy='bank', size=0), 'size must be a positive'),
])
def test_refusals(memory, message):
    with pytest.raises(ValueError, match=message):
        build_policy(memory)


@pytest.mark.parametrize('memory', ALL, ids=lambda memory: str(memory))
def test_a_stream_remembers_what_the_policy_says(memory, make_model, videos):
    """Frame by frame the head correlates with the policy's exemplars."""
    model = make_model('correlation', test_cfg=dict(memory=memory))
    plain = make_model('correlation')
    plain.load_state_dict(model.state_dict())
    policy, value, wanted = build_policy(memory), None, None
    with torch.no_grad():
        for frame in videos[0]['A'][:, None]:
            heatmaps, value = model.step(frame, value)
            features = plain.head.features(plain.extract_feat(frame))
            maps = None if wanted is None else torch.stack([
                plain.head.correlation(features, exemplars, torch.ones(1))
                for exemplars in wanted['exemplars'].unbind(2)
                if exemplars.any()
            ]).amax(0)
            expected = plain.head.heatmaps(features, maps)
            torch.testing.assert_close(heatmaps, expected)
            confidence = expected.amax((2, 3)).clamp(0, 1)
            scores = expected.clamp(min=0)
            wanted = policy(wanted, keypoint_exemplars(features, scores),
                            confidence)
            for name, part in wanted.items():
                torch.testing.assert_close(value[name], part)


@pytest.mark.parametrize('memory', ALL, ids=lambda memory: str(memory))
def test_memory_stays_constant(memory):
    """Over 10,000 frames a value neither grows nor leaves the sphere."""
    policy, value = build_policy(memory), None
    exemplars = torch.randn(100, 1, 2, 8)
    exemplars = torch.nn.functional.normalize(exemplars, dim=-1)
    confidence = torch.rand(100, 1, 2)
    for frame in range(10_000):
        value = policy(value, exemplars[frame % 100], confidence[frame % 100])
        if frame == 0:
            shapes = {name: part.shape for name, part in value.items()}
    assert {name: part.shape for name, part in value.items()} == shapes
    assert all(part.isfinite().all() for part in value.values())
    norms = value['exemplars'].norm(dim=-1)
    torch.testing.assert_close(norms, torch.ones_like(norms))


@pytest.mark.parametrize('temporal', ['heatmap', None])
def test_only_exemplars_have_a_policy(temporal, make_model):
    with pytest.raises(ValueError, match='remembers none'):
        make_model(temporal, test_cfg=dict(memory=dict(policy='fixed')))


@pytest.mark.parametrize('temporal', ['heatmap', 'lstm', 'correlation'])
def test_nothing_remembered(temporal, make_model, videos):
    """In every mode each frame is a first frame then, whatever its crop."""
    model = make_model(temporal, test_cfg=dict(memory=dict(policy='none')))
    plain = make_model(temporal)
    plain.load_state_dict(model.state_dict())
    frames, crops = (part['A'] for part in videos)
    value, remembered, changed = None, None, 0.
    with torch.no_grad():
        first, _ = plain.step(frames, None, crops)
        for frame, crop, wanted in zip(frames[:, None], crops[:, None], first):
            heatmaps, value = model.step(frame, value, crop)
            torch.testing.assert_close(
                heatmaps[0], wanted, atol=1e-4, rtol=1e-4)
            other, remembered = plain.step(frame, remembered, crop)
            changed = max(changed, (other[0] - wanted).abs().max())
    assert changed > 1e-3
