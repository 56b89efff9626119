# As jhmdb6_movenet.py, from the same start, but the whole network is trained,
# as in the paper: backbone and neck at a tenth of the head's learning rate.
_base_ = './jhmdb6_movenet.py'
_configs = 'projects/temporal_corr/configs/movenet/'
_finetune = '_movenet-lightning_1xb16-8e-finetune_jhmdb-192x192.py'
_unfrozen = {
    'model.backbone.frozen_stages': -1,
    'model.neck.frozen': False,
    # 5e-4 of the head x 0.1
    'optim_wrapper.paramwise_cfg.custom_keys': dict(
        backbone=dict(lr_mult=.1), neck=dict(lr_mult=.1)),
}
_dropout = dict(_unfrozen, **{'model.head.feature_dropout': .3})
_labelled = dict(policy='offline', source='labels')

rows = [
    dict(
        name='single frame',
        config=_configs + 'single' + _finetune,
        options=_unfrozen),
    dict(
        name='LSTM',
        config=_configs + 'lstm' + _finetune,
        options=_unfrozen,
        tests=_base_._alone),
    dict(
        name='correlation, cosines',
        config=_configs + 'correlation-cosine' + _finetune,
        options=_unfrozen,
        tests=_base_._exemplars),
    dict(
        name='with feature dropout',
        config=_configs + 'correlation-cosine' + _finetune,
        options=_dropout,
        tests=_base_._exemplars),
] + [
    dict(
        name=f'with feature dropout, {name} labelled',
        config=_configs + 'correlation-cosine' + _finetune,
        options=dict(
            _dropout, **{
                'model.test_cfg.memory': dict(_labelled, frames=frames)
            })) for name, frames in (('first frame', 'first'),
                                     ('middle frame', 'middle'),
                                     ('every tenth frame', 10))
]
