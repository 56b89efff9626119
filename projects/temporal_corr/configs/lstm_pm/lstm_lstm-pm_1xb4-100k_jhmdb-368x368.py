# LSTM Pose Machines as published, "LSTM [12]" in Table 1.
_base_ = [
    '../../../../configs/_base_/schedules/sgd_lstm_pm.py',
    '../../../../configs/_base_/models/lstm_pm.py',
    '../../../../configs/_base_/pipelines/lstm_pm_368x368.py',
    '../../../../configs/_base_/loaders/sub_jhmdb.py',
]
model = dict(head=dict(decoder=_base_.codec))
metainfo = dict(from_file='configs/_base_/datasets/sub_jhmdb_mpi_14.py')
train_dataloader = dict(
    batch_size=_base_.batch_size,
    sampler=dict(type='InfiniteSampler'),
    dataset=dict(
        metainfo=metainfo,
        # Clips of five consecutive frames, each with a loss.
        clip_len=5,
        clip_sampling='consecutive',
        pipeline=_base_.jhmdb_train_pipeline))
val_dataloader = dict(
    dataset=dict(metainfo=metainfo, pipeline=_base_.jhmdb_val_pipeline))
test_dataloader = val_dataloader
