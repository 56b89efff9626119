# A study of tools/analysis_tools/ablation.py: half a ResNet-18 at 128x96,
# trained from scratch on a single-frame model, then two epochs of each
# variant from there. Written for JHMDB-6 (180 clips), split 1, on a CPU.
_configs = 'projects/temporal_corr/configs/'
_finetune = '_res18_1xb16-2e-finetune_jhmdb-128x96.py'
_cosines = _configs + 'correlation-cosine' + _finetune
_weighted = _configs + 'correlation-cosine-weighted' + _finetune

_tests = {
    'ground-truth exemplars': {
        'model.test_cfg.exemplars': 'ground_truth'
    }
}

start = dict(
    name='from scratch',
    config=_configs + 'single_res18_1xb16-6e_jhmdb-128x96.py')
rows = [
    dict(name='single frame', config=_configs + 'single' + _finetune),
    dict(name='previous heatmaps', config=_configs + 'heatmap' + _finetune),
    dict(name='LSTM', config=_configs + 'lstm' + _finetune),
    dict(
        name='correlation, inner products as in the paper',
        config=_configs + 'correlation' + _finetune,
        tests=_tests),
    dict(name='correlation, cosines', config=_cosines, tests=_tests),
    dict(
        name='correlation, cosines, weighed by confidence',
        config=_weighted,
        tests=_tests),
    dict(
        name='correlation, cosines, exemplars with errors',
        config=_cosines,
        options={
            'model.train_cfg.exemplars':
            dict(predicted_rate=0.3, shift=1., swap_rate=0.1)
        },
        tests=_tests),
    dict(
        name='correlation, cosines, no gradients through exemplars',
        config=_cosines,
        options={'model.train_cfg.exemplar_grad': False},
        tests=_tests),
]
# Every other frame of the training videos, to fit a CPU.
common = {'train_dataloader.dataset.frame_stride': 2}
seeds = [0, 1, 2]
strides = list(range(1, 11))
