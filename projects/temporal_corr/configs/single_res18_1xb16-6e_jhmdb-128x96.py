# Where this config was until 0.1, for commands that name it.
_base_ = './resnet/single_res18_1xb16-6e_jhmdb-128x96.py'
