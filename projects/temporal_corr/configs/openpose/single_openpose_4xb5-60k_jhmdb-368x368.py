# The PAF baseline of Table 1: "we trained the baseline model alone under the
# same setting".
_base_ = [
    '../../../../configs/_base_/schedules/sgd_60k.py',
    '../../../../configs/_base_/models/openpose.py',
    '../../../../configs/_base_/pipelines/openpose_368x368.py',
    '../../../../configs/_base_/loaders/sub_jhmdb.py',
]
# "initialized using the weights provided by [21] and pretrained on MPII":
# OpenPose's MPI model, by tools/model_converters/openpose_mpi.py, or what
# single_openpose_4xb5-150k_mpii-368x368.py makes.
load_from = '{{$OPENPOSE_MPI:checkpoints/openpose_mpi.pth}}'
# "For sub-JHMDB, total iterations are 60k and the learning rate is decreased
# by a factor of 3 after 30k iterations."
param_scheduler = [
    dict(type='MultiStepLR', milestones=[30000], gamma=1 / 3, by_epoch=False)
]
model = dict(head=dict(decoder=_base_.codec))
metainfo = dict(from_file='configs/_base_/datasets/sub_jhmdb_mpi.py')
train_dataloader = dict(
    batch_size=_base_.batch_size,
    sampler=dict(type='InfiniteSampler'),
    dataset=dict(metainfo=metainfo, pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(metainfo=metainfo, pipeline=_base_.enlarged_val_pipeline))
test_dataloader = val_dataloader
val_evaluator = _base_.paf_evaluator
test_evaluator = val_evaluator
