# The recurrence of LSTM Pose Machines in place of the correlation. Trained
# through clips of three consecutive frames, where the published network takes
# five, to fit a CPU; every frame of a clip has a loss.
_base_ = './single_res18_1xb16-2e-finetune_jhmdb-128x96.py'
model = dict(head=dict(temporal=dict(type='ConvLSTM')))
train_dataloader = dict(
    dataset=dict(clip_len=3, clip_sampling='consecutive'))
