_base_ = './single_movenet-lightning_1xb16-8e-finetune_penn-192x192.py'
model = dict(head=dict(temporal=dict(type='ConvLSTM')))
train_dataloader = dict(
    dataset=dict(clip_len=3, clip_sampling='consecutive'))
