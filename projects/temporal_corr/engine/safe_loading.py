# Copyright (c) temporal_corr authors. All rights reserved.
"""Loading of checkpoints that cannot run code.

A pickle may name any function to be called while it is loaded. PyTorch's
``weights_only`` loading calls none but those that build tensors; checkpoints
of MMEngine hold a few other types (HistoryBuffers, arrays and scalars of
NumPy). These, and no others, are allowed here. torch >= 2.6 is told of them;
for earlier versions, whose ``weights_only`` unpickler cannot be told (or runs
code, CVE-2025-32434), the same list restricts Python's unpickler, as the
documentation of :mod:`pickle` recommends ("Restricting Globals").
"""
import os.path as osp
import pickle
import re
from collections import Counter
from types import SimpleNamespace
from typing import Any, Callable, Dict, Mapping, Sequence
from urllib.parse import urlparse
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from mmengine.dist import barrier, is_main_process
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as mmengine_checkpoint
from mmengine.utils import digit_version, mkdir_or_exist
from torch import Tensor

try:
    from numpy._core import multiarray
except ImportError:  # numpy 1
    from numpy.core import multiarray

# How the unpicklers of all versions say that something is not allowed.
_REFUSED = r'(?i)(unsupported (class|global)|unrecognized function).*'
# MMEngine's, the trainers' and most other people's; averages of weights.
_NESTED_IN = ('state_dict', 'model_state_dict', 'model', 'module', 'net',
              'network', 'weights', 'params', 'ema_state_dict',
              'state_dict_ema', 'model_ema', 'params_ema', 'ema')
# What else than weights a file is, by its beginning.
_OTHER_FILES = (
    (rb'', 'is empty: fetch it again'),
    (rb'version https://git-lfs.*',
     "is Git LFS's pointer to the file: run `git lfs pull` in the repository "
     'that it comes from'),
    (rb'(\xef\xbb\xbf)?\s*<.*',
     'is a web page, as servers send it in place of a file that needs a login '
     'or is gone: fetch the file elsewhere'),
    (rb'(\xef\xbb\xbf)?[^\x00-\x08\x0e-\x1f\x80-\xc1\xf5-\xff]'
     rb'[^\x00-\x08\x0e-\x1f\xf5-\xff]*',
     'is a text file: give the file of the weights (.pth, .caffemodel) here, '
     'a config before it'),
    (rb'\x08.\x12.*', 'is an ONNX model, which demo/onnx_example.py runs: '
     'give the .pth file that it was exported from'),
    (rb'.{7}\x00\{.*', 'is a safetensors file: save it as a .pth file with '
     'torch.save(safetensors.torch.load_file(FILE), NEW)'),
    (rb'\x1f\x8b.*', 'is compressed: unpack it with gunzip or tar -xzf'),
)


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be used; names the file and the remedy."""


def _encode_latin1(text: str, encoding: str) -> bytes:
    """``_codecs.encode`` of latin-1, as which pickle writes bytes."""
    if encoding != 'latin1':
        raise pickle.UnpicklingError(
            f'Unsupported class: bytes encoded as {encoding!r}')
    return text.encode('latin1')


def _history_buffer_statistic(owner: type, name: str) -> Callable:
    """``getattr`` for HistoryBuffer, which pickles its methods by it, alone:
    the real one would give access to every function in the process."""
    if owner is not HistoryBuffer or name not in ('min', 'max', 'current',
                                                  'mean'):
        raise pickle.UnpicklingError(
            f'Unsupported class: getattr({owner!r}, {name!r})')
    return getattr(HistoryBuffer, name)


#: The types of an MMEngine checkpoint that are no tensors, by the names that
#: pickles give them (protocol 2 those of Python 2), before and after numpy 2.
SAFE_GLOBALS: Dict[str, Callable] = {
    'mmengine.logging.history_buffer.HistoryBuffer': HistoryBuffer,
    'numpy.ndarray': np.ndarray,
    'numpy.dtype': np.dtype,
    'collections.Counter': Counter,  # the milestones of a MultiStepLR
    '_codecs.encode': _encode_latin1,
    'builtins.getattr': _history_buffer_statistic,
    '__builtin__.getattr': _history_buffer_statistic,
}
for _module in ('numpy.core.multiarray', 'numpy._core.multiarray'):
    SAFE_GLOBALS[f'{_module}._reconstruct'] = multiarray._reconstruct
    SAFE_GLOBALS[f'{_module}.scalar'] = multiarray.scalar
for _kind in '?bhilBHILefd':
    _dtype = type(np.dtype(_kind))
    SAFE_GLOBALS[f'{_dtype.__module__}.{_dtype.__qualname__}'] = _dtype


class _AllowListUnpickler(pickle.Unpickler):

    def find_class(self, module: str, name: str) -> Any:
        from torch._weights_only_unpickler import _get_allowed_globals
        for allowed in (_get_allowed_globals(), SAFE_GLOBALS):
            if f'{module}.{name}' in allowed:
                return allowed[f'{module}.{name}']
        raise pickle.UnpicklingError(f'Unsupported class {module}.{name}')


def _load(path: str, map_location) -> Any:
    if digit_version(torch.__version__) >= digit_version('2.6.0'):
        allowed = [(value, name) for name, value in SAFE_GLOBALS.items()]
        with torch.serialization.safe_globals(allowed):
            return torch.load(
                path, map_location=map_location, weights_only=True)
    allow_list_pickle = SimpleNamespace(
        __name__='allow_list_pickle',
        Unpickler=_AllowListUnpickler,
        UnpicklingError=pickle.UnpicklingError,
        load=lambda file, **kwargs: _AllowListUnpickler(file, **kwargs).load())
    return torch.load(
        path, map_location=map_location, pickle_module=allow_list_pickle)


def is_missing(filename: str) -> bool:
    """Whether a checkpoint is a local file that is not there."""
    return '://' not in filename and not osp.isfile(osp.expanduser(filename))


def first_few(names: Sequence[str], count: int = 4) -> str:
    """The first names in words, and how many more there are."""
    more = f' and {len(names) - count} more' if len(names) > count else ''
    return ', '.join(names[:count]) + more


def no_weights(path: str) -> str:
    """What a file that holds no weights is, and the remedy, judged without
    loading it; '' if it may hold some."""
    with open(path, 'rb') as file:
        start = file.read(512)
    for pattern, message in _OTHER_FILES:
        if re.fullmatch(pattern, start, re.DOTALL):
            return message
    if not start.startswith(b'PK'):
        return ''
    try:
        with ZipFile(path) as archive:
            names = {osp.basename(name) for name in archive.namelist()}
    except BadZipFile:
        return ''
    if 'constants.pkl' in names:
        return ('is a TorchScript model, which holds its code: give the .pth '
                'file that it was made from')
    return '' if 'data.pkl' in names else ('is an archive of other files: '
                                           'unpack it')


def find_state_dict(checkpoint: Any) -> Mapping[str, Tensor]:
    """The weights of a checkpoint, whichever trainer wrote it:
    ``checkpoint['state_dict']``, those under the one other key that has any,
    or the checkpoint itself; a ValueError if there are none, or several."""
    remedy = 'save torch.save(model.state_dict(), FILE)'
    if not isinstance(checkpoint, Mapping):
        raise ValueError(f'it holds a {type(checkpoint).__name__}, no state '
                         f'dict: {remedy}')
    inner = [
        key for key in _NESTED_IN if isinstance(checkpoint.get(key), Mapping)
    ]
    if inner and (inner[0] == 'state_dict' or len(inner) == 1):
        return find_state_dict(checkpoint[inner[0]])
    if inner:
        raise ValueError(f'it holds several models, {", ".join(inner)}: save '
                         'the state dict of one, under "state_dict"')
    if not any(isinstance(value, Tensor) for value in checkpoint.values()):
        found = first_few(list(map(str, checkpoint)), 6) or 'nothing'
        raise ValueError(f'it holds no state dict, only {found}: {remedy}')
    return checkpoint


def not_finite(state_dict: Mapping[str, Tensor]) -> str:
    """Names of the first weights that hold NaN or infinity, or ''."""
    return first_few([
        name for name, value in state_dict.items()
        if isinstance(value, Tensor) and not value.isfinite().all()
    ], 3)


def check_finite(state_dict: Mapping[str, Tensor], filename: str) -> None:
    """Raise a CheckpointError if weights are not finite."""
    names = not_finite(state_dict)
    if names:
        raise CheckpointError(
            f'the checkpoint {filename} holds NaN or infinity in {names}: its '
            'training diverged. Take an earlier checkpoint, or train again '
            'with a lower learning rate')


def load_from_local(filename: str, map_location=None) -> dict:
    """Load a checkpoint file without running any code in it.

    Returns:
        dict: The checkpoint, with its weights under ``state_dict`` unless it
        is a state dict.

    Raises:
        CheckpointError: If the file is damaged, holds no weights, or more
            than tensors and the types of MMEngine checkpoints.
    """
    filename = osp.expanduser(filename)
    if is_missing(filename):
        raise FileNotFoundError(
            f'there is no checkpoint {osp.abspath(filename)}: check the path')
    other = no_weights(filename)
    if other:
        raise CheckpointError(f'the checkpoint {filename} {other}')
    try:
        checkpoint = _load(filename, map_location)
    # A file that is no checkpoint can end in any.
    except Exception as error:
        refused = re.search(_REFUSED, str(error))
        reason = refused.group() if refused else (
            str(error) or repr(error)).split('\n')[0]
        remedy = 'it is damaged or cut off: fetch or make it again'
        if refused:
            remedy = (
                'it holds more than weights, and loading it could run code. '
                'If you trust where it comes from, save only its state_dict '
                'with the software that made it, and load that')
        elif filename.endswith('.caffemodel'):
            remedy = ('a Caffe model has to be converted first, by '
                      'tools/model_converters/openpose_mpi.py')
        raise CheckpointError(
            f'cannot load the checkpoint {filename}: {remedy}. '
            f'[{reason}]') from error
    try:
        state_dict = find_state_dict(checkpoint)
    except ValueError as error:
        raise CheckpointError(f'the checkpoint {filename}: {error}') from None
    if state_dict is not checkpoint:
        checkpoint = dict(checkpoint, state_dict=state_dict)
    return checkpoint


def load_from_http(filename: str,
                   map_location=None,
                   model_dir: str = None,
                   progress: bool = True) -> dict:
    """Download a checkpoint, once, into ``model_dir``, by default torch.hub's,
    and load it by :func:`load_from_local`."""
    folder = model_dir or osp.join(torch.hub.get_dir(), 'checkpoints')
    path = osp.join(folder, osp.basename(urlparse(filename).path))
    if is_main_process() and not osp.exists(path):
        mkdir_or_exist(folder)
        try:
            torch.hub.download_url_to_file(filename, path, progress=progress)
        except OSError as error:
            raise CheckpointError(
                f'cannot download {filename} ({error}): fetch it elsewhere '
                f'and put it at {path}, or start without these weights with '
                '--cfg-options model.backbone.init_cfg=None') from error
    barrier()
    return load_from_local(path, map_location)


def register_safe_loaders() -> None:
    """Make MMEngine load files and downloads by the functions above."""
    CheckpointLoader.register_scheme('', load_from_local, force=True)
    CheckpointLoader.register_scheme(('http://', 'https://'),
                                     load_from_http,
                                     force=True)
    # mmcls://, torchvision:// and open-mmlab:// call it by this name.
    mmengine_checkpoint.load_from_http = load_from_http


def load_checkpoint(filename: str) -> dict:
    """Load a checkpoint, a path or any URL of MMEngine, onto the CPU."""
    register_safe_loaders()
    return CheckpointLoader.load_checkpoint(filename, map_location='cpu')
