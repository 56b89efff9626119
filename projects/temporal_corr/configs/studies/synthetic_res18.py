# A study of tools/analysis_tools/ablation.py: the models of `make demo` with
# several seeds, on the synthetic videos that it makes (JHMDB_ROOT=
# work_dirs/demo/data/jhmdb), and the correlation with cosines.
_configs = 'projects/temporal_corr/configs/'
_finetune = '_res18_1xb16-2e-finetune_jhmdb-128x96.py'

start = dict(
    name='from scratch',
    config=_configs + 'single_res18_1xb16-6e_jhmdb-128x96.py')
rows = [
    dict(name='single frame', config=_configs + 'single' + _finetune),
    dict(name='previous heatmaps', config=_configs + 'heatmap' + _finetune),
    dict(
        name='correlation, inner products as in the paper',
        config=_configs + 'correlation' + _finetune),
    dict(
        name='correlation, cosines',
        config=_configs + 'correlation-cosine' + _finetune),
]
# All frames: the videos are few.
common = {'train_dataloader.dataset.frame_stride': 1}
seeds = [0, 1, 2]
strides = list(range(1, 11))
ceiling = True
