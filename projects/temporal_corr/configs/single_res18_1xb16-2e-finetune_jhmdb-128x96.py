# On from the trained single-frame model, as the paper does ("Our baseline
# model is initialized using the weights provided by [21]"): the starting
# point of heatmap_* and correlation_*, and, trained on alone, their control
# ("we trained the baseline model alone under the same setting"). Elsewhere
# than here, the checkpoint is given with --cfg-options load_from=CHECKPOINT.
_base_ = './single_res18_1xb16-6e_jhmdb-128x96.py'
load_from = 'work_dirs/single_res18_1xb16-6e_jhmdb-128x96/epoch_6.pth'

max_epochs = 2
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
# A third of the rate from scratch, cosine to zero.
optim_wrapper = dict(optimizer=dict(lr=3e-4))
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True)
]
