# Copyright (c) temporal_corr authors. All rights reserved.
from .group_pck import GroupPCKAccuracy

__all__ = ['GroupPCKAccuracy']
