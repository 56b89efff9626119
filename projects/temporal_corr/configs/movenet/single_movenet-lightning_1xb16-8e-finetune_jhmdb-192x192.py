# On from the trained single-frame model: the starting point of heatmap_*,
# lstm_* and correlation_*, and, trained on alone, their control ("we trained
# the baseline model alone under the same setting"). Elsewhere than here, the
# checkpoint is given with --cfg-options load_from=CHECKPOINT.
_base_ = './single_movenet-lightning_1xb16-3e_jhmdb-192x192.py'
load_from = (
    'work_dirs/single_movenet-lightning_1xb16-3e_jhmdb-192x192/'
    'epoch_3.pth')

max_epochs = 8
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
# Half of the rate before, cosine to zero.
optim_wrapper = dict(optimizer=dict(lr=5e-4))
param_scheduler = _base_.param_scheduler
param_scheduler[1]['T_max'] = max_epochs
