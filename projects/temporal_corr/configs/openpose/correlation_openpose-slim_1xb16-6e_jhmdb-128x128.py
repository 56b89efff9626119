_base_ = './single_openpose-slim_1xb16-6e_jhmdb-128x128.py'
model = dict(head=dict(temporal=dict(type='ExemplarCorrelation')))
train_dataloader = dict(dataset=dict(clip_len=2))
