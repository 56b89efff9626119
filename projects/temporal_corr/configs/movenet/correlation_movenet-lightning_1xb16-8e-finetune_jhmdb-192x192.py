_base_ = './single_movenet-lightning_1xb16-8e-finetune_jhmdb-192x192.py'
model = dict(
    head=dict(
        temporal=dict(type='ExemplarCorrelation'),
        projection=_base_.projection))
train_dataloader = dict(dataset=dict(clip_len=2))
