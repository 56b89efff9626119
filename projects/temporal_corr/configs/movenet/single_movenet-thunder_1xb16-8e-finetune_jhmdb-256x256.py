_base_ = './single_movenet-thunder_1xb16-3e_jhmdb-256x256.py'
load_from = (
    'work_dirs/single_movenet-thunder_1xb16-3e_jhmdb-256x256/'
    'epoch_3.pth')

max_epochs = 8
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = _base_.param_scheduler
param_scheduler[1]['T_max'] = max_epochs
