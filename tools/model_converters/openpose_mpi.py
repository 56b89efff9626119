# Copyright (c) temporal_corr authors. All rights reserved.
"""Convert weights of OpenPose's MPI model, or of VGG-19, to a checkpoint."""
import argparse
import re
import sys
from functools import lru_cache
from pathlib import Path
from typing import Any, Dict, List, Mapping, NamedTuple, Tuple

import torch
import torch.nn as nn
from caffe_model import read_caffemodel
from mmengine.registry import DefaultScope
from terminaltables import AsciiTable
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import repo_path  # noqa: F401
from checkpoint_io import find_faults, save_checkpoint

from projects.temporal_corr.engine.safe_loading import (find_state_dict,
                                                        load_from_local,
                                                        no_weights)
from projects.temporal_corr.models.backbones import OpenPoseExtractor
from projects.temporal_corr.models.heads import PAFHead
from projects.temporal_corr.video_io.arguments import run_command

WANTED = (
    "needed is OpenPose's MPI model of 15 parts: pose_iter_160000.caffemodel "
    'or pose_iter_146000.caffemodel, or a PyTorch conversion of one of them, '
    "or torchvision's VGG-19 without batch norm")
ADDED = ('head.correlation', 'head.stage1.L{1,2}.maps_conv',
         'head.stage{1..6}.L{1,2}.center_conv')
_PLACE = r'(?:^|\.)((?:model\d(?:_\d)?|features)\.\d+)\.(weight|bias)$'
_NAME = r'(?:^|\.)(\w+)\.(weight|bias)$'
_TORCH = (b'PK\x03\x04', b'\x80')  # zip archives, and pickles of old
_VGG19_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25, 28, 30, 32,
                       34)
# torchvision wants RGB in [0, 1], less this mean, over this deviation.
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


@lru_cache(maxsize=None)
def load_layer_table() -> Tuple[Dict[str, tuple], Dict[str, str]]:
    """The convolutions of :class:`OpenPoseExtractor` and :class:`PAFHead` by
    their Caffe names: what their parameters begin with, ``backbone.conv1_1``,
    and the shape of the weight; and the Caffe names by place in nn.Sequential.

    In the conversions, ``model0`` is the extractor and ``model{t}_{b}`` the
    branch L1 or L2 of a stage, nn.Sequential of convolutions, ReLUs (one
    behind each convolution) and pools.
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
                layers[name] = f'{prefix}.{name}', tuple(child.weight.shape)
                places[f'{sequence}.{place}'] = name
                place += 2
            elif isinstance(child, nn.MaxPool2d):
                place += 1
    return layers, places


def shared_layers() -> List[str]:
    """Caffe names of the layers that VGG-19 has, too, in its order."""
    return [name for name, (module, _) in load_layer_table()[0].items()
            if module.startswith('backbone.') and not name.endswith('_CPM')]


class Weights(NamedTuple):
    """What a file holds."""
    kind: str  #: for example ``'Caffe'``
    parameters: Dict[str, Tensor]  #: by Caffe names: ``conv1_1.weight``
    foreign: List[str]  #: names that are none of the network's layers


def read(path: Path) -> Weights:
    """Read a Caffe model or a PyTorch state dict, whatever its suffix; an
    OSError or RuntimeError if it is neither."""
    if not path.is_file():
        raise FileNotFoundError(
            f'there is no file {path}: check the path; where to fetch the '
            'weights says docs/data_preparation.md, "Weights of OpenPose"')
    other = no_weights(str(path))
    if other:
        raise RuntimeError(f'{path} {other}')
    data = path.read_bytes()
    try:
        if data.startswith(_TORCH):
            return from_state_dict(load_from_local(str(path), 'cpu'))
        arrays = read_caffemodel(data)
    except ValueError as error:
        hint = '' if data.startswith(_TORCH) else (
            'no Caffe model, or cut off, fetch it again: ')
        raise RuntimeError(f'{path}: {hint}{error}') from error
    parameters, known = {}, load_layer_table()[0]
    for name in filter(known.__contains__, arrays):
        # Biases may come as (C, 1) or, from old files, (1, 1, 1, C).
        for kind, array in zip(('weight', 'bias'), arrays[name]):
            tensor = torch.from_numpy(array.copy())
            parameters[f'{name}.{kind}'] = (
                tensor if kind == 'weight' else tensor.flatten())
    return Weights('Caffe', parameters,
                   [name for name in arrays if name not in known])


def from_state_dict(checkpoint: Any) -> Weights:
    """Read a state dict, or a checkpoint that contains one, under any of the
    known naming schemes, behind any prefix; a ValueError if there is none in
    it, or two parameters are of the same layer."""
    layers, places = load_layer_table()
    state_dict = {
        str(key): value
        for key, value in find_state_dict(checkpoint).items()
        if isinstance(value, Tensor)
    }
    vgg19 = _is_torchvision_vgg19(state_dict)
    if vgg19:
        places = dict(places, **{
            f'features.{place}': name
            for place, name in zip(_VGG19_CONVOLUTIONS, shared_layers())
        })
    parameters, foreign, sources, by_place = {}, [], {}, False
    for key, value in state_dict.items():
        place, name = re.search(_PLACE, key), re.search(_NAME, key)
        if place and place[1] in places:
            by_place, target = True, f'{places[place[1]]}.{place[2]}'
        elif name and name[1] in layers:
            target = f'{name[1]}.{name[2]}'
        else:
            foreign.append(key)
            continue
        same = sources.setdefault(target, key)
        if same != key:
            raise ValueError(
                f'{same} and {key} are both the {target}: the file holds '
                'several models, save the state_dict of one')
        parameters[target] = value.float()
    if vgg19:
        fold_normalisation(parameters)
        return Weights('torchvision VGG-19', parameters, [])
    return Weights(
        'PyTorch, nn.Sequential' if by_place or not parameters else
        'PyTorch, Caffe names', parameters, foreign)


def _is_torchvision_vgg19(state_dict: Mapping[str, Tensor]) -> bool:
    """Whether the convolutions are where VGG-19 has them, and no norms."""
    found = {(int(match[1]), value.dim())
             for key, value in state_dict.items()
             for match in [re.search(r'(?:^|\.)features\.(\d+)\.weight$', key)]
             if match}
    return found == {(place, 4) for place in _VGG19_CONVOLUTIONS}


def fold_normalisation(parameters: Dict[str, Tensor]) -> None:
    """Make the first convolution take OpenPose's input.

    It was trained on RGB, ``(x / 255 - mean) / std``, and gets BGR,
    ``y = (x - 128) / 256``: the same image is ``(256 y + 128) / 255`` in its
    [0, 1]. The result is exact wherever the kernel lies inside of the image;
    the border, which both networks pad with zeros, was the mean colour and
    becomes the grey value 128. ``conv1_1.weight`` (out, 3, k, k) and
    ``conv1_1.bias`` (out, ) are replaced.
    """
    mean, std = (
        torch.tensor(value, dtype=torch.float64)
        for value in (_IMAGENET_MEAN, _IMAGENET_STD))
    weight = parameters['conv1_1.weight'].double()
    bias = parameters['conv1_1.bias'].double() + weight.sum(
        dim=(2, 3)) @ ((128 / 255 - mean) / std)
    scale = 256 / 255 / std
    parameters['conv1_1.bias'] = bias.float()
    parameters['conv1_1.weight'] = (weight * scale[:, None, None]
                                    ).flip(1).float()


def convert(path: Path) -> dict:
    """A Caffe model or a PyTorch state dict as a checkpoint; a RuntimeError if
    it is not what is needed."""
    weights, layers = read(path), load_layer_table()[0]
    expected = {}
    for name, (_, shape) in layers.items():
        if weights.kind != 'torchvision VGG-19' or name in shared_layers():
            expected.update({
                f'{name}.weight': shape, f'{name}.bias': shape[:1]})
    faults = find_faults(weights.parameters, expected, weights.foreign)
    if faults:
        raise RuntimeError(f'{path} is another model; {WANTED}.' +
                           ''.join(faults))
    state_dict = {
        f'{layers[name.split(".")[0]][0]}.{name.split(".")[1]}':
        weights.parameters[name].contiguous()
        for name in expected
    }
    names = dict.fromkeys(name.split('.')[0] for name in weights.parameters)
    return dict(
        meta=dict(source=path.name, kind=weights.kind, layers=list(names)),
        state_dict=state_dict)


def summary(state_dict: Mapping[str, Tensor]) -> str:
    """The table of what is filled and what is not."""
    groups: Dict[str, List[str]] = {}
    for module, _ in load_layer_table()[0].values():
        groups.setdefault(module.rsplit('.', 1)[0], []).append(module)
    rows = [('part', 'layers filled', 'parameters', 'not filled')]
    for group, modules in groups.items():
        left = [module.split('.')[-1] for module in modules
                if f'{module}.weight' not in state_dict]
        size = sum(value.numel() for name, value in state_dict.items()
                   if name.rsplit('.', 1)[0] in modules)
        rows.append((
            group, f'{len(modules) - len(left)} of {len(modules)}',
            f'{size:,}', 'all' if len(left) == len(modules) else
            ', '.join(left)))
    rows += [(name, 'new', '', 'not in OpenPose') for name in ADDED]
    return AsciiTable(rows).table


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'source',
        type=Path,
        help="OpenPose's MPI model, as a .caffemodel or converted to a "
        "PyTorch state dict, or torchvision's VGG-19")
    parser.add_argument(
        '--out', type=Path, required=True, help='checkpoint to be written')
    return parser.parse_args(argv)


def main(argv=None) -> None:
    args = parse_args(argv)
    checkpoint = convert(args.source)
    save_checkpoint(checkpoint, args.out, args.source)
    print(summary(checkpoint['state_dict']))
    print(f"{checkpoint['meta']['kind']} -> {args.out}")
    if len(checkpoint['meta']['layers']) == len(load_layer_table()[0]):
        print(f"Start from it with load_from='{args.out}'.")
    else:
        print('The other layers start from scratch. Start from it with\n'
              "model.backbone.init_cfg=[dict(type='Normal', layer='Conv2d', "
              f"std=0.01),\n  dict(type='Pretrained', "
              f"checkpoint='{args.out}', prefix='backbone.')]")


if __name__ == '__main__':
    run_command(main)
