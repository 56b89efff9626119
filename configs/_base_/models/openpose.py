# The paper's network: OpenPose (PAF) with the 15 parts of MPI, six stages,
# 51.5 M parameters. The leaf adds head.decoder.
model = dict(
    type='VideoTopdownPoseEstimator',
    # OpenPose's input: BGR, (x - 128) / 256.
    data_preprocessor=dict(
        type='ClipDataPreprocessor',
        mean=[128., 128., 128.],
        std=[256., 256., 256.]),
    backbone=dict(type='OpenPoseExtractor'),
    head=dict(
        type='PAFHead',
        out_channels=15,
        # The leaf adds temporal=dict(type='ExemplarCorrelation'), the paper's
        # method, or another; without it is the single-frame baseline.
        # "insert centermaps into Stage 1 to Stage 6": Penn Action only.
        center_map=False,
        # Sum of squares / (2 x batch), as Caffe: what the rates are for.
        loss=dict(type='EuclideanLoss')),
    # exemplar_grad: gradients flow into the exemplar frame, too. The paper
    # does not say; its Eq. (1) is differentiable, so they do.
    train_cfg=dict(exemplar_grad=True),
    # "we test all images on a single scale": no flip test either.
    test_cfg=dict(flip_test=False))

# The paper does not say what becomes of a keypoint that is not assembled
# into the person: Mean takes the peak of its heatmap, assembled/Mean counts
# it as wrong.
paf_evaluator = [
    dict(type='GroupPCKAccuracy', thr=0.2),
    dict(type='GroupPCKAccuracy', assembled_only=True, prefix='assembled')
]
