# The recurrence of LSTM Pose Machines in place of the correlation. Trained
# through clips of five consecutive frames, as published.
_base_ = './single_res50_8xb32-20e_penn-256x192.py'
model = dict(head=dict(temporal=dict(type='ConvLSTM')))
train_dataloader = dict(
    dataset=dict(clip_len=5, clip_sampling='consecutive'))
