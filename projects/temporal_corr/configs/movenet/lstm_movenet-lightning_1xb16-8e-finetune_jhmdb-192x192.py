# The recurrence of LSTM Pose Machines in place of the correlation. Trained
# through clips of three consecutive frames, where the published network takes
# five, to fit a CPU; every frame of a clip has a loss.
_base_ = './single_movenet-lightning_1xb16-8e-finetune_jhmdb-192x192.py'
model = dict(head=dict(temporal=dict(type='ConvLSTM')))
train_dataloader = dict(
    dataset=dict(clip_len=3, clip_sampling='consecutive'))
