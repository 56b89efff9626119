# A study of tools/analysis_tools/ablation.py: half a ResNet-18 at 128x96,
# trained from scratch on a single-frame model, then two epochs of each
# variant from there. Written for JHMDB-6 (180 clips), split 1, on a CPU.
_configs = 'projects/temporal_corr/configs/'
_finetune = '_res18_1xb16-2e-finetune_jhmdb-128x96.py'
_rows = {
    # Three 3x3 convolutions, as in the paper's Stage 1. The block is not
    # that of the start, so that it starts as identity in all rows.
    'model.head.refine_convs': 3,
    # "as well as the added convolutional filters": faster than the rest.
    'optim_wrapper.paramwise_cfg.custom_keys': {
        'head.refinement': dict(lr_mult=3.),
        'head.correlation': dict(lr_mult=3.),
        'head.previous_heatmaps': dict(lr_mult=3.)
    }
}
# Features normalised, too, maps moved to mean zero, and filters that weigh
# as much as those of the features from the start.
_cosines = {
    **_rows, 'model.head.normalize': True,
    'model.head.scale_init': 10.,
    'model.head.bias_init': -6.,
    'model.head.maps_std': 0.3
}
# The recurrence is new, too, and learns as fast.
_lstm = dict(_rows)
_lstm['optim_wrapper.paramwise_cfg.custom_keys'] = {
    'head.refinement': dict(lr_mult=3.),
    'head.lstm': dict(lr_mult=3.)
}

start = dict(
    name='from scratch',
    config=_configs + 'single_res18_1xb16-6e_jhmdb-128x96.py')
rows = [
    dict(
        name='single frame',
        config=_configs + 'single' + _finetune,
        options=_rows),
    dict(
        name='previous heatmaps',
        config=_configs + 'heatmap' + _finetune,
        options=_rows),
    dict(name='LSTM', config=_configs + 'lstm' + _finetune, options=_lstm),
    dict(
        name='correlation, inner products as in the paper',
        config=_configs + 'correlation' + _finetune,
        options=_rows),
    dict(
        name='correlation, cosines',
        config=_configs + 'correlation' + _finetune,
        options=_cosines),
    dict(
        name='correlation, cosines, exemplars with errors',
        config=_configs + 'correlation' + _finetune,
        options={
            **_cosines, 'model.train_cfg.exemplars':
            dict(predicted_rate=0.3, shift=1., swap_rate=0.1)
        }),
    dict(
        name='correlation, cosines, no gradients through exemplars',
        config=_configs + 'correlation' + _finetune,
        options={
            **_cosines, 'model.train_cfg.exemplar_grad': False
        }),
]
# Every other frame of the training videos, to fit a CPU.
common = {'train_dataloader.dataset.frame_stride': 2}
seeds = [0, 1, 2]
strides = list(range(1, 11))
ceiling = True
