# Copyright (c) temporal_corr authors. All rights reserved.
"""Temporal feature correlation for human pose estimation in videos.

Importing this package registers every component in MMPose's registries;
a config does it with
``custom_imports = dict(imports=['projects.temporal_corr'])``.
"""
from .codecs import *  # noqa: F401,F403
from .datasets import *  # noqa: F401,F403
from .engine import *  # noqa: F401,F403
from .evaluation import *  # noqa: F401,F403
from .models import *  # noqa: F401,F403
from .version import __version__
from .visualization import *  # noqa: F401,F403

__all__ = ['__version__']
