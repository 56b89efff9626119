# MoveNet Lightning, with the head that can remember: the exemplars of 15
# keypoints x 64 channels are 3.75 KB of memory a person. Backbone and neck
# stay as they were trained on real poses; what is trained is the head.
# The leaf adds head.out_channels and head.decoder.
_base_ = './res50.py'
model = dict(
    # 0.00784302 x - 1, a constant of half precision in the published graph
    data_preprocessor=dict(mean=[127.502] * 3, std=[127.502] * 3),
    # frozen_stages=8: the whole backbone, through which no gradients are
    # computed; -1 trains it.
    backbone=dict(
        _delete_=True,
        type='FoldedMobileNetV2',
        widen_factor=1.,
        last_channels=1280,
        frozen_stages=8),
    neck=dict(
        type='SeparableFPN',
        in_channels=(24, 32, 64, 1280),
        lateral_channels=(24, 32, 64),
        out_channels=24,
        # The maps of strides 4 and 8 go on to head.projection.
        passed_levels=(0, 1),
        frozen=True),
    head=dict(
        in_channels=24,
        deconv_out_channels=None,
        refine_channels=48,
        refine_convs=2,
        final_layer=dict(type='HeatmapBranch', mid_channels=96),
        # Scores are sigmoids.
        activation=dict(type='Sigmoid'),
        loss=dict(_delete_=True, type='HeatmapBCELoss')),
    test_cfg=dict(_delete_=True))

# I, as head.projection of the correlation: 64 channels of the maps of strides
# 4 and 8 of the backbone and of the pyramid's (strides 16, 8 and 4).
projection = dict(in_channels=(24, 32, 32, 24, 24), channels=64)
