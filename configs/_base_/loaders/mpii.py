# MPII. MPII_ROOT holds images and MMPose's annotations (see
# docs/data_preparation.md). Single images: VideoSampler has nothing to order.
data_root = '{{$MPII_ROOT:data/mpii}}'
train_dataloader = dict(
    num_workers=4,
    persistent_workers=True,
    sampler=dict(type='InfiniteSampler'),
    dataset=dict(
        type='MpiiPartsDataset',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/mpii_train.json',
        data_prefix=dict(img='images/')))
val_dataloader = dict(
    batch_size=16,
    num_workers=4,
    persistent_workers=True,
    drop_last=False,
    sampler=dict(type='DefaultSampler', shuffle=False, round_up=False),
    dataset=dict(
        type='MpiiPartsDataset',
        data_root=data_root,
        data_mode='topdown',
        ann_file='annotations/mpii_val.json',
        data_prefix=dict(img='images/'),
        test_mode=True))
test_dataloader = val_dataloader
# Not MPII's PCKh: PCK@0.2 of the person's height, as in the other configs.
val_evaluator = dict(type='GroupPCKAccuracy', thr=0.2)
test_evaluator = val_evaluator
