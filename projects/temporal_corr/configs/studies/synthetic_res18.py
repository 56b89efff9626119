# The study jhmdb6_res18.py on the synthetic videos of `make demo`
# (JHMDB_ROOT=work_dirs/demo/data/jhmdb). Run with --rows 'single frame'
# 'previous heatmaps' 'correlation, inner products as in the paper'
# 'correlation, cosines'.
_base_ = './jhmdb6_res18.py'
# All frames: the videos are few.
common = {'train_dataloader.dataset.frame_stride': 1}
