# MoveNet Lightning, whose backbone and neck stay as they are. Three epochs
# make its keypoints those of the data, then eight epochs of each variant go on
# from there. Written for JHMDB-6 (180 clips), split 1.
_configs = 'projects/temporal_corr/configs/movenet/'
_finetune = '_movenet-lightning_1xb16-8e-finetune_jhmdb-192x192.py'
_alone = {
    'nothing remembered': {
        'model.test_cfg.memory': dict(policy='none')
    }
}
_exemplars = dict(
    _alone, **{
        'ground-truth exemplars': {
            'model.test_cfg.memory': dict(policy='ground_truth')
        }
    })

start = dict(
    name='start',
    config=_configs + 'single_movenet-lightning_1xb16-3e_jhmdb-192x192.py')
rows = [
    dict(name='single frame', config=_configs + 'single' + _finetune),
    dict(
        name='previous heatmaps',
        config=_configs + 'heatmap' + _finetune,
        tests=_alone),
    dict(name='LSTM', config=_configs + 'lstm' + _finetune, tests=_alone),
    dict(
        name='correlation, inner products',
        config=_configs + 'correlation' + _finetune,
        tests=_exemplars),
    dict(
        name='correlation, cosines',
        config=_configs + 'correlation-cosine' + _finetune,
        tests=_exemplars),
]
# One pass gives all of these.
_filters = {
    '': None,
    'One-Euro': dict(type='OneEuro'),
    'Gaussian': dict(type='Gaussian')
}
_metrics = [
    dict(type='GroupPCKAccuracy', thr=[0.2, 0.1, 0.05]),
    dict(type='KeypointAcceleration')
]
common = {
    'test_evaluator': [
        dict(metric, prefix=prefix or None, smoothing=smoothing)
        for prefix, smoothing in _filters.items() for metric in _metrics
    ]
}
seeds = [0, 1, 2]
