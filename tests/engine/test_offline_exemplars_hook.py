# Copyright (c) temporal_corr authors. All rights reserved.
"""Labelled frames of the videos of a data set, in a Runner's test."""
import itertools

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from projects.temporal_corr.models.offline_exemplars import offline_options


@pytest.fixture
def evaluate(tiny_config, tiny_jhmdb, tmp_path, monkeypatch):
    """Tests random weights that look at the maps; returns keypoints and
    scores by frame, and the model."""
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    numbers = itertools.count()

    def run(offline, lanes=4, crop_shift=(0, 0), **test_cfg):
        cfg = Config.fromfile(tiny_config)
        cfg.work_dir = str(tmp_path)
        cfg.default_hooks.checkpoint = None
        cfg.log_level = 'ERROR'
        cfg.test_dataloader.update(
            num_workers=0,
            persistent_workers=False,
            batch_size=lanes,
            sampler=dict(type='VideoSampler', lanes=lanes))
        cfg.test_dataloader.dataset.crop_shift = crop_shift
        memory = offline and dict(offline, policy='offline')
        cfg.model.test_cfg = dict(memory=memory, **test_cfg)
        cfg.experiment_name = f'{tmp_path.name}_{next(numbers)}'
        runner = Runner.from_cfg(cfg)
        torch.manual_seed(0)
        for name, parameter in runner.model.named_parameters():
            if 'bn' not in name and 'downsample.1' not in name:
                torch.nn.init.normal_(parameter, std=0.1)
        found = {}
        metric = runner.test_loop.evaluator.metrics[0]

        def keep(batch, samples):
            for sample in samples:
                instances = sample['pred_instances']
                found[sample['video_id'], sample['frame_index']] = np.dstack([
                    instances['keypoints'], instances['keypoint_scores']
                ])[0]  # yapf: disable
            type(metric).process(metric, batch, samples)

        monkeypatch.setattr(metric, 'process', keep)
        runner.test()
        return found, runner.model

    return run


@pytest.mark.parametrize('offline', [
    dict(source='labels', frames='middle'),
    dict(frames=2),
], ids=lambda offline: '-'.join(map(str, offline.values())))  # yapf: disable
def test_lanes_do_not_matter(offline, evaluate):
    """The five videos have 5, 3, 7, 1 and 4 frames."""
    one, model = evaluate(offline, lanes=1)
    four, _ = evaluate(offline, lanes=4)
    alone, _ = evaluate(None, lanes=4)
    assert len(one) == 20 and one.keys() == four.keys()
    for key, rows in one.items():
        # Keypoints are quarters of a cell, scores tell any difference.
        np.testing.assert_array_equal(rows[:, :2], four[key][:, :2])
        np.testing.assert_allclose(rows[:, 2], four[key][:, 2], rtol=1e-5)
    assert any((one[key] != alone[key]).any() for key in one)
    assert not model.offline


def test_flip_test_has_exemplars_of_its_own(evaluate):
    """Otherwise the mirrored rows would be refused."""
    found, _ = evaluate(
        dict(frames='first'), flip_test=True, shift_heatmap=False)
    assert len(found) == 20


def test_crops_of_labelled_frames_are_shifted_alone(evaluate):
    """The labelled first frame to the right, the others to the left: not as
    all to the left, and as all to the left if told so twice."""
    left = (-0.2, 0)
    apart, all_left, twice = (
        evaluate(offline, crop_shift=left)[0]
        for offline in (dict(crop_shift=(0.2, 0)), dict(source='labels'),
                        dict(crop_shift=left)))
    for key, rows in all_left.items():
        np.testing.assert_array_equal(rows, twice[key])
    assert any((rows != apart[key]).any() for key, rows in all_left.items())


@pytest.mark.parametrize('offline, message', [
    (dict(source='predictions'), "source must be 'labels'"),
    (dict(frames='second'), "frames must be 'first', 'middle'"),
    (dict(frames=0), 'frames must be'),
])
def test_refusals(offline, message):
    with pytest.raises(ValueError, match=message):
        offline_options(**offline)
