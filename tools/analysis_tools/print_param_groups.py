# Copyright (c) temporal_corr authors. All rights reserved.
"""Print the learning rate and weight decay of every group of parameters."""
import argparse
import sys
from collections import defaultdict
from pathlib import Path
from typing import Dict, List, NamedTuple

from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.optim import build_optim_wrapper
from mmengine.registry import init_default_scope
from mmpose.registry import MODELS
from terminaltables import AsciiTable
from torch import nn

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from repo_path import add_cfg_options, config_path


class Rate(NamedTuple):
    """How a parameter learns."""
    lr: float
    weight_decay: float


def param_groups(model: nn.Module,
                 optim_wrapper: dict) -> Dict[Rate, List[str]]:
    """The parameters that learn alike.

    Args:
        model (nn.Module): A model.
        optim_wrapper (dict): Config of its optimizer.

    Returns:
        dict: Names of the parameters of each rate, in the model's order;
        rates ascending.
    """
    optimizer = build_optim_wrapper(model, optim_wrapper).optimizer
    rates = {
        id(parameter): Rate(group['lr'], group.get('weight_decay', 0.))
        for group in optimizer.param_groups for parameter in group['params']
    }
    groups = defaultdict(list)
    for name, parameter in model.named_parameters():
        groups[rates[id(parameter)]].append(name)
    return dict(sorted(groups.items()))


def abbreviate(names: List[str]) -> str:
    """Module and kind of the parameters, each once."""
    short = []
    for name in names:
        parts = name.split('.')
        module = parts[0] if parts[0] != 'head' else '.'.join(parts[:2])
        kind = '.'.join(parts[-2:]) if parts[-2].endswith(
            ('maps_conv', 'center_conv')) else parts[-1]
        short.append(f'{module} {kind}')
    return '\n'.join(dict.fromkeys(short))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument('config', help='train config file path')
    add_cfg_options(parser)
    args = parser.parse_args()
    cfg = Config.fromfile(config_path(args.config))
    cfg.merge_from_dict(args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    # MMEngine would log every parameter.
    MMLogger.get_instance('param_groups', log_level='WARNING')
    model = MODELS.build(cfg.model)
    sizes = {name: value.numel() for name, value in model.named_parameters()}
    rows = [['lr', 'weight decay', 'parameters', 'of']]
    for rate, names in param_groups(model, cfg.optim_wrapper).items():
        count = sum(sizes[name] for name in names)
        rows.append([
            f'{rate.lr:.3g}', f'{rate.weight_decay:.3g}', f'{count:,}',
            abbreviate(names)
        ])
    table = AsciiTable(rows)
    table.inner_row_border = True
    print(table.table)
    print(f'loss: {cfg.model.head.get("loss")}')


if __name__ == '__main__':
    main()
