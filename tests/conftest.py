# Copyright (c) temporal_corr authors. All rights reserved.
"""Fixtures shared by all tests."""
import os
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def _shared_data(name: str) -> Path:
    shared = Path(os.environ.get('TEMPORAL_CORR_SHARED', ROOT.parent / 'shared'))
    path = shared / 'data' / name
    if not path.is_dir():
        pytest.skip(f'needs the real files of {name}: none at {path} '
                    '(set TEMPORAL_CORR_SHARED)')
    return path


@pytest.fixture(scope='session')
def repo_root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope='session')
def jhmdb_root() -> Path:
    """Real JHMDB clips in the raw layout (read-only), or a skip."""
    return _shared_data('jhmdb')


@pytest.fixture(scope='session')
def penn_root() -> Path:
    """Real Penn Action label files (read-only), or a skip."""
    return _shared_data('penn_action')
