# Copyright (c) temporal_corr authors. All rights reserved.
"""The models that come with the repository run by their names."""
from pathlib import Path

import numpy as np
import pytest
import torch

from projects.temporal_corr.apis import (DEFAULT_MODEL, VideoPoseInferencer,
                                         released_models)


def test_the_default_is_released():
    assert DEFAULT_MODEL in released_models()


@pytest.mark.parametrize('name', released_models())
def test_a_name_is_config_and_checkpoint(name):
    """The same weights and, on any frame, the same pose."""
    named = VideoPoseInferencer(name)
    given = VideoPoseInferencer(*released_models()[name])
    for parameter, wanted in zip(named.model.parameters(),
                                 given.model.parameters()):
        assert torch.equal(parameter, wanted)
    frame = np.random.default_rng(0).integers(
        0, 255, (60, 80, 3), dtype=np.uint8)
    [found], [wanted] = named(frame), given(frame)
    np.testing.assert_array_equal(found.pred_instances.keypoints,
                                  wanted.pred_instances.keypoints)


def test_a_checkpoint_of_ones_own_comes_first(tmp_path):
    """A released name with another checkpoint is not quietly the released
    one."""
    with pytest.raises((OSError, RuntimeError)):
        VideoPoseInferencer(DEFAULT_MODEL, str(tmp_path / 'own.pth'))


@pytest.mark.parametrize('name', released_models())
def test_each_has_a_card(name):
    """Beside its weights, with what it is for, and the notice of its
    origin."""
    config, checkpoint = map(Path, released_models()[name])
    card = (checkpoint.parent / f'{name}.md').read_text()
    for line in (f'# {name}\n', config.name, '\n## Trained on\n',
                 '\n## Not for\n', '\n## Licence\n'):
        assert line in card
    assert 'MoveNet' in (checkpoint.parents[1] / 'NOTICE').read_text()


def test_two_people_do_not_mix():
    """Each of two people has the poses that they have alone, whoever comes
    first."""
    rng = np.random.default_rng(0)
    frames = rng.integers(0, 255, (3, 60, 80, 3), dtype=np.uint8)
    boxes = {3: [5, 5, 40, 55], 8: [42, 3, 78, 58]}
    found = {who: [] for who in boxes}
    together = VideoPoseInferencer(DEFAULT_MODEL)
    for frame, ids in zip(frames, ([3, 8], [8, 3], [3, 8])):
        for sample in together(frame, [boxes[i] for i in ids], ids):
            found[sample.track_id].append(sample.pred_instances)
    for who, box in boxes.items():
        alone = VideoPoseInferencer(DEFAULT_MODEL)
        for frame, pose in zip(frames, found[who]):
            wanted, = alone(frame, [box], [who])
            np.testing.assert_allclose(
                pose.keypoint_scores,
                wanted.pred_instances.keypoint_scores,
                atol=1e-5)
