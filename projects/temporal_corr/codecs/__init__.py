# Copyright (c) temporal_corr authors. All rights reserved.
from .part_affinity_field import PartAffinityField
from .part_affinity_targets import MPI_LIMBS

__all__ = ['MPI_LIMBS', 'PartAffinityField']
