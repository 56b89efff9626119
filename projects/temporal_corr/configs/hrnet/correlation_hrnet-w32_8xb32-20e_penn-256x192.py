_base_ = './single_hrnet-w32_8xb32-20e_penn-256x192.py'
model = dict(head=dict(temporal=dict(type='ExemplarCorrelation')))
train_dataloader = dict(dataset=dict(clip_len=2))
