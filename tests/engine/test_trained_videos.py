# Copyright (c) temporal_corr authors. All rights reserved.
"""Checkpoints say what a model was trained on; tests on these are told."""
import logging
from types import SimpleNamespace

import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmpose.registry import DATASETS
from torch.utils.data import ConcatDataset, Dataset, Subset

from projects.temporal_corr.engine import TrainedVideosHook, load_from_local
from projects.temporal_corr.engine.trained_videos_hook import (
    trained_videos_hook, video_ids)

CHECKPOINT_HOOK = dict(type='mmpose.AtomicCheckpointHook', interval=1)
HOOK = dict(type='mmpose.TrainedVideosHook')
IMAGES = [0, 1]  # a data set that knows no videos


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


@pytest.fixture
def train(build_runner, tmp_path):
    """Trains; returns the recorded videos and the path of the checkpoint."""

    def run(name, dataset, load_from=None, epochs=1, **kwargs):
        build_runner(
            tmp_path / name, CHECKPOINT_HOOK, epochs=epochs, dataset=dataset,
            load_from=load_from and str(load_from), custom_hooks=[HOOK],
            **kwargs).train()  # yapf: disable
        path = tmp_path / name / f'epoch_{epochs}.pth'
        return load_from_local(str(path))['meta'].get('train_videos'), path

    return run


@pytest.fixture
def warnings(monkeypatch):
    """What is warned of, whichever run's logger it goes to."""
    texts = []

    def keep(logger, record):
        if record.levelno >= logging.WARNING:
            texts.append(record.getMessage())

    monkeypatch.setattr(MMLogger, 'callHandlers', keep)
    return texts


@pytest.mark.parametrize('dataset, expected', [
    # a subset may hold frames of any
    (Subset(Videos('b', 'a'), [0]), ['a', 'b']),
    (ConcatDataset([Videos('a', 'b'), IMAGES, Videos('b', 'c')]),
     ['a', 'b', 'c']),
    (ConcatDataset([IMAGES, IMAGES]), None),
])
def test_video_ids(dataset, expected):
    assert video_ids(dataset) == expected


def test_videos_are_recorded_along_the_way(train):
    """Pretraining on images, then split 1, then other videos, resumed."""
    videos, start = train('images', None)
    assert videos is None
    videos, first = train('first', Videos('b', 'a'), start)
    assert videos == ['a', 'b']
    other = dict(dataset_name='other')
    videos, second = train('second', Videos('c', **other), first)
    assert videos == ['a', 'b', 'c']
    videos, _ = train(
        'resumed', Videos('c', 'd', **other), second, epochs=2, resume=True)
    assert videos == ['a', 'b', 'c', 'd']
    # images in between forget nothing
    assert train('images again', None, second)[0] == ['a', 'b', 'c']


def test_a_list_with_holes_is_not_written(train, warnings, tmp_path):
    """The start knows the data set, by name, but not the videos of it."""
    _, start = train('start', Videos('a'))
    checkpoint = load_from_local(str(start))
    del checkpoint['meta']['train_videos']
    old = tmp_path / 'old.pth'
    torch.save(checkpoint, old)
    assert train('again', Videos('b'), old)[0] is None
    assert any('old.pth was trained on tiny and does not say' in text
               for text in warnings)
    # of another data set there can be no videos to leak
    assert train('other', Videos('b', dataset_name='other'), old)[0] == ['b']
    # of others' checkpoints nothing is known
    checkpoint['meta'] = None
    torch.save(checkpoint, old)
    assert train('stripped', None, old)[0] is None


@pytest.mark.parametrize('val, leak', [
    (Videos('c', 'd'), 'trained on 1 of the 2 validation videos: c.'),
    (Videos('d', 'e'), None),
])
def test_validation_on_training_videos_warns_once(train, warnings, val, leak):
    train('run', Videos('a', 'b', 'c'), val=val, epochs=2)
    found = [text for text in warnings if 'was trained on' in text]
    assert len(found) == bool(leak)
    for text in found:
        assert leak in text and 'JHMDB_SPLIT' in text


@pytest.mark.parametrize('own_hook', [False, True])
def test_a_test_on_training_videos_is_loud(build_runner, train, warnings,
                                           own_hook, tmp_path):
    """On another split it is silent. The config need not have the hook."""
    _, path = train('train', Videos(*'abcdefg'))
    test = Videos('x') if own_hook else Videos(*'abcdefgx')
    run = build_runner(
        tmp_path / 'test', CHECKPOINT_HOOK, load_from=str(path), test=test,
        custom_hooks=[HOOK] * own_hook)  # yapf: disable
    hook = trained_videos_hook(run)
    assert trained_videos_hook(run) is hook
    assert sum(isinstance(h, TrainedVideosHook) for h in run.hooks) == 1
    run.test()
    found = [text for text in warnings if 'was trained on' in text]
    assert len(found) == (not own_hook)
    assert own_hook or (
        'on 7 of the 8 test videos: a, b, c, d, e and 2 more' in found[0])
    assert hook.describe_test(run) == dict(
        config=None,
        checkpoint=str(path),
        ann_file=None,
        test_videos=video_ids(test),
        train_videos=list('abcdefg'),
        frame_stride=1,
        indices=None,
        num_frames=len(test))


@pytest.mark.parametrize('indices, frames', [(None, 20), (4, 4), ([0, 7], 2)])
def test_a_partial_test_is_described(indices, frames, tiny_config, tiny_jhmdb):
    dataset = Config.fromfile(tiny_config).test_dataloader.dataset
    dataset.update(data_root=str(tiny_jhmdb), indices=indices)
    runner = SimpleNamespace(
        test_dataloader=SimpleNamespace(dataset=DATASETS.build(dataset)),
        cfg=Config(),
        _load_from=None)
    described = TrainedVideosHook().describe_test(runner)
    assert described['indices'] == indices
    assert described['num_frames'] == frames
