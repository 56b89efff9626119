# Copyright (c) temporal_corr authors. All rights reserved.
import re
from collections import OrderedDict
from typing import Dict, List, Mapping, Tuple

import torch.nn as nn
from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import BaseLoop, Runner, load_state_dict
from mmpose.registry import HOOKS
from torch import Tensor

from .safe_loading import (CheckpointError, check_finite, find_state_dict,
                           first_few, load_checkpoint, register_safe_loaders)

# DataParallel's, torch.compile's and Lightning's, at the beginning of a name
# or before a part of the model.
_WRAPPERS = r'^((module|_orig_mod|model)\.)+|(?<=\.)(module|_orig_mod)\.'


@HOOKS.register_module()
class CheckpointGuardHook(Hook):
    """Refuses a checkpoint of another model before it is loaded.

    MMEngine loads what fits and warns of the rest. Here model and checkpoint
    must agree; only where training starts from ``load_from`` may temporal
    parameters (``temporal_parameters`` of the model's head) be missing, as in
    a single-frame checkpoint of MMPose, and are parameters that the model
    does not have just reported. Checkpoints are loaded safely, see
    :func:`register_safe_loaders`.
    """

    # Before hooks that use the state dict, such as EMAHook.
    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Register safe loaders and, for training, check ``init_cfg``."""
        register_safe_loaders()
        if not isinstance(runner._train_loop, BaseLoop):
            return  # Runner.train builds it before, Runner.test does not
        for name, module in _unwrapped(runner.model).named_modules():
            init_cfg = getattr(module, 'init_cfg', None) or []
            for cfg in [init_cfg] if isinstance(init_cfg, dict) else init_cfg:
                if cfg.get('type') == 'Pretrained':
                    check_pretrained(module, f'model.{name}', cfg)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Check the checkpoint, and give its weights the model's names."""
        model = _unwrapped(runner.model)
        filename = runner._load_from or f'of {runner.work_dir}'
        training = isinstance(runner._train_loop, BaseLoop)
        message = check_checkpoint(model, checkpoint, filename, training
                                   and not runner._resume)
        checkpoint['state_dict'] = own_names(model,
                                             find_state_dict(checkpoint))
        if training and runner._resume:
            _check_schedule(runner, checkpoint)
        if message:
            runner.logger.info(message)


def _unwrapped(model: nn.Module) -> nn.Module:
    while is_model_wrapper(model) or isinstance(model, BaseTTAModel):
        model = model.module
    return model


def _check_schedule(runner: Runner, checkpoint: dict) -> None:
    """Raise if the states of optimizer or schedule are of another kind than
    the config's: MMEngine would mix the two."""

    def kind(optimizer: dict) -> list:
        return [(len(group['params']), 'betas' in group, 'momentum' in group)
                for group in optimizer.get('param_groups', ())]

    differ = []
    if kind(checkpoint['optimizer']) != kind(
            runner.optim_wrapper.state_dict()):
        differ.append('optimizer')
    ours, theirs = runner.param_schedulers, checkpoint.get('param_schedulers')
    # dicts: several optimizers
    if isinstance(ours, list) and isinstance(theirs, list) and [
            set(schedule.state_dict()) for schedule in ours
    ] != [set(state) for state in theirs]:
        differ.append('param_scheduler')
    if differ:
        raise CheckpointError(
            f'{" and ".join(differ)} of the config are of another kind than '
            f'those in the checkpoint {runner._load_from}: resume with the '
            'config that it was trained with, or begin a new schedule with '
            'its weights, with load_from and without --resume')


def load_weights(model: nn.Module, checkpoint: dict, filename: str) -> None:
    """Load a checkpoint or state dict, which must agree with the model
    entirely; ``filename`` is for the message."""
    check_checkpoint(model, checkpoint, filename, start=False)
    load_state_dict(model, own_names(model, find_state_dict(checkpoint)))


def check_pretrained(module: nn.Module, name: str, init_cfg: dict) -> None:
    """Raise a CheckpointError if nothing of a module's pretrained weights
    fits, or one is not finite; ``name`` is for the message."""
    filename, prefix = init_cfg['checkpoint'], init_cfg.get('prefix') or ''
    prefix = prefix and prefix.rstrip('.') + '.'
    state_dict = find_state_dict(load_checkpoint(filename))
    check_finite(state_dict, filename)
    # Without a prefix, MMEngine strips that of DataParallel.
    pattern = re.escape(prefix) if prefix else r'(module\.)?'
    shapes = {
        re.sub(f'^{pattern}', '', key): value.shape
        for key, value in state_dict.items()
        if isinstance(value, Tensor) and re.match(pattern, key)
    }
    ours = module.state_dict()
    if any(ours[key].shape == shape for key, shape in shapes.items()
           if key in ours):
        return
    raise CheckpointError(
        f'nothing in the checkpoint {filename} fits {name}: it has '
        f'{first_few(list(state_dict))}, wanted are '
        f'{first_few([prefix + key for key in ours])}. Take the checkpoint of '
        'this model, or, if only something stands before the names, set '
        'init_cfg.prefix to that')


def check_checkpoint(model: nn.Module, checkpoint: dict, filename: str,
                     start: bool) -> str:
    """Raise a CheckpointError if the checkpoint, or state dict, is not of this
    model (not wrapped), of which temporal parameters may be missing where
    training starts from it; returns what should be reported, or ''."""
    state_dict = own_names(model, find_state_dict(checkpoint))
    missing, unexpected, misshaped = compare(model, state_dict)
    temporal = temporal_prefixes(model)
    new = [key for key in missing if key.startswith(temporal)]
    foreign = [key for key in unexpected if key.startswith(temporal)]
    missing = [key for key in missing if key not in new]
    own_config = 'use the config that it was trained with'
    init_cfg = ("to take over a backbone only, leave load_from out and set "
                "model.backbone.init_cfg=dict(type='Pretrained', "
                "checkpoint=..., prefix='backbone.')")
    if not {'conv4_2.weight', 'model0.0.weight'}.isdisjoint(state_dict):
        own_config = ('convert OpenPose by '
                      'tools/model_converters/openpose_mpi.py')
    problems = (
        ('other shapes', misshaped,
         f'{own_config}; for other keypoints take the final layer over by '
         'name with tools/model_converters/keypoints_by_name.py; '
         f'{init_cfg}'),
        ('parameters of another temporal mode', foreign,
         f'{own_config}, or start the training from a single-frame '
         'checkpoint'),
        ('not in the checkpoint', missing, f'{own_config}; {init_cfg}'),
    )
    if not start:
        leftover = [key for key in unexpected if key not in foreign]
        problems += (('temporal parameters not in the checkpoint', new,
                      own_config), ('not in the model', leftover, own_config))
    found = [problem for problem in problems if problem[1]]
    if found:
        reasons = '; '.join(f'{what}: {first_few(names)}'
                            for what, names, _ in found)
        raise CheckpointError(f'the checkpoint {filename} does not belong to '
                              f'this model: {reasons}. {found[0][2]}')
    check_finite({
        k: v
        for k, v in state_dict.items() if k not in unexpected
    }, filename)
    reports = []
    if new:
        reports.append(f'{len(new)} temporal parameters are new and start '
                       f'from their initialisation: {first_few(new)}')
    if unexpected:
        reports.append(f'not used: {first_few(unexpected)}')
    return '; '.join(
        [f'starting from {filename}', *reports] if reports else [])


def own_names(model: nn.Module,
              state_dict: Mapping[str, Tensor]) -> Mapping[str, Tensor]:
    """A state dict with the model's own names: without the prefixes of
    wrappers and the counter of averaged weights."""
    ours = model.state_dict()
    names = {
        key: key if key in ours else re.sub(_WRAPPERS, '', key)
        for key in state_dict
    }
    if len(set(names.values())) < len(names):
        return state_dict  # two sets of weights: which one, nobody knows
    wrapped = any(key != name for key, name in names.items())
    result = OrderedDict((name, state_dict[key])
                         for key, name in names.items()
                         if not (wrapped and key in ('steps', 'n_averaged')))
    # versions, by the names of modules
    result._metadata = {
        re.sub(_WRAPPERS, '', f'{key}.')[:-1] if wrapped else key: value
        for key, value in getattr(state_dict, '_metadata', {}).items()
    }
    return result


def compare(model: nn.Module, state_dict: Mapping[str, Tensor]
            ) -> Tuple[List[str], List[str], List[str]]:
    """Names that are missing in a state dict of :func:`own_names`, names that
    are unexpected, and those of other shapes, with both shapes.

    The model's own conversions of old state dicts are applied; the
    preprocessor's constants and the batch counters of BatchNorm do not count.
    """
    metadata = getattr(state_dict, '_metadata', {})
    theirs: Dict[str, Tensor] = OrderedDict(
        (key, value) for key, value in state_dict.items()
        if isinstance(value, Tensor))
    for name, module in model.named_modules():
        prefix = f'{name}.' if name else ''
        for hook in module._load_state_dict_pre_hooks.values():
            hook(theirs, prefix, metadata.get(name, {}), True, [], [], [])
    ours = {
        key: value
        for key, value in model.state_dict().items()
        if not key.startswith('data_preprocessor.')
    }
    return ([
        key for key in ours
        if key not in theirs and 'num_batches_tracked' not in key
    ], [
        key for key in theirs
        if key not in ours and not key.startswith('data_preprocessor.')
    ], [
        f'{key} is {tuple(theirs[key].shape)} in the checkpoint, '
        f'{tuple(value.shape)} in the model' for key, value in ours.items()
        if key in theirs and value.shape != theirs[key].shape
    ])


def temporal_prefixes(model: nn.Module) -> Tuple[str, ...]:
    """Prefixes of the parameters that only video models have, such as
    ``('head.correlation.', )``."""
    names = getattr(getattr(model, 'head', None), 'temporal_parameters', ())
    return tuple(f'head.{name}' for name in names)
