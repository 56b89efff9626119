# Copyright (c) temporal_corr authors. All rights reserved.
"""The layers of OpenPose's MPI network and the names they go by.

Names and shapes are those of the models themselves, which call their
parameters as OpenPose does: built without weights, nothing is listed twice.
"""
from typing import Dict, List, NamedTuple, Tuple

import torch
import torch.nn as nn
from mmengine.registry import DefaultScope

import projects.temporal_corr  # noqa: F401
from projects.temporal_corr.models.backbones import OpenPoseExtractor
from projects.temporal_corr.models.heads import PAFHead


class Layer(NamedTuple):
    """A convolution of the network."""
    #: What its parameters begin with, for example ``backbone.conv1_1``.
    module: str
    #: Of the weight: (out, in, k, k).
    shape: Tuple[int, ...]

    @property
    def group(self) -> str:
        """str: The part of the network, e.g. ``head.stage1.L1``."""
        return self.module.rsplit('.', 1)[0]

    @property
    def size(self) -> int:
        """int: Number of weights and biases."""
        return torch.Size(self.shape).numel() + self.shape[0]


class LayerTable(NamedTuple):
    """All layers, and what PyTorch conversions call them."""
    #: The layers by their Caffe names, in the order of the network.
    layers: Dict[str, Layer]
    #: Caffe names by place in nn.Sequential, ``model0.0``, ``model1_1.0``...
    places: Dict[str, str]
    #: Caffe names of the layers that VGG-19 has, too, in its order.
    vgg19: List[str]


def load_layer_table() -> LayerTable:
    """The layers of :class:`OpenPoseExtractor` and :class:`PAFHead`.

    In the conversions, ``model0`` is the extractor and ``model{t}_{b}`` the
    branch L1 or L2 of a stage, nn.Sequential of convolutions, ReLUs (one
    behind each convolution) and pools.

    Returns:
        LayerTable: Names and shapes.
    """
    with DefaultScope.overwrite_default_scope('mmpose'), \
            torch.device('meta'):
        backbone = OpenPoseExtractor()
        head = PAFHead(
            temporal=None, decoder=dict(type='PartAffinityField'))
    sequences = {'model0': ('backbone', backbone)}
    for stage in range(1, head.num_stages + 1):
        for branch in (1, 2):
            name = f'stage{stage}.L{branch}'
            sequences[f'model{stage}_{branch}'] = (
                f'head.{name}', head.get_submodule(name))

    layers, places = {}, {}
    for sequence, (prefix, module) in sequences.items():
        place = 0
        for name, child in module.named_children():
            if isinstance(child, nn.Conv2d):
                layers[name] = Layer(f'{prefix}.{name}',
                                     tuple(child.weight.shape))
                places[f'{sequence}.{place}'] = name
                place += 2
            elif isinstance(child, nn.MaxPool2d):
                place += 1
    shared = [
        name for name, layer in layers.items()
        if layer.group == 'backbone' and not name.endswith('_CPM')
    ]
    return LayerTable(layers, places, shared)
