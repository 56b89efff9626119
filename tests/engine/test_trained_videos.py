# Copyright (c) temporal_corr authors. All rights reserved.
"""Checkpoints say what a model was trained on; tests on these are told."""
import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.evaluator import BaseMetric
from mmengine.logging import MMLogger
from torch.utils.data import ConcatDataset, Dataset, Subset

from projects.temporal_corr.datasets import SubJhmdbDataset
from projects.temporal_corr.engine import TrainedVideosHook
from projects.temporal_corr.engine.trained_videos_hook import (
    trained_videos_hook, video_ids)

CHECKPOINT_HOOK = dict(type='mmpose.AtomicCheckpointHook', interval=1)
HOOK = dict(type='mmpose.TrainedVideosHook')


class Count(BaseMetric):
    """One number, so that an evaluation runs."""

    def process(self, data_batch, data_samples):
        self.results.append(0)

    def compute_metrics(self, results):
        return dict(Mean=0.5)


class Videos(Dataset):
    """Two frames of each video."""

    def __init__(self, *names, dataset_name='tiny'):
        self.videos = [(name, [2 * i, 2 * i + 1])
                       for i, name in enumerate(names)]
        self.metainfo = dict(dataset_name=dataset_name)

    def __len__(self):
        return 2 * len(self.videos)

    def __getitem__(self, index):
        return dict(inputs=torch.tensor([float(index), 1.]))


class Images(Dataset):
    """Knows no videos."""
    metainfo = dict(dataset_name='images')

    def __len__(self):
        return 4

    def __getitem__(self, index):
        return dict(inputs=torch.tensor([float(index), 1.]))


def loader(dataset):
    return dict(
        batch_size=2,
        num_workers=0,
        sampler=dict(type='DefaultSampler', shuffle=False),
        dataset=dataset,
        collate_fn=dict(type='pseudo_collate'))


@pytest.fixture
def train(build_runner, tmp_path):
    """Trains for an epoch; returns the meta and path of the checkpoint."""

    def run(name, dataset, val=None, epochs=1, **kwargs):
        if val is not None:
            kwargs.update(
                val_dataloader=loader(val),
                val_cfg=dict(),
                val_evaluator=[Count()])
        runner = build_runner(
            tmp_path / name,
            CHECKPOINT_HOOK,
            epochs=epochs,
            train_dataloader=loader(dataset),
            custom_hooks=[HOOK],
            **kwargs)
        runner.train()
        path = tmp_path / name / f'epoch_{epochs}.pth'
        # the list must not hinder PyTorch's own safe loading
        meta = torch.load(path, weights_only=False)['meta']
        return meta, path

    return run


@pytest.fixture
def warnings(monkeypatch):
    """What is warned of, whichever run's logger it goes to."""
    texts = []
    call_handlers = MMLogger.callHandlers

    def keep(logger, record):
        if record.levelno >= logging.WARNING:
            texts.append(record.getMessage())
        call_handlers(logger, record)

    monkeypatch.setattr(MMLogger, 'callHandlers', keep)
    return texts


@pytest.mark.parametrize('dataset, expected', [
    pytest.param(Videos('b', 'a'), ['a', 'b'], id='sorted'),
    pytest.param(Images(), None, id='images'),
    pytest.param(Subset(Videos('a', 'b'), [0]), ['a', 'b'],
                 id='a subset may hold frames of any'),
    pytest.param(ConcatDataset([Videos('a', 'b'), Images(), Videos('b', 'c')]),
                 ['a', 'b', 'c'], id='several'),
    pytest.param(ConcatDataset([Images(), Images()]), None,
                 id='several, none of videos'),
])  # yapf: disable
def test_video_ids(dataset, expected):
    assert video_ids(dataset) == expected


def test_videos_are_recorded_along_the_way(train):
    """Pretraining on images, then split 1, then other videos, resumed."""
    meta, start = train('images', Images())
    assert 'train_videos' not in meta
    meta, first = train('first', Videos('b', 'a'), load_from=str(start))
    assert meta['train_videos'] == ['a', 'b']
    meta, second = train(
        'second', Videos('c', dataset_name='other'), load_from=str(first))
    assert meta['train_videos'] == ['a', 'b', 'c']
    meta, _ = train(
        'resumed',
        Videos('c', 'd', dataset_name='other'),
        epochs=2,
        load_from=str(second),
        resume=True)
    assert meta['train_videos'] == ['a', 'b', 'c', 'd']
    # images in between forget nothing
    meta, _ = train('images again', Images(), load_from=str(second))
    assert meta['train_videos'] == ['a', 'b', 'c']


def test_a_list_with_holes_is_not_written(train, warnings, tmp_path):
    """The start knows the data set, by name, but not the videos of it."""
    _, start = train('start', Videos('a'))
    checkpoint = torch.load(start, weights_only=False)
    del checkpoint['meta']['train_videos']
    old = tmp_path / 'old.pth'
    torch.save(checkpoint, old)
    meta, _ = train('again', Videos('b'), load_from=str(old))
    assert 'train_videos' not in meta
    assert any('old.pth was trained on tiny and does not say' in text
               for text in warnings)
    # of another data set there can be no videos to leak
    meta, _ = train(
        'other', Videos('b', dataset_name='other'), load_from=str(old))
    assert meta['train_videos'] == ['b']


@pytest.mark.parametrize('stripped', [
    dict(), dict(meta=None), dict(meta=dict())])  # yapf: disable
def test_checkpoints_that_say_nothing(stripped):
    hook = TrainedVideosHook()
    hook.after_load_checkpoint(None, dict(stripped, state_dict={}))
    assert hook.train_videos is None


def test_validation_on_training_videos_warns_once(train, warnings):
    train('run', Videos('a', 'b', 'c'), val=Videos('c', 'd'), epochs=2)
    found = [text for text in warnings if 'was trained on' in text]
    assert len(found) == 1
    assert 'trained on 1 of the 2 validation videos: c.' in found[0]
    assert 'JHMDB_SPLIT' in found[0]


@pytest.mark.parametrize('val', [Videos('c', 'd'), Images()],
                         ids=['videos of the test split', 'images'])
def test_no_false_alarm(train, warnings, val):
    meta, _ = train('run', Videos('a', 'b'), val=val)
    assert meta['train_videos'] == ['a', 'b']
    assert not [text for text in warnings if 'was trained on' in text]


class TestRunnerTest:

    @pytest.fixture
    def runner(self, build_runner, train, tmp_path):

        def build(dataset, **kwargs):
            _, path = train('train', Videos(*'abcdefg'))
            return build_runner(
                tmp_path / 'test',
                CHECKPOINT_HOOK,
                load_from=str(path),
                test_dataloader=loader(dataset),
                test_cfg=dict(),
                test_evaluator=[Count()],
                train_dataloader=None,
                train_cfg=None,
                optim_wrapper=None,
                param_scheduler=None,
                **kwargs)

        return build

    def test_a_leak_is_loud(self, runner, warnings):
        run = runner(Videos(*'abcdefgx'))
        hook = trained_videos_hook(run)  # the config has none
        assert trained_videos_hook(run) is hook
        run.test()
        text, = [text for text in warnings if 'was trained on' in text]
        assert 'on 7 of the 8 test videos: a, b, c, d, e and 2 more' in text
        described = hook.describe_test(run)
        assert described == dict(
            config=None,
            checkpoint=described['checkpoint'],
            ann_file=None,
            test_videos=list('abcdefgx'),
            train_videos=list('abcdefg'),
            frame_stride=1,
            indices=None,
            num_frames=16)
        assert described['checkpoint'].endswith('train/epoch_1.pth')

    def test_another_split_is_silent(self, runner, warnings):
        run = runner(Videos('x'), custom_hooks=[HOOK])
        hook = trained_videos_hook(run)
        assert sum(isinstance(h, TrainedVideosHook) for h in run.hooks) == 1
        run.test()
        assert not [text for text in warnings if 'was trained on' in text]
        assert hook.train_videos == list('abcdefg')


@pytest.mark.parametrize('indices, frames', [(None, 20), (4, 4), ([0, 7], 2)])
def test_a_partial_test_is_described(indices, frames, tiny_jhmdb):
    dataset = SubJhmdbDataset(
        ann_file='annotations/Sub1_test.json',
        data_root=str(tiny_jhmdb),
        data_prefix=dict(img=''),
        indices=indices,
        test_mode=True)
    runner = SimpleNamespace(
        test_dataloader=SimpleNamespace(dataset=dataset),
        cfg=Config(),
        _load_from=None)
    described = TrainedVideosHook().describe_test(runner)
    assert described['indices'] == indices
    assert described['num_frames'] == frames
