# Copyright (c) temporal_corr authors. All rights reserved.
"""Weights of OpenPose or VGG-19 from files of any of the known kinds."""
import re
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Optional, Tuple

import torch
from caffe_model import layers_with_weights, read_weights
from openpose_layers import LayerTable
from torch import Tensor

from projects.temporal_corr.engine.safe_loading import (find_state_dict,
                                                        load_from_local,
                                                        no_weights)

_PLACE = r'(?:^|\.)((?:model\d(?:_\d)?|features)\.\d+)\.(weight|bias)$'
_NAME = r'(?:^|\.)(\w+)\.(weight|bias)$'
_TORCH = (b'PK\x03\x04', b'\x80')  # zip archives, and pickles of old
_VGG19_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32,
                       34)
# torchvision wants RGB in [0, 1], less this mean, over this deviation.
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


class Weights(NamedTuple):
    """What a file holds."""
    #: For example ``'Caffe'``.
    kind: str
    #: Parameters ``weight`` and ``bias`` of layers by their Caffe names.
    layers: Dict[str, Dict[str, Tensor]]
    #: Names in the file that are none of the network's layers.
    foreign: List[str]
    #: Whether only the layers of VGG-19 can be expected.
    vgg19: bool = False


def read(path: Path, table: LayerTable,
         prototxt: Optional[Path] = None) -> Weights:
    """Read a file, whatever it is called.

    Args:
        path (Path): A Caffe model or a PyTorch state dict.
        table (LayerTable): The names of the layers.
        prototxt (Path, optional): Description of the Caffe model.
            Defaults to None.

    Returns:
        Weights: The weights, under Caffe names.

    Raises:
        OSError: If the file cannot be read.
        RuntimeError: If it holds no weights, or could run code.
    """
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no file {path}: check the path; where to fetch the '
            'weights says docs/data_preparation.md, "Weights of OpenPose"')
    other = no_weights(str(path))
    if other:
        raise RuntimeError(f'{path} {other}')
    with open(path, 'rb') as file:
        start = file.read(4)
    if start.startswith(_TORCH):
        if prototxt is not None:
            raise RuntimeError(f'{path} is a PyTorch file, which needs no '
                               '--prototxt: leave it out')
        checkpoint = load_from_local(str(path), 'cpu')
        try:
            return from_state_dict(checkpoint, table)
        except ValueError as error:
            raise RuntimeError(f'{path}: {error}') from error
    return _from_caffe(path, table, prototxt)


def _from_caffe(path: Path, table: LayerTable,
                prototxt: Optional[Path]) -> Weights:
    data = path.read_bytes()
    try:
        names = layers_with_weights(data)
    except ValueError as error:
        raise RuntimeError(
            f'{path} is no Caffe model, or is cut off ({error}): fetch it '
            'again') from error
    known = [name for name in names if name in table.layers]
    try:
        arrays = read_weights(data, known, prototxt)
    except RuntimeError as error:
        raise RuntimeError(f'{path}: {error}') from error
    layers = {}
    for name, values in arrays.items():
        tensors = [torch.from_numpy(value) for value in values]
        # Biases may come as (C, 1) or, from old files, (1, 1, 1, C).
        layers[name] = dict(
            zip(('weight', 'bias'), [
                tensor if i == 0 else tensor.flatten()
                for i, tensor in enumerate(tensors)
            ]))
    return Weights('Caffe', layers,
                   [name for name in names if name not in table.layers])


def from_state_dict(checkpoint: Any, table: LayerTable) -> Weights:
    """Read a state dict under any of the known naming schemes.

    Args:
        checkpoint: A state dict, or a checkpoint that contains one. Names
            may have any prefix.
        table (LayerTable): The names of the layers.

    Returns:
        Weights: The weights, under Caffe names.

    Raises:
        ValueError: If there is no state dict in it, or if two of its
            parameters are the same layer.
    """
    state_dict, kinds = {
        str(key): value
        for key, value in find_state_dict(checkpoint).items()
        if isinstance(value, Tensor)
    }, set()
    layers, foreign, sources = {}, [], {}
    places = dict(table.places)
    vgg19 = _is_torchvision_vgg19(state_dict)
    if vgg19:
        places.update({
            f'features.{place}': name
            for place, name in zip(_VGG19_CONVOLUTIONS, table.vgg19)
        })
    for key, value in state_dict.items():
        place, name = re.search(_PLACE, key), re.search(_NAME, key)
        if place and place.group(1) in places:
            layer, parameter = places[place.group(1)], place.group(2)
            kinds.add('places')
        elif name and name.group(1) in table.layers:
            layer, parameter = name.groups()
            kinds.add('names')
        else:
            foreign.append(key)
            continue
        same = sources.setdefault((layer, parameter), key)
        if same != key:
            raise ValueError(
                f'{same} and {key} are both the {parameter} of {layer}: the '
                'file holds several models, save the state_dict of one')
        layers.setdefault(layer, {})[parameter] = value.float()
    if vgg19:
        fold_normalisation(layers['conv1_1'])
        return Weights('torchvision VGG-19', layers, [], vgg19=True)
    kind = ('PyTorch, Caffe names'
            if kinds == {'names'} else 'PyTorch, nn.Sequential')
    return Weights(kind, layers, foreign)


def _is_torchvision_vgg19(state_dict: Mapping[str, Tensor]) -> bool:
    """Whether the convolutions are where VGG-19 has them, and no norms."""
    found = {(int(match.group(1)), value.dim())
             for key, value in state_dict.items()
             for match in [re.search(r'(?:^|\.)features\.(\d+)\.weight$', key)]
             if match}
    return found == {(place, 4) for place in _VGG19_CONVOLUTIONS}


def fold_normalisation(layer: Dict[str, Tensor]) -> None:
    """Make the first convolution take OpenPose's input.

    It was trained on RGB, ``(x / 255 - mean) / std``, and gets BGR,
    ``y = (x - 128) / 256``: the same image is ``(256 y + 128) / 255`` in its
    [0, 1]. The result is exact wherever the kernel lies inside of the image;
    the border, which both networks pad with zeros, was the mean colour and
    becomes the grey value 128.

    Args:
        layer (dict[str, Tensor]): Weight (out, 3, k, k) and bias (out, ) of
            the convolution, which are replaced.
    """
    mean, std = (
        torch.tensor(value, dtype=torch.float64)
        for value in (_IMAGENET_MEAN, _IMAGENET_STD))
    weight = layer['weight'].double()
    offset = (128 / 255 - mean) / std
    bias = layer['bias'].double() + weight.sum(dim=(2, 3)) @ offset
    scale = 256 / 255 / std
    layer['bias'] = bias.float()
    layer['weight'] = (weight * scale[:, None, None]).flip(1).float()


def shape_of(layer: Mapping[str, Tensor]) -> Tuple[int, ...]:
    """The shape of a layer's weight, () if it has none."""
    return tuple(layer['weight'].shape) if 'weight' in layer else ()
