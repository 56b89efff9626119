# Penn Action. PENN_ROOT holds frames and annotations (see
# docs/data_preparation.md). The rest is as for sub-JHMDB.
_base_ = './sub_jhmdb.py'
data_root = '{{$PENN_ROOT:data/penn_action}}'
num_keypoints = 13

train_dataloader = dict(
    dataset=dict(
        type='PennActionDataset',
        data_root=data_root,
        ann_file='annotations/penn_action_train.json'))
val_dataloader = dict(
    dataset=dict(
        type='PennActionDataset',
        data_root=data_root,
        ann_file='annotations/penn_action_test.json'))
test_dataloader = val_dataloader
