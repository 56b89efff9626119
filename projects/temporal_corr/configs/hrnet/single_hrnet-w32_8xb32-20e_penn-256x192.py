_base_ = [
    '../resnet/single_res50_8xb32-20e_penn-256x192.py',
    '../../../../configs/_base_/models/hrnet_w32.py'
]
model = dict(backbone=_base_.backbone, head=_base_.head)
