# Copyright (c) temporal_corr authors. All rights reserved.
"""The evaluation gives the same however it is spread over lanes and ranks."""
import json
import os
import pickle
import subprocess
import sys

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

import projects.temporal_corr  # noqa: F401


@pytest.fixture(scope='module')
def checkpoint(tiny_config, tmp_path_factory):
    """A correlation model with random weights that do look at the maps."""
    init_default_scope('mmpose')
    torch.manual_seed(0)
    cfg = Config.fromfile(tiny_config)
    model = MODELS.build(cfg.model)
    for name, parameter in model.named_parameters():
        if 'bn' not in name and 'downsample.1' not in name:
            torch.nn.init.normal_(parameter, std=0.1)
    path = tmp_path_factory.mktemp('checkpoint') / 'random.pth'
    torch.save(dict(state_dict=model.state_dict(), meta=dict()), path)
    return path


def evaluate(repo_root, tiny_config, tiny_jhmdb, checkpoint, out, ranks,
             lanes, batch_size):
    """Predictions by frame and metrics of one run of tools/test.py."""
    arguments = [
        'tools/test.py',
        str(tiny_config),
        str(checkpoint), '--work-dir',
        str(out), '--out',
        str(out / 'metrics.json'), '--dump',
        str(out / 'predictions.pkl'), '--cfg-options',
        f'test_dataloader.sampler.lanes={lanes}',
        f'test_dataloader.batch_size={batch_size}',
        'model.test_cfg.flip_test=True'
    ]
    launcher = [sys.executable]
    if ranks > 1:
        launcher += [
            '-m', 'torch.distributed.run', '--standalone',
            f'--nproc_per_node={ranks}'
        ]
        arguments += ['--launcher', 'pytorch']
    env = dict(
        os.environ, JHMDB_ROOT=str(tiny_jhmdb), OMP_NUM_THREADS='1')
    result = subprocess.run(
        launcher + arguments,
        cwd=repo_root,
        env=env,
        capture_output=True,
        text=True)
    assert result.returncode == 0, result.stdout + result.stderr
    with open(out / 'predictions.pkl', 'rb') as file:  # our own file
        samples = pickle.load(file)
    predictions = {}
    for sample in samples:
        key = sample['video_id'], sample['frame_index']
        assert key not in predictions, f'{key} came twice'
        instances = sample['pred_instances']
        predictions[key] = (instances['keypoints'],
                            instances['keypoint_scores'])
    return predictions, json.loads((out / 'metrics.json').read_text())


@pytest.fixture(scope='module')
def reference(repo_root, tiny_config, tiny_jhmdb, checkpoint,
              tmp_path_factory):
    """One process, one video after the other, one frame a batch."""
    return evaluate(
        repo_root,
        tiny_config,
        tiny_jhmdb,
        checkpoint,
        tmp_path_factory.mktemp('reference'),
        ranks=1,
        lanes=1,
        batch_size=1)


@pytest.mark.parametrize(
    'ranks, lanes, batch_size',
    [
        pytest.param(1, 8, 8, id='more lanes than videos'),
        pytest.param(1, 2, 3, id='batches that hold one video twice'),
        pytest.param(2, 1, 1, id='two ranks'),
        pytest.param(7, 2, 2, id='more ranks than the five videos'),
    ])
def test_same_predictions_and_metrics(repo_root, tiny_config, tiny_jhmdb,
                                      checkpoint, reference, tmp_path, ranks,
                                      lanes, batch_size):
    predictions, metrics = evaluate(repo_root, tiny_config, tiny_jhmdb,
                                    checkpoint, tmp_path, ranks, lanes,
                                    batch_size)
    expected_predictions, expected_metrics = reference
    assert metrics == expected_metrics
    assert predictions.keys() == expected_predictions.keys()
    assert len(predictions) == 5 + 3 + 7 + 1 + 4
    for key, (keypoints, scores) in predictions.items():
        np.testing.assert_array_equal(keypoints, expected_predictions[key][0])
        np.testing.assert_allclose(
            scores, expected_predictions[key][1], rtol=1e-5)


def test_the_memory_matters(reference, tiny_config, tiny_jhmdb, checkpoint,
                            monkeypatch):
    """The random model would tell: without memory it predicts otherwise."""
    from mmengine.dataset import pseudo_collate
    from mmpose.registry import DATASETS
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    init_default_scope('mmpose')
    cfg = Config.fromfile(tiny_config)
    cfg.model.test_cfg = dict(flip_test=True)
    model = MODELS.build(cfg.model).eval()
    model.load_state_dict(torch.load(checkpoint)['state_dict'])
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    changed = 0
    for index in range(len(dataset)):
        model.memory.reset()
        batch = pseudo_collate([dataset[index]])
        sample = batch['data_samples'][0]
        sample.set_metainfo(dict(is_first=True))
        with torch.no_grad():
            prediction = model.test_step(batch)[0].pred_instances
        key = sample.metainfo['video_id'], sample.metainfo['frame_index']
        changed += not np.array_equal(prediction.keypoints,
                                      reference[0][key][0])
    assert changed > 5
