# A study of tools/analysis_tools/ablation.py: the gap between exemplars of the
# ground truth, in training, and of predictions, in test. Start, schedule and
# data of jhmdb6_res18.py.
_base_ = './jhmdb6_res18.py'
_configs = 'projects/temporal_corr/configs/'
_finetune = '_res18_1xb16-2e-finetune_jhmdb-128x96.py'
_cosines = _configs + 'correlation-cosine' + _finetune
_weighted = _configs + 'correlation-cosine-weighted' + _finetune

rows = [
    dict(name='single frame', config=_configs + 'single' + _finetune),
    dict(name='correlation, cosines', config=_cosines),
    dict(
        name='exemplars with errors',
        config=_cosines,
        options={
            'model.train_cfg.exemplars':
            dict(predicted_rate=0.3, shift=1., swap_rate=0.1)
        }),
    dict(
        name='more and more predicted exemplars',
        config=_cosines,
        # From none to all over the training.
        options={'model.train_cfg.exemplars': dict(predicted_rate=(0., 1.))}),
    dict(
        name='half of the maps zeroed',
        config=_cosines,
        # The paper's rate is 0.2.
        options={'model.head.mask_rate': 0.5}),
    dict(name='weighed by confidence', config=_weighted),
    dict(
        name='weighed by confidence, half of the exemplars predicted',
        config=_weighted,
        options={'model.train_cfg.exemplars': dict(predicted_rate=0.5)}),
    dict(
        name='weighed by confidence, all exemplars predicted',
        config=_weighted,
        options={'model.train_cfg.exemplars': dict(predicted_rate=1.)}),
]
strides = []
