# Copyright (c) temporal_corr authors. All rights reserved.
import numpy as np
import pytest
from mmengine.config import Config
from mmpose.datasets.datasets.utils import parse_pose_metainfo


@pytest.fixture(scope='session')
def metainfo(repo_root):
    """The metainfo of sub-JHMDB."""
    path = repo_root / 'configs/_base_/datasets/sub_jhmdb.py'
    return parse_pose_metainfo(Config.fromfile(path).dataset_info.to_dict())


@pytest.fixture
def image():
    """A smooth picture, 64 x 48, RGB."""
    rows, cols = np.mgrid[:48, :64]
    channels = [4 * cols, 5 * rows, 120 + rows + cols]
    return np.stack(channels, axis=-1).clip(0, 255).astype(np.uint8)
