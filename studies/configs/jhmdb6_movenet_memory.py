# What to remember, with the weights of jhmdb6_movenet.py (--work-dir
# work_dirs/ablation/jhmdb6_movenet).
_base_ = './jhmdb6_movenet.py'
_configs = 'projects/temporal_corr/configs/movenet/'
_finetune = '_movenet-lightning_1xb16-8e-finetune_jhmdb-192x192.py'
_labelled = dict(policy='offline', source='labels')
_settings = {
    'nothing': dict(memory=dict(policy='none')),
    'previous, as in the paper': dict(),
    'fixed': dict(memory=dict(policy='fixed')),
    'average': dict(memory=dict(policy='average')),
    'first frame labelled': dict(memory=_labelled),
    'middle frame labelled': dict(memory=dict(_labelled, frames='middle')),
    'every tenth frame labelled': dict(memory=dict(_labelled, frames=10)),
}

rows = [dict(name='single frame', config=_configs + 'single' + _finetune)] + [
    dict(
        name=name,
        config=_configs + 'correlation-cosine' + _finetune,
        options={'model.test_cfg': test_cfg})
    for name, test_cfg in _settings.items()
]
