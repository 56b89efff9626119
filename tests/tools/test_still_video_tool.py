# Copyright (c) temporal_corr authors. All rights reserved.
import importlib

import numpy as np
import pytest


@pytest.fixture
def tool(repo_root, monkeypatch):
    monkeypatch.syspath_prepend(str(repo_root / 'tools/analysis_tools'))
    return importlib.import_module('still_video')


def test_settled_after_counts_from_one(tool):
    # three videos of four frames, one keypoint each
    steps = np.array([
        [0, 0, 5],
        [0, 1, 6],
        [0, 1, 5],
        [0, 1, 6],
    ])
    keypoints = np.stack([steps, steps], axis=-1)[:, :, None].astype(float)
    # never moves; moves once; still moves in the last frame
    assert tool.settled_after(keypoints).tolist() == [1, 2, 4]
