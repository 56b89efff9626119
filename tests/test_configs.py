# Copyright (c) temporal_corr authors. All rights reserved.
"""Every config loads, and a row of a table differs in what it says."""
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.evaluator import Evaluator
from mmengine.optim import build_optim_wrapper
from mmpose.registry import DATASETS, MODELS, TRANSFORMS

import projects.temporal_corr  # noqa: F401

FOLDER = Path(__file__).resolve().parents[1] / 'projects/temporal_corr/configs'
ALIASES = dict(
    penn='openpose/correlation_openpose_4xb5-60k_penn-368x368',
    jhmdb='openpose/correlation_openpose_4xb5-60k_jhmdb-368x368',
    **{
        'single_res18_1xb16-6e_jhmdb-128x96':
        'resnet/single_res18_1xb16-6e_jhmdb-128x96',
        'correlation-cosine-weighted_res18_1xb16-2e-finetune_jhmdb-128x96':
        'resnet/correlation-cosine_res18_1xb16-2e-finetune_jhmdb-128x96'
    })
CONFIGS = sorted(FOLDER.glob('*/*.py'))
TEMPORAL = dict(
    single=None,
    heatmap='PreviousHeatmaps',
    correlation='ExemplarCorrelation',
    lstm='ConvLSTM')
DATA = dict(
    jhmdb='SubJhmdbDataset', penn='PennActionDataset', mpii='MpiiPartsDataset')
#: Single-frame models and the rows that are compared with them.
PAIRS = [(single, path) for path in CONFIGS
         for method, rest in [path.name.split('_', 1)]
         for single in [path.with_name(f'single_{rest}')]
         if method in TEMPORAL and path != single and single.exists()
         ]  # yapf: disable


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_loads_and_says_what_its_name_says(path):
    cfg = Config.fromfile(path)
    variant, backbone, _, data_and_size = path.stem.split('_')
    data, size = data_and_size.rsplit('-', 1)
    head, dataset = cfg.model.head, cfg.train_dataloader.dataset
    if backbone == 'lstm-pm':
        assert head.type == 'LSTMPoseMachineHead'
    else:
        temporal = TEMPORAL[variant.split('-')[0]]
        assert head.get('temporal', {}).get('type') == temporal
    clip = dataset.get('clip_len', 1), dataset.get('clip_sampling')
    if variant == 'lstm':  # through time: on a CPU less of it
        assert clip == (3 if '1xb16' in path.stem else 5, 'consecutive')
    else:
        assert clip == (1 if variant == 'single' else 2, None)
    height, width = map(int, size.split('x'))
    assert tuple(head.decoder.input_size) == (width, height)
    for loader in (cfg.train_dataloader, cfg.val_dataloader,
                   cfg.test_dataloader):
        assert loader.dataset.type == DATA[data]
        for transform in loader.dataset.pipeline:
            TRANSFORMS.build(transform)
    keypoints = 13 if data == 'penn' and 'openpose' not in backbone else 15
    assert head.out_channels == (14 if backbone == 'lstm-pm' else keypoints)
    if data != 'mpii':
        sampler = cfg.test_dataloader.sampler
        assert sampler.type == 'VideoSampler'
        assert sampler.lanes == cfg.test_dataloader.batch_size
    Evaluator(cfg.test_evaluator)


def test_whatever_is_in_no_folder_is_another_name():
    assert {path.stem for path in FOLDER.glob('*.py')} == set(ALIASES)
    for alias, name in ALIASES.items():
        first, second = (
            Config.fromfile(FOLDER / f'{stem}.py') for stem in (alias, name))
        assert first.to_dict() == second.to_dict()


@pytest.mark.parametrize('gpus, batch, factor', [
    (None, 20, 1.), (1, 20, 1.), (2, 10, 1.), (4, 5, 1.), (8, 3, 1.2)
])
def test_a_batch_of_20_is_dealt_out(gpus, batch, factor, monkeypatch):
    """"We set batch size to 20"; MMEngine scales the rates by factor."""
    monkeypatch.delenv('WORLD_SIZE', raising=False)
    if gpus:
        monkeypatch.setenv('WORLD_SIZE', str(gpus))
    cfg = Config.fromfile(FOLDER / 'penn.py')
    assert cfg.train_dataloader.batch_size == batch
    assert cfg.auto_scale_lr.enable
    total = batch * (gpus or 1)
    assert total / cfg.auto_scale_lr.base_batch_size == pytest.approx(factor)


def paper_rate(name):
    """Learning rate and weight decay of a parameter, from the paper.

    "The initial learning rate is 2x10^-5 for the feature extractor and Stage
    1, and 8x10^-5 for other stages as well as the added convolutional
    filters"; "weight decay of 0.0005". Biases as OpenPose: twice the rate, no
    decay.
    """
    rate = 2e-5
    if not name.startswith(('backbone.', 'head.stage1.')) or (
            name.endswith(('maps_conv.weight', 'center_conv.weight'))):
        rate = 8e-5
    return (2 * rate, 0.) if name.endswith('bias') else (rate, 5e-4)


@pytest.mark.parametrize('config, added', [
    ('penn', 2 + 12 + 2),
    ('jhmdb', 2 + 2),
    ('openpose/heatmap_openpose_4xb5-60k_jhmdb-368x368', 2 + 2),
    ('openpose/single_openpose_4xb5-60k_jhmdb-368x368', 0),
])
def test_rates_are_the_papers(config, added):
    """Each of the 184 parameters of 92 convolutions, and the added ones."""
    cfg = Config.fromfile(FOLDER / f'{config}.py')
    model = MODELS.build(cfg.model)
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper).optimizer
    rates = {
        parameter: (group['lr'], group['weight_decay'])
        for group in optimizer.param_groups for parameter in group['params']
    }
    found = dict(model.named_parameters())
    assert len(found) == len(rates) == 184 + added
    for name, parameter in found.items():
        assert rates[parameter] == pytest.approx(paper_rate(name)), name
    assert cfg.optim_wrapper.optimizer.momentum == 0.9
    assert cfg.model.head.loss == dict(type='EuclideanLoss')


@pytest.mark.parametrize('config, iterations, milestones', [
    ('jhmdb', 60000, [30000]), ('penn', 60000, []),
    ('openpose/single_openpose_4xb5-20k_penn-368x368', 20000, [])
])
def test_schedule_is_the_papers(config, iterations, milestones):
    cfg = Config.fromfile(FOLDER / f'{config}.py')
    assert cfg.train_cfg.type == 'IterBasedTrainLoop'
    assert cfg.train_cfg.max_iters == iterations
    for scheduler in cfg.param_scheduler:
        assert scheduler.milestones == milestones
        assert scheduler.gamma == pytest.approx(1 / 3)
        assert scheduler.by_epoch is False
    assert len(cfg.param_scheduler) == bool(milestones)
    assert cfg.model.head.center_map == ('penn' in config)


@pytest.mark.parametrize('data, iterations, scales', [
    ('jhmdb', 100000, (1.2, 1.8)),
    ('penn', 300000, (0.8, 1.4)),
])
def test_lstm_pose_machines_as_published(data, iterations, scales):
    cfg = Config.fromfile(
        FOLDER / 'lstm_pm' /
        f'lstm_lstm-pm_1xb4-{iterations // 1000}k_{data}-368x368.py')
    assert cfg.train_cfg.max_iters == iterations
    assert cfg.train_dataloader.batch_size == 4
    scheduler, = cfg.param_scheduler
    assert (scheduler.step_size, scheduler.gamma) == (40000, 0.333)
    assert cfg.optim_wrapper.optimizer.to_dict() == dict(
        type='SGD', lr=8e-5, momentum=0.9, weight_decay=5e-4)
    assert cfg.optim_wrapper.clip_grad.max_norm == 100
    transforms = {
        each.type: each
        for each in cfg.train_dataloader.dataset.pipeline[0].transforms
    }
    drawn = transforms['UniformBBoxTransform']
    assert drawn.scale_factor == scales and drawn.rotate_factor == 40
    center = transforms['GenerateCenterMap']
    assert (center.sigma, center.pool_size) == (21, 9)
    assert transforms['GenerateTarget'].encoder.sigma == 7
    info = DATASETS.get(DATA[data])._load_metainfo(cfg.metainfo)
    names = list(info['keypoint_name2id'])
    assert names == [
        'head', 'neck', 'right_shoulder', 'right_elbow', 'right_wrist',
        'left_shoulder', 'left_elbow', 'left_wrist', 'right_hip',
        'right_knee', 'right_ankle', 'left_hip', 'left_knee', 'left_ankle'
    ]
    mirrored = [
        name.replace('right', '?').replace('left', 'right').replace(
            '?', 'left') for name in names
    ]
    assert [names[i] for i in info['flip_indices']] == mirrored
    assert len(info['skeleton_links']) == 13  # a tree


@pytest.mark.parametrize('single, other', PAIRS, ids=lambda path: path.stem)
def test_rows_differ_in_the_method_alone(single, other):
    first, second = Config.fromfile(single), Config.fromfile(other)
    temporal = TEMPORAL[other.stem.split('_')[0]]
    assert second.model.head.pop('temporal') == dict(type=temporal)
    assert 'temporal' not in first.model.head
    projected = 'movenet' in single.stem and 'correlation' in other.stem
    assert bool(second.model.head.pop('projection', None)) == projected
    assert second.train_dataloader.dataset.pop('clip_len') >= 2
    second.train_dataloader.dataset.pop('clip_sampling', None)
    assert first.train_dataloader.dataset.pop('clip_len') == 1
    assert first.to_dict() == second.to_dict()


def test_split_and_root_come_from_the_environment(monkeypatch):
    monkeypatch.setenv('JHMDB_SPLIT', '3')
    monkeypatch.setenv('JHMDB_ROOT', '/somewhere/jhmdb')
    dataset = Config.fromfile(FOLDER / 'jhmdb.py').train_dataloader.dataset
    assert dataset.ann_file == 'annotations/Sub3_train.json'
    assert dataset.data_root == '/somewhere/jhmdb'
