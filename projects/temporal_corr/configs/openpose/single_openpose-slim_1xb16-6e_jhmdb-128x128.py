# The paper's network, made small, from scratch on a CPU: to see it work, not
# to score.
_base_ = [
    '../../../../configs/_base_/default_runtime.py',
    '../../../../configs/_base_/schedules/adam_cpu_6e.py',
    '../../../../configs/_base_/models/openpose_slim.py',
    '../../../../configs/_base_/pipelines/openpose_128x128.py',
    '../../../../configs/_base_/loaders/sub_jhmdb.py',
]
model = dict(head=dict(decoder=_base_.codec))
metainfo = dict(from_file='configs/_base_/datasets/sub_jhmdb_mpi.py')
train_dataloader = dict(
    batch_size=16,
    dataset=dict(
        metainfo=metainfo,
        pipeline=_base_.train_pipeline,
        # Neighbouring frames are alike: every other one will do.
        frame_stride=2))
val_dataloader = dict(
    dataset=dict(metainfo=metainfo, pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
val_evaluator = _base_.paf_evaluator
test_evaluator = val_evaluator
