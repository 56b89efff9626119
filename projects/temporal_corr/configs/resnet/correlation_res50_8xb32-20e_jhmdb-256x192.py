_base_ = './single_res50_8xb32-20e_jhmdb-256x192.py'
model = dict(head=dict(temporal=dict(type='ExemplarCorrelation')))
train_dataloader = dict(dataset=dict(clip_len=2))
