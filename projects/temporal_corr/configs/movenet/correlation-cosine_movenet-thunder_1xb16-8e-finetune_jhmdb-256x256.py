_base_ = './correlation_movenet-thunder_1xb16-8e-finetune_jhmdb-256x256.py'
model = dict(head=dict(temporal=dict(normalize=True, scale_init=3.)))
