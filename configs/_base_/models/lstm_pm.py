# LSTM Pose Machines (CVPR'2018), the paper's opponent: 12.1 M parameters.
# The leaf adds head.decoder.
model = dict(
    type='VideoTopdownPoseEstimator',
    # BGR, (x - 128) / 256.
    data_preprocessor=dict(
        type='ClipDataPreprocessor',
        mean=[128., 128., 128.],
        std=[256., 256., 256.]),
    backbone=dict(type='LSTMPoseMachineExtractor'),
    head=dict(
        type='LSTMPoseMachineHead',
        # 14 parts, without the belly; the background makes 15 maps.
        out_channels=14,
        # Maps of h and of the cell. With the 15 heatmaps, 46x46 each, they
        # make 939 KB of memory a person.
        hidden_channels=48,
        # Sum of squares / (2 x batch), as Caffe, of every frame.
        loss=dict(type='EuclideanLoss')),
    # One scale; the published test sums the heatmaps of seven.
    test_cfg=dict(flip_test=False))
