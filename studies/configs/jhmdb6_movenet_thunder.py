# The best rows of jhmdb6_movenet.py with MoveNet Thunder.
_base_ = './jhmdb6_movenet.py'
_configs = 'projects/temporal_corr/configs/movenet/'
_finetune = '_movenet-thunder_1xb16-8e-finetune_jhmdb-256x256.py'
start = dict(
    config=_configs + 'single_movenet-thunder_1xb16-3e_jhmdb-256x256.py')
rows = [
    dict(name='single frame', config=_configs + 'single' + _finetune),
    dict(
        name='correlation, cosines',
        config=_configs + 'correlation-cosine' + _finetune,
        tests=_base_._alone),
]
seeds = [0]
