# Copyright (c) temporal_corr authors. All rights reserved.
"""The last layer of a model for other keypoints, by their names."""
from collections import OrderedDict
from typing import Dict, Mapping, Sequence, Tuple

import torch
from torch import Tensor

_SHOULDERS = ('left_shoulder', 'right_shoulder')
_HIPS = ('left_hip', 'right_hip')
#: What a keypoint starts from where the source does not have it: the mean of
#: the first of these that it has.
NEIGHBOURS: Dict[str, Tuple[Tuple[str, ...], ...]] = dict(
    head=(('nose', ), ('head_top', 'upper_neck'), ('neck', )),
    head_top=(('head', ), ('nose', )),
    nose=(('head', ), ('head_top', 'upper_neck')),
    left_eye=(('nose', ), ('head', )),
    right_eye=(('nose', ), ('head', )),
    left_ear=(('nose', ), ('head', )),
    right_ear=(('nose', ), ('head', )),
    neck=(('upper_neck', ), _SHOULDERS),
    upper_neck=(('neck', ), _SHOULDERS),
    thorax=(('neck', ), _SHOULDERS),
    pelvis=(_HIPS, ),
    belly=(('pelvis', 'thorax'), (*_SHOULDERS, *_HIPS)))


def keypoint_sources(source: Sequence[str],
                     target: Sequence[str]) -> Dict[str, Tuple[str, ...]]:
    """The source keypoints that each target keypoint starts from, by name:
    the same name, or those of its neighbours (``NEIGHBOURS``).

    Raises:
        ValueError: If a keypoint has none of them in the source.
    """
    found = {}
    for name in target:
        choices = ((name, ), *NEIGHBOURS.get(name, ()))
        found[name] = next(
            (names for names in choices if set(names) <= set(source)), ())
    lost = [name for name, names in found.items() if not names]
    if lost:
        raise ValueError(
            f'there is nothing that {", ".join(lost)} can start from among '
            f'the keypoints {", ".join(source)}: rename the keypoints that '
            'are the same, or take over the backbone only')
    return found


def rows_by_name(
    state_dict: Mapping[str, Tensor],
    source: Sequence[str],
    target: Sequence[str],
    layers: Sequence[str] = ('head.final_layer', 'head.final_layer.final')
) -> 'OrderedDict[str, Tensor]':
    """A state dict whose last layers have the rows of other keypoints, by
    name.

    A keypoint that the source does not have gets the mean of its neighbours'
    rows, a start for training.

    Args:
        state_dict (Mapping[str, Tensor]): Parameters by name. Not changed.
        source (Sequence[str]): Names of its S keypoints, in its order.
        target (Sequence[str]): Names of the wanted keypoints, in order.
        layers (Sequence[str]): The layers with one output a keypoint, or D
            in a row for each: weight (S * D, ...), bias (S * D, ) or none.
            Missing ones are skipped. Defaults to the last layer of MMPose's
            heatmap heads and of :class:`HeatmapBranch`.

    Raises:
        ValueError: If there is none of the layers, it is for another number of
            keypoints, or a keypoint has nothing to start from.
    """
    rows = [[list(source).index(name) for name in names]
            for names in keypoint_sources(source, target).values()]
    result = OrderedDict(state_dict)
    found = [layer for layer in layers if f'{layer}.weight' in state_dict]
    if not found:
        raise ValueError(
            f'there is no {layers[0]}.weight among the parameters: take the '
            'checkpoint of a model whose last layer has one map for each '
            'keypoint, or name its layer')
    for layer in found:
        for name in (f'{layer}.weight', f'{layer}.bias'):
            if name not in state_dict:
                continue
            value = state_dict[name]
            if len(value) % len(source):
                raise ValueError(
                    f'{name} has {len(value)} rows, which is no multiple of '
                    f'the {len(source)} keypoints: name the dataset that '
                    'the model was trained on')
            groups = value.unflatten(0, (len(source), -1))
            result[name] = torch.cat(
                [groups[index].mean(dim=0) for index in rows])
    return result
