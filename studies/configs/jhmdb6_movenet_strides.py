# Fig. 3 with crops that follow the person, stay in place over a video, or are
# the whole frame. Weights of jhmdb6_movenet.py (--work-dir
# work_dirs/ablation/jhmdb6_movenet).
_base_ = './jhmdb6_movenet.py'
_configs = 'projects/temporal_corr/configs/movenet/'
_finetune = '_movenet-lightning_1xb16-8e-finetune_jhmdb-192x192.py'
_models = {
    'single frame': 'single',
    'previous heatmaps': 'heatmap',
    'LSTM': 'lstm',
    'correlation': 'correlation-cosine'
}

rows = [
    dict(
        name=f'{name}, {crop}',
        config=_configs + config + _finetune,
        options={'test_dataloader.dataset.crop': crop})
    for crop in ('box', 'video', 'frame') for name, config in _models.items()
]
common = {'test_evaluator': [dict(type='GroupPCKAccuracy')]}
strides = [1, 3, 6, 10]
