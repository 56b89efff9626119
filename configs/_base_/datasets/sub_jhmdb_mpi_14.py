# Copyright (c) temporal_corr authors. All rights reserved.
# sub-JHMDB's joints but the belly, in the order of LSTM Pose Machines. The
# neck is in no group, but counts in the mean over joints (PCK).
_base_ = ['./mpi_14.py']

dataset_info = dict(dataset_name='sub_jhmdb')
