# The PAF baseline of Table 2 "under the same setting" as the paper's method:
# the second phase without correlation maps. "then trained for another 60k
# iterations".
#
# PENN_20K is the last checkpoint of the first phase.
_base_ = './single_openpose_4xb5-20k_penn-368x368.py'
load_from = '{{$PENN_20K:work_dirs/single_openpose_4xb5-20k_penn-368x368/iter_20000.pth}}'  # noqa: E501
train_cfg = dict(max_iters=60000)
