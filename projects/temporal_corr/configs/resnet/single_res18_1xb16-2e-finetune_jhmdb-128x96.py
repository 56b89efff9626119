# On from the trained single-frame model, as the paper does ("Our baseline
# model is initialized using the weights provided by [21]"): the starting
# point of heatmap_* and correlation_*, and, trained on alone, their control
# ("we trained the baseline model alone under the same setting"). Elsewhere
# than here, the checkpoint is given with --cfg-options load_from=CHECKPOINT.
_base_ = './single_res18_1xb16-6e_jhmdb-128x96.py'
load_from = 'work_dirs/single_res18_1xb16-6e_jhmdb-128x96/epoch_6.pth'

# Three 3x3 convolutions, as in the paper's Stage 1. The block is not that of
# the start, so it begins as identity in all variants.
model = dict(head=dict(refine_convs=3))

max_epochs = 2
train_cfg = dict(max_epochs=max_epochs, val_interval=max_epochs)
# A third of the rate from scratch, cosine to zero; "as well as the added
# convolutional filters": what is new is three times as fast as the rest.
optim_wrapper = dict(
    optimizer=dict(lr=3e-4),
    paramwise_cfg=dict(
        custom_keys={
            'head.refinement': dict(lr_mult=3.),
            'head.correlation': dict(lr_mult=3.),
            'head.previous_heatmaps': dict(lr_mult=3.),
            'head.lstm': dict(lr_mult=3.)
        }))
param_scheduler = [
    dict(
        type='CosineAnnealingLR',
        T_max=max_epochs,
        by_epoch=True,
        convert_to_iter_based=True)
]
