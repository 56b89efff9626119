# Whether the frames of a clip share their augmentation in training. Weights of
# the first row are those of jhmdb6_movenet.py (--work-dir
# work_dirs/ablation/jhmdb6_movenet).
_base_ = './jhmdb6_movenet.py'
_config = ('projects/temporal_corr/configs/movenet/correlation-cosine'
           '_movenet-lightning_1xb16-8e-finetune_jhmdb-192x192.py')
_transform = 'train_dataloader.dataset.pipeline.0.transforms.3.'
_tests = {
    'nothing remembered': {
        'model.test_cfg.memory': dict(policy='none')
    },
    'first frame labelled': {
        'model.test_cfg.memory': dict(policy='offline', source='labels')
    },
    'labelled, shifted by 0.2': {
        'test_dataloader.dataset.crop_shift': (-0.1, 0),
        'model.test_cfg.memory':
        dict(policy='offline', source='labels', crop_shift=(0.1, 0))
    }
}

rows = [
    dict(name='shared', config=_config, tests=_tests),
    dict(
        name='drawn anew for each frame',
        config=_config,
        options={
            _transform + 'each_frame': True,
            _transform + 'shift_factor': 0.1
        },
        tests=_tests)
]
common = {'test_evaluator': [dict(type='GroupPCKAccuracy', thr=[0.2, 0.1])]}
seeds = [0]
