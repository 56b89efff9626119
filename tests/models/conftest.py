# Copyright (c) temporal_corr authors. All rights reserved.
"""Fixtures of the tests of the models."""
import pytest
import torch


@pytest.fixture(autouse=True)
def deterministic():
    """One thread and one seed, so that equal means equal to the last bit."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)
