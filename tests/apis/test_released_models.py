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
    """Beside its weights, and the notice of their origin."""
    config, checkpoint = map(Path, released_models()[name])
    assert config.name in (checkpoint.parent / f'{name}.md').read_text()
    assert 'MoveNet' in (checkpoint.parents[1] / 'NOTICE').read_text()
