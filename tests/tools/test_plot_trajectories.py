# Copyright (c) temporal_corr authors. All rights reserved.
"""The figure and the scores of one video of the test data."""
import importlib
import sys

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS

from projects.temporal_corr.visualization import (load_video_model,
                                                  stream_predictions)

VIDEO = 'Rename_Images/act/clip1'  # five frames


@pytest.fixture
def tool(repo_root, monkeypatch, tiny_jhmdb, tmp_path):
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    monkeypatch.chdir(tmp_path)
    for folder in ('tools', 'tools/analysis_tools'):
        monkeypatch.syspath_prepend(str(repo_root / folder))
    return importlib.import_module('plot_trajectories')


@pytest.fixture(scope='module')
def models(tiny_config, tmp_path_factory):
    """Name, config and checkpoint of two models with random weights."""
    root = tmp_path_factory.mktemp('models')
    init_default_scope('mmpose')
    found = {}
    for name, temporal in (('alone', None), ('ours', 'correlation')):
        config = root / f'{name}.py'
        config.write_text(f"_base_ = '{tiny_config}'\n"
                          f'model = dict(head=dict(temporal={temporal!r}))\n')
        torch.manual_seed(0)
        model = MODELS.build(Config.fromfile(config).model)
        for parameter in model.parameters():
            torch.nn.init.normal_(parameter, std=0.2)
        checkpoint = root / f'{name}.pth'
        torch.save(dict(state_dict=model.state_dict(), meta={}), checkpoint)
        found[name] = [name, str(config), str(checkpoint)]
    return found


@pytest.fixture
def call(tool, models, monkeypatch, capsys):
    """Runs the tool; returns what it prints."""

    def run(*argv, names=('alone', 'ours')):
        chosen = [part for name in names for part in ('--model',
                                                      *models[name])]
        monkeypatch.setattr(sys, 'argv',
                            ['plot_trajectories.py', *chosen, *argv])
        tool.main()
        return capsys.readouterr().out

    return run


def second_differences(points):
    return np.linalg.norm(points[2:] - 2 * points[1:-1] + points[:-2], axis=-1)


def test_picture_and_scores(call, models, tool, tmp_path):
    out = call('--video', VIDEO, '--keypoints', 'head', 'left_ankle', '--out',
               'new/plot.png')
    assert cv2.imread('new/plot.png') is not None
    assert [path.name for path in (tmp_path / 'new').iterdir()] == ['plot.png']
    assert f'new/plot.png: {VIDEO}, 5 frames' in out
    # the tables of the metrics by body part would hide the one here
    assert 'PCK@0.2 (bbox)' not in out

    model = load_video_model(*models['ours'][1:])
    samples = [s for _, (s, ) in stream_predictions([model], VIDEO)]
    pred = np.stack([s.pred_instances.keypoints[0] for s in samples])
    gt = np.stack([s.gt_instances.keypoints[0] for s in samples])
    ids = model.dataset.metainfo['keypoint_name2id']
    for title, chosen in (('all', slice(None)),
                          ('head, left ankle',
                           [ids['head'], ids['left_ankle']])):
        # the boxes are all 48 x 36
        right = np.linalg.norm(pred - gt, axis=-1) <= .2 * 48
        scores = (right[:, chosen].mean(),
                  second_differences(pred)[:, chosen].mean() / 48,
                  second_differences(pred - gt)[:, chosen].mean() / 48)
        cells = ' | '.join(f'{100 * score:.1f}' for score in scores)
        assert f'| ours | {title} | {cells} |' in out
    assert '(replaced)' in call('--out', 'new/plot.png', names=['ours'])


def test_refused(call, tmp_path):
    with pytest.raises(SystemExit):
        call('--out', 'plot.png', names=['alone', 'alone'])
    with pytest.raises(ValueError, match='must end with'):
        call('--out', 'plot.gif')
    with pytest.raises(ValueError, match='has no keypoint nose'):
        call('--out', 'plot.png', '--keypoints', 'nose')
    with pytest.raises(ValueError, match='has no video'):
        call('--out', 'plot.png', '--video', 'clip9')
    assert not list(tmp_path.glob('*.png'))
