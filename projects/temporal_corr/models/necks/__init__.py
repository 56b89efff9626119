# Copyright (c) temporal_corr authors. All rights reserved.
from .separable_fpn import SeparableFPN

__all__ = ['SeparableFPN']
