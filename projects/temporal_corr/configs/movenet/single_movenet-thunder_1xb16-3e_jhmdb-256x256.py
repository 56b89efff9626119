_base_ = [
    '../../../../configs/_base_/default_runtime.py',
    '../../../../configs/_base_/schedules/adamw_cpu_3e.py',
    '../../../../configs/_base_/models/movenet_thunder.py',
    '../../../../configs/_base_/pipelines/movenet_256x256.py',
    '../../../../configs/_base_/loaders/sub_jhmdb.py',
]
load_from = 'checkpoints/movenet-thunder_sub_jhmdb.pth'
model = dict(
    head=dict(out_channels=_base_.num_keypoints, decoder=_base_.decoder))
train_dataloader = dict(
    batch_size=16, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
