# Copyright (c) temporal_corr authors. All rights reserved.
import re
from collections import OrderedDict
from typing import Dict, List, Mapping, NamedTuple, Sequence, Tuple

import torch.nn as nn
from mmengine.hooks import Hook
from mmengine.model import BaseTTAModel, is_model_wrapper
from mmengine.runner import BaseLoop, CheckpointLoader, Runner, load_state_dict
from mmpose.registry import HOOKS
from torch import Tensor

from .safe_loading import CheckpointError, check_finite, find_state_dict

# DataParallel's, torch.compile's and Lightning's, at the beginning of a name
# or before a part of the model.
_WRAPPERS = r'^((module|_orig_mod|model)\.)+|(?<=\.)(module|_orig_mod)\.'


class Comparison(NamedTuple):
    """A state dict beside a model."""
    missing: List[str]
    unexpected: List[str]
    #: name -> (shape in the model, shape in the state dict)
    misshaped: Dict[str, Tuple[tuple, tuple]]


@HOOKS.register_module()
class CheckpointGuardHook(Hook):
    """Refuses a checkpoint of another model before it is loaded.

    MMEngine loads what fits and warns of the rest, so that a test of the
    wrong checkpoint ends with a low score instead of an error. Here:

    - Test and resumed training: model and checkpoint must agree.
    - Training that starts from ``load_from``: the temporal parameters (the
      names in ``temporal_parameters`` of the model's head) may be missing,
      as in a single-frame checkpoint of MMPose; parameters that the model
      does not have are reported.
    - A checkpoint with temporal parameters that the model does not have,
      those of another ``temporal`` mode, is refused in both cases.

    Raises:
        CheckpointError: If the checkpoint is refused, with the file, the first
            names, what the checkpoint seems to be, and what to do.
    """

    # Before hooks that use the state dict, such as EMAHook.
    priority = 'VERY_HIGH'

    def before_run(self, runner: Runner) -> None:
        """Compare the files that ``init_cfg`` names, if training begins.

        Args:
            runner (Runner): The runner.
        """
        if isinstance(runner._train_loop, BaseLoop):
            for name, module in _unwrapped(runner.model).named_modules():
                init_cfg = getattr(module, 'init_cfg', None) or []
                for cfg in [init_cfg] if isinstance(init_cfg,
                                                    dict) else init_cfg:
                    if cfg.get('type') == 'Pretrained':
                        check_pretrained(module, f'model.{name}', cfg)

    def after_load_checkpoint(self, runner: Runner, checkpoint: dict) -> None:
        """Compare the checkpoint with the model.

        Args:
            runner (Runner): The runner.
            checkpoint (dict): What was read from the file. Its weights get
                the names that they have in the model.
        """
        model = _unwrapped(runner.model)
        # Runner.train builds its loop before it loads; Runner.test does not.
        training = isinstance(runner._train_loop, BaseLoop)
        message = check_checkpoint(
            model,
            checkpoint,
            runner._load_from or f'of {runner.work_dir}',
            start=training and not runner._resume)
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
    """Raise if optimizer or schedule are of another kind than the config's.

    MMEngine mixes the states of two schedules, and drops what is too much.
    """

    def kind(optimizer: dict) -> list:
        return [(len(group['params']), 'betas' in group, 'momentum' in group)
                for group in optimizer.get('param_groups', ())]

    def settings(schedules: list) -> list:
        return [set(state) for state in schedules]

    ours = runner.param_schedulers
    theirs = checkpoint.get('param_schedulers')
    differ = [
        name for name, same in (
            ('optimizer', kind(checkpoint['optimizer']) == kind(
                runner.optim_wrapper.state_dict())),
            # dict: several optimizers
            ('param_scheduler', not isinstance(ours, list)
             or not isinstance(theirs, list) or settings(theirs) == settings(
                 schedule.state_dict() for schedule in ours))) if not same
    ]
    if differ:
        raise CheckpointError(
            f'{" and ".join(differ)} of the config are of another kind than '
            f'those in the checkpoint {runner._load_from}: resume with the '
            'config that it was trained with, or begin a new schedule with '
            'its weights, with load_from and without --resume')


def load_weights(model: nn.Module, checkpoint: dict, filename: str) -> None:
    """Load a checkpoint that must agree with the model entirely.

    Args:
        model (nn.Module): The model, not wrapped.
        checkpoint (dict): A checkpoint or a bare state dict.
        filename (str): Where it comes from, for the message.

    Raises:
        CheckpointError: If it is none of the model.
    """
    check_checkpoint(model, checkpoint, filename, start=False)
    load_state_dict(model, own_names(model, find_state_dict(checkpoint)))


def check_pretrained(module: nn.Module, name: str, init_cfg: dict) -> None:
    """Raise if nothing of a file that a module starts from fits.

    Args:
        module (nn.Module): A part of the model.
        name (str): What it is called, for the message.
        init_cfg (dict): ``checkpoint`` and, optionally, ``prefix``.

    Raises:
        CheckpointError: If no tensor would be loaded, or one is not finite.
    """
    filename, prefix = init_cfg['checkpoint'], init_cfg.get('prefix') or ''
    prefix = prefix and prefix.rstrip('.') + '.'
    state_dict = find_state_dict(
        CheckpointLoader.load_checkpoint(filename, map_location='cpu'))
    check_finite(state_dict, filename)
    # Without a prefix, MMEngine strips that of DataParallel.
    names = {
        key[len(prefix):] if prefix else re.sub(r'^module\.', '', key): value
        for key, value in state_dict.items() if key.startswith(prefix)
    }
    ours = module.state_dict()
    if not any(key in ours and ours[key].shape == value.shape
               for key, value in names.items() if isinstance(value, Tensor)):
        raise CheckpointError(
            f'nothing in the checkpoint {filename} fits {name}: it has '
            f'{_first(list(state_dict))}, wanted are '
            f'{_first([prefix + key for key in ours])}. Take the checkpoint '
            'of this model, or, if only something stands before the names, '
            'set init_cfg.prefix to that')


def check_checkpoint(model: nn.Module, checkpoint: dict, filename: str,
                     start: bool) -> str:
    """Raise if the checkpoint is none of the model.

    Args:
        model (nn.Module): The model, not wrapped.
        checkpoint (dict): A checkpoint or a bare state dict.
        filename (str): Where it comes from, for the message.
        start (bool): Whether training starts from it, so that temporal
            parameters may be missing.

    Returns:
        str: What is to be reported, empty if nothing is.

    Raises:
        CheckpointError: If it must not be loaded.
    """
    state_dict = own_names(model, find_state_dict(checkpoint))
    result = compare(model, state_dict)
    prefixes = temporal_prefixes(model)
    new = [key for key in result.missing if key.startswith(prefixes)]
    foreign = [key for key in result.unexpected if key.startswith(prefixes)]
    missing = [key for key in result.missing if key not in new]
    unexpected = [key for key in result.unexpected if key not in foreign]

    reasons, remedy = [], ''
    if result.misshaped:
        reasons.append('other shapes: ' + _first([
            f'{key} is {theirs} in the checkpoint, {ours} in the model'
            for key, (ours, theirs) in result.misshaped.items()
        ]))
        remedy = (
            'use the config and data set that it was trained with; another '
            'number of keypoints needs another final layer, which '
            'tools/model_converters/keypoints_by_name.py takes from this one '
            'by the names of the keypoints. To take over '
            'the backbone only, leave load_from out and set '
            "model.backbone.init_cfg=dict(type='Pretrained', "
            "checkpoint=..., prefix='backbone.')")
    if foreign:
        reasons.append('parameters of another temporal mode: ' +
                       _first(foreign))
        remedy = remedy or (
            'use the config that it was trained with, or start the training '
            'from a single-frame checkpoint')
    if missing:
        reasons.append('not in the checkpoint: ' + _first(missing))
        remedy = remedy or (
            'use the config that it was trained with. To take over a '
            'backbone only, leave load_from out and set '
            "model.backbone.init_cfg=dict(type='Pretrained', checkpoint=...)")
    if not start:
        if new:
            reasons.append('temporal parameters not in the checkpoint: ' +
                           _first(new))
        if unexpected:
            reasons.append('not in the model: ' + _first(unexpected))
        remedy = remedy or 'use the config that it was trained with'
    if reasons:
        theirs, ours = describe(state_dict), describe(model.state_dict())
        seems = (f'It seems to be {theirs}; the model is {ours}' if theirs !=
                 ours else f'Both seem to be {ours}, of other layers or sizes')
        raise CheckpointError(
            f'the checkpoint {filename} does not belong to this model.\n  ' +
            '\n  '.join(reasons) + f'\n{seems}.\nWhat to do: {remedy}.')
    check_finite(
        {
            key: value
            for key, value in state_dict.items()
            if key not in result.unexpected
        }, filename)

    reports = []
    if new:
        reports.append(f'{len(new)} temporal parameters are new and start '
                       f'from their initialisation: {_first(new)}')
    if start and unexpected:
        reports.append(f'not used: {_first(unexpected)}')
    return '; '.join([f'starting from {filename}'] + reports
                     if reports else [])


def own_names(model: nn.Module,
              state_dict: Mapping[str, Tensor]) -> Dict[str, Tensor]:
    """A state dict without the prefixes of what the model was wrapped in.

    Args:
        model (nn.Module): The model, not wrapped.
        state_dict (dict): Parameters and buffers by name. Not changed.

    Returns:
        dict: Parameters and buffers by the names that the model gives them,
        without the counter of averaged weights.
    """
    ours = model.state_dict()
    names = {
        key: key if key in ours else re.sub(_WRAPPERS, '', key)
        for key in state_dict
    }
    if len(set(names.values())) < len(names):
        return state_dict  # two sets of weights: which one, nobody knows
    wrapped = any(key != name for key, name in names.items())
    result = OrderedDict((name, state_dict[key]) for key, name in names.items()
                         if not (wrapped and key in ('steps', 'n_averaged')))
    # versions, by the names of modules
    result._metadata = {
        re.sub(_WRAPPERS, '', f'{key}.')[:-1] if wrapped else key: value
        for key, value in getattr(state_dict, '_metadata', {}).items()
    }
    return result


def compare(model: nn.Module, state_dict: Dict[str, Tensor]) -> Comparison:
    """What loading would miss, leave over and fail to copy.

    The model's own conversions of old state dicts are taken into account;
    the preprocessor's constants and the batch counters of BatchNorm, which
    MMEngine does not miss either, are not.

    Args:
        model (nn.Module): The model, not wrapped.
        state_dict (dict): Parameters and buffers by name. Not changed.

    Returns:
        Comparison: Names, in the order of the model or the state dict.
    """
    state_dict = own_names(model, state_dict)
    metadata = getattr(state_dict, '_metadata', {})
    theirs = OrderedDict((key, value) for key, value in state_dict.items()
                         if isinstance(value, Tensor))
    for name, module in model.named_modules():
        prefix = f'{name}.' if name else ''
        for hook in module._load_state_dict_pre_hooks.values():
            hook(theirs, prefix, metadata.get(name, {}), True, [], [], [])
    ours = model.state_dict()
    ignored = 'data_preprocessor.'
    return Comparison(
        missing=[
            key for key in ours if key not in theirs
            and not key.startswith(ignored) and 'num_batches_tracked' not in
            key
        ],
        unexpected=[
            key for key in theirs
            if key not in ours and not key.startswith(ignored)
        ],
        misshaped={
            key: (tuple(value.shape), tuple(theirs[key].shape))
            for key, value in ours.items()
            if key in theirs and value.shape != theirs[key].shape
        })


def temporal_prefixes(model: nn.Module) -> Tuple[str, ...]:
    """Beginnings of the names of parameters that only video models have.

    Args:
        model (nn.Module): A model whose head may have
            ``temporal_parameters``, names of modules of all modes.

    Returns:
        tuple[str]: For example ``('head.correlation.', )``.
    """
    names = getattr(getattr(model, 'head', None), 'temporal_parameters', ())
    return tuple(f'head.{name}' for name in names)


def describe(state_dict: Dict[str, Tensor]) -> str:
    """What kind of model a state dict seems to be, in words.

    Args:
        state_dict (dict): Parameters and buffers by name.

    Returns:
        str: For example "a correlation model for 15 keypoints".
    """
    families = sorted({key.split('.')[0] for key in state_dict})

    def has(*parts: str) -> bool:
        return any(part in key for part in parts for key in state_dict)

    if has('conv4_2.weight', 'model0.0.weight') and not has('backbone.'):
        return ('weights of OpenPose in their own names, which '
                'tools/model_converters/openpose_mpi.py converts')
    if not has('head.'):
        return ('no pose model: it has no head, only ' +
                ', '.join(families[:6]))
    if has('head.correlation.'):
        kind = 'a correlation model'
    elif has('head.previous_heatmaps.'):
        kind = 'a model with previous heatmaps'
    elif has('head.refinement.'):
        kind = 'a single-frame model of this project'
    else:
        kind = 'a single-frame model'
    if has('head.stage1.'):
        kind += ' on the OpenPose network' + (', with centre maps' if
                                              has('.center_conv.') else '')
    channels = [
        # the last heatmap of OpenPose is the background
        len(value) - ('_CPM_L2.' in key) for key, value in state_dict.items()
        if key.endswith(('head.final_layer.weight', '.conv5_5_CPM_L2.weight'))
    ]
    return kind + (f' for {channels[0]} keypoints' if channels else '')


def _first(names: Sequence[str], count: int = 4) -> str:
    """The first few names and how many more there are."""
    more = f' and {len(names) - count} more' if len(names) > count else ''
    return ', '.join(names[:count]) + more
