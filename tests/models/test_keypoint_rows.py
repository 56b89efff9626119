# Copyright (c) temporal_corr authors. All rights reserved.
import pytest
import torch

from projects.temporal_corr.models.keypoint_rows import (keypoint_sources,
                                                         rows_by_name)

SOURCE = ['nose', 'left_shoulder', 'right_shoulder', 'left_hip', 'right_hip']
TARGET = ['right_hip', 'neck', 'belly', 'head', 'left_shoulder']


def test_the_rest_stays_as_it_is():
    """A layer without bias has none after; what is predicted by name is
    compared in the tests of the tool."""
    state = {'backbone.conv.weight': torch.rand(3, 3),
             'head.final_layer.weight': torch.rand(5, 8, 1, 1)}
    result = rows_by_name(state, SOURCE, TARGET)
    assert result.keys() == state.keys()
    assert result['backbone.conv.weight'] is state['backbone.conv.weight']
    before, after = (names['head.final_layer.weight']
                     for names in (state, result))
    assert len(before) == 5, 'the source is kept'
    torch.testing.assert_close(after[:2], torch.stack(
        [before[4], (before[1] + before[2]) / 2]))


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
