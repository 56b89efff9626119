_base_ = './single_res18_1xb16-2e-finetune_jhmdb-128x96.py'
model = dict(head=dict(temporal=dict(type='PreviousHeatmaps')))
train_dataloader = dict(dataset=dict(clip_len=2))
