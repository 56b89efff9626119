# Copyright (c) temporal_corr authors. All rights reserved.
"""A clip, a model and a session of labelling it."""
import numpy as np
import pytest

from projects.temporal_corr.apis import FrameSource, VideoPoseInferencer


@pytest.fixture
def model_files(tiny_model_files):
    """Config and checkpoint of a model that is sure of what it sees."""
    return tiny_model_files()


@pytest.fixture
def noise(write_video):
    """Makes a video of noise."""

    def make(count=6, size=(64, 48), name='clip.avi'):
        rng = np.random.default_rng(0)
        return write_video(
            rng.integers(0, 256, (count, *size[::-1], 3), dtype=np.uint8),
            name)

    return make


@pytest.fixture
def open_session(noise, model_files, tmp_path):
    """Makes a session of a video, by default of noise."""
    inferencer = VideoPoseInferencer(*model_files)

    def make(video=None, out='clip_labels.json', imported=None):
        session = pytest.importorskip(
            'projects.temporal_corr.annotation.session')
        return session.Session(
            FrameSource(video or noise()), inferencer, str(tmp_path / out),
            imported)

    return make
