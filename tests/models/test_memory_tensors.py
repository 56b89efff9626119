# Copyright (c) temporal_corr authors. All rights reserved.
import pytest
import torch

from projects.temporal_corr.models.memory_tensors import (flatten_memory,
                                                          unflatten_memory)

A, B, C = (torch.full((2, 3), float(value)) for value in range(3))


@pytest.mark.parametrize('memory, names', [
    (None, []),
    (A, ['exemplars']),
    (dict(heatmaps=A, crops=B), ['memory_heatmaps', 'memory_crops']),
    ((A, B), ['memory_0', 'memory_1']),
    ((A, dict(h=B, cell=C)), ['memory_0', 'memory_1_h', 'memory_1_cell']),
    (dict(state=(A, B), heatmaps=C),
     ['memory_state_0', 'memory_state_1', 'memory_heatmaps']),
], ids=['nothing', 'tensor', 'dict', 'tuple', 'dict in tuple',
        'tuple in dict'])  # yapf: disable
def test_names_and_back(memory, names):
    named = flatten_memory(memory)
    assert list(named) == names
    # in another order and among others, as inputs of a model are
    shuffled = dict(reversed(named.items()), image=torch.zeros(1))
    again = unflatten_memory(memory, shuffled)
    assert type(again) is type(memory)
    for name, tensor in flatten_memory(again).items():
        assert tensor is named[name]


def test_a_missing_tensor_is_named():
    with pytest.raises(KeyError, match='memory_crops'):
        unflatten_memory(dict(heatmaps=A, crops=B), dict(memory_heatmaps=A))


def test_tensors_of_one_name_are_refused():
    with pytest.raises(ValueError, match='called memory_a_b'):
        flatten_memory(dict(a=dict(b=A), a_b=B))
