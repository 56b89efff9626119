# Whether a labelled frame is of use by what keypoints look like, or by where
# they are in the crop. The crops of the labelled frame and of the others are
# shifted against each other by a share of the person. Weights of
# jhmdb6_movenet.py (--work-dir work_dirs/ablation/jhmdb6_movenet).
_base_ = './jhmdb6_movenet.py'
_config = ('projects/temporal_corr/configs/movenet/correlation-cosine'
           '_movenet-lightning_1xb16-8e-finetune_jhmdb-192x192.py')


def _row(name, shift, **test_cfg):
    return dict(
        name=f'{name}, shifted by {shift}',
        config=_config,
        options={
            'test_dataloader.dataset.crop_shift': (-shift / 2, 0),
            'model.test_cfg': test_cfg
        })


rows = [
    row for shift in (0, 0.1, 0.2) for row in (
        _row('nothing remembered', shift, memory=dict(policy='none')),
        _row(
            'first frame labelled',
            shift,
            memory=dict(
                policy='offline',
                source='labels',
                crop_shift=(shift / 2, 0))))
]
