_base_ = './correlation_movenet-lightning_1xb16-8e-finetune_penn-192x192.py'
model = dict(head=dict(temporal=dict(normalize=True, scale_init=3.)))
