# A study of tools/analysis_tools/ablation.py: how the maps of the past reach
# the features. Two epochs from one trained single-frame model, SINGLE_FRAME.
# Written for JHMDB-6 (180 clips), split 1, on a CPU.
_configs = 'projects/temporal_corr/configs/'
_finetune = '_res18_1xb16-2e-finetune_jhmdb-128x96.py'
# Three 3x3 convolutions, as in the paper's Stage 1. A block of another depth
# than the checkpoint's starts as identity, in all rows.
_block = {'model.head.refine_convs': 3}
# Cosines, moved to mean zero, and filters that weigh as much as those of the
# features from the start.
_cosines = {
    **_block, 'model.head.normalize': True,
    'model.head.scale_init': 10.,
    'model.head.bias_init': -6.,
    'model.head.maps_std': 0.3
}

start = None
rows = [
    dict(
        name='single frame',
        config=_configs + 'single' + _finetune,
        options=_block),
    dict(
        name='correlation, cosines',
        config=_configs + 'correlation' + _finetune,
        options=_cosines),
    dict(
        name='previous heatmaps',
        config=_configs + 'heatmap' + _finetune,
        options=_block),
    dict(
        name='correlation, inner products as in the paper',
        config=_configs + 'correlation' + _finetune,
        options=_block),
]
common = {
    'load_from':
    '{{$SINGLE_FRAME:work_dirs/single_res18_1xb16-6e_jhmdb-128x96/epoch_6.pth}}',  # noqa: E501
    # Every other frame of the training videos, to fit a CPU.
    'train_dataloader.dataset.frame_stride': 2,
    # "as well as the added convolutional filters": faster than the rest.
    'optim_wrapper.paramwise_cfg.custom_keys': {
        'head.refinement': dict(lr_mult=3.),
        'head.correlation': dict(lr_mult=3.),
        'head.previous_heatmaps': dict(lr_mult=3.)
    }
}
seeds = [0, 1, 2]
strides = []
ceiling = True
