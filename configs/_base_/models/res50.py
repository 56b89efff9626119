# MMPose's top-down ResNet-50, with the head that can remember.
# The leaf adds head.out_channels and head.decoder.
model = dict(
    type='VideoTopdownPoseEstimator',
    data_preprocessor=dict(
        type='ClipDataPreprocessor',
        mean=[123.675, 116.28, 103.53],
        std=[58.395, 57.12, 57.375],
        bgr_to_rgb=True),
    backbone=dict(
        type='ResNet',
        depth=50,
        init_cfg=dict(type='Pretrained', checkpoint='torchvision://resnet50')),
    head=dict(
        type='TemporalCorrelationHead',
        in_channels=2048,
        # The leaf adds temporal=dict(type='ExemplarCorrelation'), the paper's
        # method, or another; without it is the single-frame baseline.
        loss=dict(type='KeypointMSELoss', use_target_weight=True)),
    # exemplar_grad: gradients flow into the exemplar frame, too. The paper
    # does not say; its Eq. (1) is differentiable, so they do.
    train_cfg=dict(exemplar_grad=True),
    test_cfg=dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True))
