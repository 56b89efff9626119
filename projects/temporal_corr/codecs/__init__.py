# Copyright (c) temporal_corr authors. All rights reserved.
from .background_heatmap import BackgroundHeatmap
from .part_affinity_field import PartAffinityField
from .part_affinity_targets import MPI_LIMBS

__all__ = ['BackgroundHeatmap', 'MPI_LIMBS', 'PartAffinityField']
