# Copyright (c) temporal_corr authors. All rights reserved.
"""Convert weights of OpenPose's MPI model, or of VGG-19, to a checkpoint."""
import argparse
import io
import os.path as osp
import sys
from pathlib import Path
from typing import Dict, List, Mapping, Optional, Sequence

import torch
from terminaltables import AsciiTable
from torch import Tensor

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))
import repo_path  # noqa: E402, F401
from openpose_layers import LayerTable, load_layer_table  # noqa: E402
from weight_sources import Weights, read, shape_of  # noqa: E402

from projects.temporal_corr.engine import AtomicLocalBackend  # noqa: E402

WANTED = (
    "needed is OpenPose's MPI model of 15 parts: pose_iter_160000.caffemodel "
    'or pose_iter_146000.caffemodel, or a PyTorch conversion of one of them')
ADDED = ('head.correlation', 'head.stage1.L{1,2}.maps_conv',
         'head.stage{1..6}.L{1,2}.center_conv')


def convert(path: Path,
            table: LayerTable,
            prototxt: Optional[Path] = None) -> dict:
    """Convert a file of weights.

    Args:
        path (Path): A Caffe model or a PyTorch state dict.
        table (LayerTable): The layers of the network.
        prototxt (Path, optional): Description of the Caffe model.
            Defaults to None: the names in the file are trusted.

    Returns:
        dict: Checkpoint with ``state_dict`` and ``meta``.

    Raises:
        OSError: If the file cannot be read.
        RuntimeError: If it is not what is needed.
    """
    weights = read(path, table, prototxt)
    faults = find_faults(weights, table)
    if faults:
        raise RuntimeError(
            f'{path}: it seems to hold {describe(weights)}; {WANTED}.\n  ' +
            '\n  '.join(faults))
    state_dict = {
        f'{table.layers[name].module}.{parameter}': tensor.contiguous()
        for name in table.layers if name in weights.layers
        for parameter, tensor in weights.layers[name].items()
    }
    meta = dict(
        source=path.name, kind=weights.kind, layers=list(weights.layers))
    return dict(meta=meta, state_dict=state_dict)


def find_faults(weights: Weights, table: LayerTable) -> List[str]:
    """What is missing, left over, or of another shape.

    Args:
        weights (Weights): The weights.
        table (LayerTable): The layers that there should be.

    Returns:
        list[str]: One sentence for each kind of fault.
    """
    expected = table.vgg19 if weights.vgg19 else table.layers
    faults = {'missing': [], 'other shapes': [], 'not finite': []}
    for name in expected:
        layer, shape = weights.layers.get(name, {}), table.layers[name].shape
        right = dict(weight=shape, bias=shape[:1])
        if not layer:
            faults['missing'].append(name)
        for parameter, tensor in layer.items():
            if tensor.shape != right[parameter]:
                faults['other shapes'].append(
                    f'{name}.{parameter} is {tuple(tensor.shape)}, not '
                    f'{right[parameter]}')
            elif not torch.isfinite(tensor).all():
                faults['not finite'].append(f'{name}.{parameter}')
        if layer:
            faults['missing'] += [
                f'{name}.{parameter}' for parameter in right
                if parameter not in layer
            ]
    faults['not of this network'] = weights.foreign
    return [
        f'{title}: ' + _first(names) for title, names in faults.items()
        if names
    ]


def describe(weights: Weights) -> str:
    """What a file seems to hold, in words.

    Args:
        weights (Weights): The weights.

    Returns:
        str: For example "OpenPose's COCO model".
    """
    channels = tuple(
        shape_of(weights.layers.get(f'conv5_5_CPM_{branch}', {}))[:1]
        for branch in ('L1', 'L2'))
    foreign = ' '.join(weights.foreign)
    if channels == ((38, ), (19, )):
        return ("OpenPose's COCO model (18 parts: 38 channels of PAFs and "
                '19 of heatmaps)')
    if '_stage0_L' in foreign:
        return "OpenPose's BODY_25 model"
    if 'conv6_1_CPM' in foreign:
        return "OpenPose's model of hands or faces"
    if 'features.' in foreign:
        return "a VGG, but not torchvision's VGG-19 without batch norm"
    if not weights.layers:
        return 'no layer of this network'
    if channels == ((28, ), (16, )):
        return "OpenPose's MPI model, but not as it was released"
    return 'another model, or only a part of this one'


def summary(state_dict: Mapping[str, Tensor], table: LayerTable) -> str:
    """The table of what is filled and what is not.

    Args:
        state_dict (Mapping[str, Tensor]): What was converted.
        table (LayerTable): The layers of the network.

    Returns:
        str: Lines to be printed.
    """
    groups: Dict[str, List[str]] = {}
    for name, layer in table.layers.items():
        groups.setdefault(layer.group, []).append(name)
    rows = [('part', 'layers filled', 'parameters', 'not filled')]
    for group, names in groups.items():
        layers = {name: table.layers[name] for name in names}
        filled = [
            name for name, layer in layers.items()
            if f'{layer.module}.weight' in state_dict
        ]
        left = [name for name in names if name not in filled]
        rows.append((group, f'{len(filled)} of {len(names)}',
                     f'{sum(layers[name].size for name in filled):,}',
                     ', '.join(left) if filled else 'all' if left else ''))
    rows += [(name, 'new', '', 'not in OpenPose') for name in ADDED]
    return AsciiTable(rows).table


def advice(path: Path, complete: bool) -> str:
    """How the checkpoint is used."""
    if complete:
        return f"Start from it with load_from='{path}'."
    return (
        'The other layers start from scratch. Start from it with\n'
        "model.backbone.init_cfg=[dict(type='Normal', layer='Conv2d', "
        f"std=0.01),\n  dict(type='Pretrained', checkpoint='{path}', "
        "prefix='backbone.')]")


def _first(names: Sequence[str], count: int = 6) -> str:
    """The first few names and how many more there are."""
    more = f' and {len(names) - count} more' if len(names) > count else ''
    return '; '.join(names[:count]) + more


def parse_args(argv=None) -> argparse.Namespace:
    """Parse the command line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'source',
        type=Path,
        help="OpenPose's MPI model, as a .caffemodel or converted to a "
        "PyTorch state dict, or torchvision's VGG-19")
    parser.add_argument(
        '--prototxt',
        type=Path,
        help='description of the network that came with the .caffemodel, to '
        'check that they belong together. Not needed')
    parser.add_argument(
        '--out', type=Path, required=True, help='checkpoint to be written')
    return parser.parse_args(argv)


def main(argv=None) -> None:
    """Run the command line."""
    args = parse_args(argv)
    table = load_layer_table()
    try:
        print(f'Reading {args.source}', file=sys.stderr)
        checkpoint = convert(args.source, table, args.prototxt)
        content = io.BytesIO()
        torch.save(checkpoint, content)
        # under another name until it is complete
        AtomicLocalBackend().put(content.getvalue(), args.out)
    except (OSError, RuntimeError) as error:
        raise SystemExit(f'error: {error}') from None
    print(summary(checkpoint['state_dict'], table))
    print(f"{checkpoint['meta']['kind']} -> {args.out}")
    layers = len(checkpoint['meta']['layers'])
    print(advice(args.out, complete=layers == len(table.layers)))


if __name__ == '__main__':
    main()
