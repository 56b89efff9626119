_base_ = './single_openpose_4xb5-60k_penn-368x368.py'
model = dict(head=dict(temporal=dict(type='PreviousHeatmaps')))
train_dataloader = dict(dataset=dict(clip_len=2))
