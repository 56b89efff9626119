# Pretraining on MPII, for those who cannot get OpenPose's weights: the paper
# starts from weights "provided by [21] and pretrained on MPII". From VGG-19,
# as OpenPose; the paper says nothing of a schedule, so the rates are those of
# the other configs, over about as many iterations as OpenPose's released
# model (pose_iter_146000), divided by 3 after each third.
_base_ = [
    '../../../../configs/_base_/schedules/sgd_60k.py',
    '../../../../configs/_base_/models/openpose.py',
    '../../../../configs/_base_/pipelines/openpose_mpii_368x368.py',
    '../../../../configs/_base_/loaders/mpii.py',
]
train_cfg = dict(max_iters=150000)
param_scheduler = [
    dict(
        type='MultiStepLR',
        milestones=[50000, 100000],
        gamma=1 / 3,
        by_epoch=False)
]
model = dict(
    # torchvision's VGG-19 by tools/model_converters/openpose_mpi.py
    backbone=dict(init_cfg=[
        dict(type='Normal', layer='Conv2d', std=0.01),
        dict(
            type='Pretrained',
            checkpoint='{{$VGG19:checkpoints/vgg19.pth}}',
            prefix='backbone.')
    ]),
    head=dict(decoder=_base_.codec))
train_dataloader = dict(
    batch_size=_base_.batch_size,
    dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
