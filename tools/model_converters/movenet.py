# Copyright (c) temporal_corr authors. All rights reserved.
"""Convert MoveNet Lightning or Thunder (TensorFlow.js) to a checkpoint."""
import argparse
import re
import sys
from pathlib import Path
from typing import Dict, Mapping, NamedTuple

import numpy as np
import torch
import torch.nn as nn
from mmengine.registry import DefaultScope
from terminaltables import AsciiTable
from tfjs_graph_model import read_graph_model
from torch import Tensor

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import repo_path  # noqa: F401
from checkpoint_io import find_faults, save_checkpoint
from keypoints_by_name import names_of

from projects.temporal_corr.models.backbones import FoldedMobileNetV2
from projects.temporal_corr.models.heads import HeatmapBranch
from projects.temporal_corr.models.keypoint_rows import rows_by_name
from projects.temporal_corr.models.necks import SeparableFPN
from projects.temporal_corr.video_io.arguments import run_command

#: Names and widths of the models by the channels of their first layer.
VARIANTS = {32: ('MoveNet Lightning', 1.), 56: ('MoveNet Thunder', 1.75)}


class Converted(NamedTuple):
    """Converted weights of MoveNet."""
    kind: str  #: for example ``'MoveNet Lightning'``
    widen_factor: float  #: multiplies the channels of the backbone
    state_dict: Dict[str, Tensor]  #: as in a config's model
    unused: Dict[str, int]  #: parameters of other branches: ``kpt_offset_0``


def build_movenet(widen_factor: float) -> nn.ModuleDict:
    """The modules of MoveNet up to the heatmaps, ``backbone``, ``neck`` and
    ``head.final_layer``, with no memory for weights."""
    with DefaultScope.overwrite_default_scope('mmpose'), \
            torch.device('meta'):
        backbone = FoldedMobileNetV2(widen_factor, last_channels=1280)
        channels = [
            backbone.get_submodule(f'layer{stage}')[-1].conv[-1].out_channels
            for stage in (2, 3, 4)
        ]
        return nn.ModuleDict(
            dict(
                backbone=backbone,
                neck=SeparableFPN((*channels, 1280), (24, 32, 64), 24),
                head=nn.ModuleDict(
                    dict(final_layer=HeatmapBranch(24, 17)))))


def layer_names(movenet: nn.ModuleDict) -> Dict[str, Dict[str, str]]:
    """What the graph calls ``weight`` and ``bias`` of each convolution of
    :func:`build_movenet`, without the names of functions before."""
    names = {'backbone.conv1.conv': _folded('model/Conv1/Conv2D')}
    blocks = [
        name for name, _ in movenet.named_modules()
        if re.fullmatch(r'backbone\.layer\d\.\d', name)
    ]
    for number, block in enumerate(blocks):
        name = f'block_{number}' if number else 'expanded_conv'
        parts = ('expand/Conv2D', 'depthwise/depthwise', 'project/Conv2D')
        # The first block does not expand.
        for place, part in enumerate(parts if number else parts[1:]):
            names[f'{block}.conv.{place}.conv'] = _folded(
                f'model/{name}_{part}')
    names['backbone.conv2.conv'] = _folded('model/Conv_1/Conv2D')

    levels = len(movenet['neck'].laterals)
    for number, level in enumerate(reversed(range(levels))):
        end = f'_{number}' if number else ''
        names[f'neck.laterals.{level}'] = _plain(f'model_1/conv2d{end}')
    for number, level in enumerate(reversed(range(levels - 1))):
        end = f'_{number}' if number else ''
        scope = f'separable_conv2d{end}/separable_conv2d'
        names[f'neck.merges.{level}.depthwise'] = dict(
            weight=f'model_1/{scope}/ReadVariableOp')
        names[f'neck.merges.{level}.pointwise'] = _folded(scope)

    branch, scope = 'head.final_layer', 'kpt_heatmap_0/separable_conv2d_4'
    names[f'{branch}.expand.depthwise'] = dict(
        weight=f'{scope}/separable_conv2d/ReadVariableOp')
    names[f'{branch}.expand.pointwise'] = dict(
        weight=f'{scope}/separable_conv2d/ReadVariableOp_1',
        bias=f'{scope}/BiasAdd/ReadVariableOp')
    names[f'{branch}.final'] = _plain('kpt_heatmap_0/conv2d_5')
    return names


def _folded(layer: str) -> Dict[str, str]:
    """A convolution that a batch norm is folded into."""
    return dict(
        weight=f'model_1/{layer}_weights', bias=f'model_1/{layer}_bn_offset')


def _plain(layer: str) -> Dict[str, str]:
    """A convolution with a bias of its own."""
    return dict(
        weight=f'{layer}/Conv2D/ReadVariableOp',
        bias=f'{layer}/BiasAdd/ReadVariableOp')


def movenet_state_dict(arrays: Mapping[str, np.ndarray]) -> Converted:
    """Rename the weights of :func:`~tfjs_graph_model.read_graph_model`; a
    ValueError if layers are missing, of other shapes or not finite."""
    # Without the names of functions: 'Call/kpt_heatmap_0/...'.
    arrays = {
        re.sub(r'^(.*?/)?(?=(model_1|kpt_heatmap_0)/)', '', name): array
        for name, array in arrays.items()
    }
    conv1 = arrays.get(_folded('model/Conv1/Conv2D')['bias'])
    width = 0 if conv1 is None else conv1.size
    kind, widen_factor = VARIANTS.get(width, ('another model', 1.))
    movenet = build_movenet(widen_factor)
    found, expected, parameters = {}, {}, {}
    for module, names in layer_names(movenet).items():
        conv = movenet.get_submodule(module)
        # from (k, k, in, out), of a depthwise one (k, k, in, 1)
        axes = (2, 3, 0, 1) if conv.groups > 1 else (3, 2, 0, 1)
        for parameter, name in names.items():
            parameters[name] = f'{module}.{parameter}'
            expected[name] = tuple(getattr(conv, parameter).shape)
            if name in arrays:
                array = arrays.pop(name)
                array = array.transpose(axes) if array.ndim == 4 else array
                found[name] = torch.from_numpy(
                    array.astype(np.float32, order='C'))
    faults = find_faults(found, expected)
    if faults:
        raise ValueError(
            f'it seems to be {kind}, with {width} channels in its first '
            'layer; needed is MoveNet Lightning (32) or Thunder (56), single '
            'pose, version 4, as published.' + ''.join(faults))
    state_dict = {parameters[name]: value for name, value in found.items()}
    unused = {}
    for name, array in arrays.items():
        branch = re.search(r'([^/]+)/(separable_)?conv2d', name)
        if branch:
            unused[branch[1]] = unused.get(branch[1], 0) + array.size
    return Converted(kind, widen_factor, state_dict, unused)


def summary(converted: Converted) -> str:
    """The table of what is filled and what is left over."""
    rows = [('part', 'layers filled', 'parameters')]
    for part in ('backbone', 'neck', 'head'):
        names = [
            name for name in converted.state_dict
            if name.startswith(f'{part}.')
        ]
        size = sum(converted.state_dict[name].numel() for name in names)
        layers = {name.rsplit('.', 1)[0] for name in names}
        rows.append((part, str(len(layers)), f'{size:,}'))
    rows += [(name, 'not used', f'{size:,}')
             for name, size in sorted(converted.unused.items())]
    return AsciiTable(rows).table


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'source',
        type=Path,
        help='NAME.json of the graph model; NAME.bin lies beside it')
    parser.add_argument('out', type=Path, help='checkpoint to be written')
    parser.add_argument(
        '--to',
        help='data set whose keypoints the last layer is to have, such as '
        'sub_jhmdb or penn_action. Default: the 17 of coco')
    return parser.parse_args(argv)


def main(argv=None) -> None:
    args = parse_args(argv)
    arrays = read_graph_model(args.source)
    try:
        converted = movenet_state_dict(arrays)
    except ValueError as error:
        raise ValueError(f'{args.source}: {error}') from error
    state_dict = converted.state_dict
    if args.to:
        state_dict = rows_by_name(state_dict, names_of('coco'),
                                  names_of(args.to))
    meta = dict(
        source=args.source.name,
        kind=converted.kind,
        widen_factor=converted.widen_factor,
        keypoints_of=args.to or 'coco')
    save_checkpoint(
        dict(meta=meta, state_dict=state_dict), args.out, args.source)
    print(summary(converted))
    print(f'{converted.kind} (widen_factor={converted.widen_factor:g}) -> '
          f"{args.out}\nStart from it with load_from='{args.out}'.")


if __name__ == '__main__':
    run_command(main)
