# MoveNet Thunder: wider, and made for larger crops.
_base_ = './movenet_lightning.py'
model = dict(
    backbone=dict(widen_factor=1.75),
    neck=dict(in_channels=(40, 56, 112, 1280)))

projection = dict(in_channels=(40, 56, 32, 24, 24), channels=64)
