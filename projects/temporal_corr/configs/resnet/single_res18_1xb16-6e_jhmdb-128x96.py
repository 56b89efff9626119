_base_ = [
    '../../../../configs/_base_/default_runtime.py',
    '../../../../configs/_base_/schedules/adam_cpu_6e.py',
    '../../../../configs/_base_/models/res18_small.py',
    '../../../../configs/_base_/pipelines/msra_128x96.py',
    '../../../../configs/_base_/loaders/sub_jhmdb.py',
]
model = dict(
    head=dict(out_channels=_base_.num_keypoints, decoder=_base_.codec))
train_dataloader = dict(
    batch_size=16, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
