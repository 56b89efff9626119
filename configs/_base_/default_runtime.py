default_scope = 'mmpose'
custom_imports = dict(imports=['projects.temporal_corr'])

default_hooks = dict(
    timer=dict(type='IterTimerHook'),
    logger=dict(type='LoggerHook', interval=50),
    param_scheduler=dict(type='ParamSchedulerHook'),
    # Complete or absent: a run killed at any moment goes on with --resume.
    checkpoint=dict(
        type='AtomicCheckpointHook',
        interval=1,
        max_keep_ckpts=2,
        save_best='Mean',
        rule='greater'),
    sampler_seed=dict(type='DistSamplerSeedHook'),
    # Pictures of --show-dir are named by video and frame.
    visualization=dict(type='VideoVisualizationHook', enable=False))

custom_hooks = [
    # Running statistics of BatchNorm are averaged over the ranks.
    dict(type='SyncBuffersHook'),
    # A checkpoint of another model is an error, not a page of warnings.
    dict(type='CheckpointGuardHook'),
    # Checkpoints say which videos they were trained on; a test on these warns.
    dict(type='TrainedVideosHook'),
    # Takes exemplars of labelled frames where model.test_cfg.memory says so.
    dict(type='OfflineExemplarsHook'),
]

env_cfg = dict(
    cudnn_benchmark=False,
    mp_cfg=dict(mp_start_method='fork', opencv_num_threads=0),
    dist_cfg=dict(backend='nccl'))

vis_backends = [dict(type='LocalVisBackend')]
visualizer = dict(
    type='PoseLocalVisualizer', vis_backends=vis_backends, name='visualizer')

log_processor = dict(
    type='LogProcessor', window_size=50, by_epoch=True, num_digits=6)
log_level = 'INFO'
load_from = None
resume = False
backend_args = dict(backend='local')

val_cfg = dict()
test_cfg = dict()
