# A ResNet-18 of half the width, cut after stride 16: trains from scratch on
# a CPU. C = 64 channels, so 15 x 64 floats = 3.75 KB of memory a person.
# The leaf adds head.out_channels and head.decoder.
_base_ = './res50.py'
model = dict(
    backbone=dict(
        _delete_=True,
        type='ResNet',
        depth=18,
        base_channels=32,
        stem_channels=32,
        num_stages=3,
        strides=(1, 2, 2),
        dilations=(1, 1, 1),
        out_indices=(2, )),
    head=dict(
        in_channels=128,
        deconv_out_channels=(64, 64),
        deconv_kernel_sizes=(4, 4),
        refine_channels=64),
    test_cfg=dict(_delete_=True))
