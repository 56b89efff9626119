# Copyright (c) temporal_corr authors. All rights reserved.
"""Every config loads, and a row of a table differs in what it says."""
from pathlib import Path

import pytest
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import METRICS, TRANSFORMS

import projects.temporal_corr  # noqa: F401

CONFIGS = sorted(
    (Path(__file__).resolve().parents[1] /
     'projects/temporal_corr/configs').glob('*.py'))
TEMPORAL = dict(single=None, heatmap='heatmap', correlation='correlation')


@pytest.mark.parametrize('path', CONFIGS, ids=lambda path: path.stem)
def test_loads_and_says_what_its_name_says(path):
    init_default_scope('mmpose')
    cfg = Config.fromfile(path)
    variant, _, _, data_and_size = path.stem.split('_')
    data, size = data_and_size.rsplit('-', 1)
    height, width = map(int, size.split('x'))
    assert cfg.model.head.temporal == TEMPORAL[variant]
    assert cfg.train_dataloader.dataset.clip_len == (
        1 if variant == 'single' else 2)
    assert tuple(cfg.model.head.decoder.input_size) == (width, height)
    dataset_type = dict(jhmdb='SubJhmdbDataset', penn='PennActionDataset')
    for loader in (cfg.train_dataloader, cfg.val_dataloader,
                   cfg.test_dataloader):
        assert loader.dataset.type == dataset_type[data]
        for transform in loader.dataset.pipeline:
            TRANSFORMS.build(transform)
    assert cfg.model.head.out_channels == dict(jhmdb=15, penn=13)[data]
    assert cfg.test_dataloader.sampler.type == 'VideoSampler'
    assert cfg.test_dataloader.sampler.lanes == cfg.test_dataloader.batch_size
    METRICS.build(cfg.test_evaluator)


@pytest.mark.parametrize(
    'single',
    [path for path in CONFIGS if path.stem.startswith('single_')
     and 'finetune' not in path.stem or 'single_res18_1xb16-2e' in path.stem],
    ids=lambda path: path.stem)  # yapf: disable
@pytest.mark.parametrize('variant', ['heatmap', 'correlation'])
def test_rows_differ_in_the_method_alone(single, variant):
    other = single.with_name(single.name.replace('single_', f'{variant}_'))
    if not other.exists():
        pytest.skip(f'{single.stem} is a starting point, not a row')
    first, second = Config.fromfile(single), Config.fromfile(other)
    assert second.model.head.pop('temporal') == variant
    first.model.head.pop('temporal')
    assert second.train_dataloader.dataset.pop('clip_len') == 2
    assert first.train_dataloader.dataset.pop('clip_len') == 1
    assert first.to_dict() == second.to_dict()


def test_split_and_root_come_from_the_environment(monkeypatch):
    monkeypatch.setenv('JHMDB_SPLIT', '3')
    monkeypatch.setenv('JHMDB_ROOT', '/somewhere/jhmdb')
    path = next(path for path in CONFIGS if path.stem.startswith('single_')
                and 'jhmdb' in path.stem)  # yapf: disable
    dataset = Config.fromfile(path).train_dataloader.dataset
    assert dataset.ann_file == 'annotations/Sub3_train.json'
    assert dataset.data_root == '/somewhere/jhmdb'
