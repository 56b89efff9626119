# The paper's network made small enough to train from scratch on a CPU: an
# eighth of the width, two stages. C = 32, so 15 x 32 floats = 1.9 KB of
# memory a person. The leaf adds head.decoder.
_base_ = './openpose.py'
model = dict(
    backbone=dict(
        base_channels=8,
        out_channels=32,
        # N(0, 0.01) is for loading weights on top; from scratch the signal
        # would fade.
        init_cfg=dict(type='Kaiming', layer='Conv2d')),
    head=dict(
        in_channels=32,
        num_stages=2,
        channels=24,
        init_cfg=dict(type='Kaiming', layer='Conv2d')))
