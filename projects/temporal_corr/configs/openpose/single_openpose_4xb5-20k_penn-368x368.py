# The first phase on Penn Action, from which all rows of Table 2 go on: "the
# model is trained with centermaps and without correlation maps for 20k
# iterations". The paper decreases the rates on sub-JHMDB only.
_base_ = [
    '../../../../configs/_base_/schedules/sgd_60k.py',
    '../../../../configs/_base_/models/openpose.py',
    '../../../../configs/_base_/pipelines/openpose_368x368.py',
    '../../../../configs/_base_/loaders/penn_action.py',
]
# See single_openpose_4xb5-60k_jhmdb-368x368.py.
load_from = '{{$OPENPOSE_MPI:checkpoints/openpose_mpi.pth}}'
train_cfg = dict(max_iters=20000)
param_scheduler = []
model = dict(head=dict(center_map=True, decoder=_base_.codec))
# 15 parts: "we interpolate the locations of neck and belly for training". An
# invisible joint masks its heatmap, the limbs that touch it, what is
# interpolated from it, and the background of the sample. Of the training
# frames 52 % have a neck and 42 % a belly, and 21.5 % all parts.
metainfo = dict(from_file='configs/_base_/datasets/penn_action_mpi.py')
train_dataloader = dict(
    batch_size=_base_.batch_size,
    sampler=dict(type='InfiniteSampler'),
    dataset=dict(metainfo=metainfo, pipeline=_base_.train_pipeline))
val_dataloader = dict(
    dataset=dict(metainfo=metainfo, pipeline=_base_.val_pipeline))
test_dataloader = val_dataloader
val_evaluator = _base_.paf_evaluator
test_evaluator = val_evaluator
