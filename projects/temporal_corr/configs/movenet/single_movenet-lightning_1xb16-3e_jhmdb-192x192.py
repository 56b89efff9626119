# MoveNet's keypoints become those of the data set: the start of the others.
# "Our baseline model is initialized using the weights provided by [21]": here
# MoveNet's, with the rows of the data set's keypoints
# (docs/data_preparation.md).
_base_ = [
    '../../../../configs/_base_/default_runtime.py',
    '../../../../configs/_base_/schedules/adamw_cpu_3e.py',
    '../../../../configs/_base_/models/movenet_lightning.py',
    '../../../../configs/_base_/pipelines/movenet_192x192.py',
    '../../../../configs/_base_/loaders/sub_jhmdb.py',
]
load_from = 'checkpoints/movenet-lightning_sub_jhmdb.pth'
model = dict(
    head=dict(out_channels=_base_.num_keypoints, decoder=_base_.decoder))
train_dataloader = dict(
    batch_size=16, dataset=dict(pipeline=_base_.train_pipeline))
val_dataloader = dict(dataset=dict(pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
