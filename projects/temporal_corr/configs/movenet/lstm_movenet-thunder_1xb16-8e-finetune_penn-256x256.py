_base_ = './single_movenet-thunder_1xb16-8e-finetune_penn-256x256.py'
model = dict(head=dict(temporal=dict(type='ConvLSTM')))
train_dataloader = dict(
    dataset=dict(clip_len=3, clip_sampling='consecutive'))
