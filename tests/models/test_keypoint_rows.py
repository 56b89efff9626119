# Copyright (c) temporal_corr authors. All rights reserved.
import pytest
import torch
import torch.nn.functional as F

from projects.temporal_corr.models.keypoint_rows import (keypoint_sources,
                                                         rows_by_name)

SOURCE = ['nose', 'left_shoulder', 'right_shoulder', 'left_hip', 'right_hip']
TARGET = ['right_hip', 'neck', 'belly', 'head', 'left_shoulder']


def heatmaps(state, features):
    return F.conv2d(features, state['head.final_layer.weight'],
                    state.get('head.final_layer.bias'))


@pytest.mark.parametrize('bias', [True, False])
def test_heatmaps_by_name(bias):
    """What is predicted, not how rows are stored, is compared."""
    torch.manual_seed(0)
    state = {
        'backbone.conv.weight': torch.rand(3, 3),
        'head.final_layer.weight': torch.rand(5, 8, 1, 1)
    }
    if bias:
        state['head.final_layer.bias'] = torch.rand(5)
    features = torch.rand(2, 8, 4, 3)
    before = dict(zip(SOURCE, heatmaps(state, features).unbind(1)))
    result = rows_by_name(state, SOURCE, TARGET)
    after = dict(zip(TARGET, heatmaps(result, features).unbind(1)))
    shoulders = (before['left_shoulder'] + before['right_shoulder']) / 2
    hips = (before['left_hip'] + before['right_hip']) / 2
    for name, expected in dict(
            right_hip=before['right_hip'],
            left_shoulder=before['left_shoulder'],
            head=before['nose'],
            neck=shoulders,
            belly=(shoulders + hips) / 2).items():
        torch.testing.assert_close(after[name], expected)
    assert result['backbone.conv.weight'] is state['backbone.conv.weight']
    assert len(state['head.final_layer.weight']) == 5, 'the source is kept'


def test_several_rows_a_keypoint_stay_together():
    """Offsets: x and y of a keypoint, one after the other."""
    state = {'head.offset.weight': torch.arange(10.)[:, None]}
    result = rows_by_name(state, SOURCE, ['right_hip', 'nose'],
                          ['head.offset'])
    assert result['head.offset.weight'].flatten().tolist() == [8, 9, 0, 1]


@pytest.mark.parametrize('state, target, message', [
    ({'head.conv.weight': torch.rand(5, 1)}, TARGET, 'no head.final_layer'),
    ({'head.final_layer.weight': torch.rand(7, 1)}, TARGET, '7 rows'),
    ({'head.final_layer.weight': torch.rand(5, 1)}, ['tail'], 'tail'),
])
def test_refused(state, target, message):
    with pytest.raises(ValueError, match=message):
        rows_by_name(state, SOURCE, target)


def test_the_own_name_wins():
    assert keypoint_sources(['neck', *SOURCE], ['neck']) == dict(
        neck=('neck', ))
