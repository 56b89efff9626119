# Copyright (c) temporal_corr authors. All rights reserved.
# sub-JHMDB's 15 joints in the order of OpenPose's MPI model. Neck and belly
# are in no group, but count in the mean over joints (PCK), as in sub_jhmdb.py.
_base_ = ['./mpi.py']

dataset_info = dict(dataset_name='sub_jhmdb')
