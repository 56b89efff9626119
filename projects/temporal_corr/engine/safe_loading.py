# Copyright (c) temporal_corr authors. All rights reserved.
"""Loading of checkpoints that cannot run code.

A pickle may name any function to be called while it is loaded. PyTorch's
``weights_only`` loading calls none but those that build tensors; checkpoints
of MMEngine hold a few other types (the logs are HistoryBuffers of numpy
arrays, the metainfo of the data set holds arrays, scores may be numpy
scalars). These, and no others, are allowed here.

torch >= 2.4 can be told of them (``torch.serialization.add_safe_globals``).
The ``weights_only`` unpickler of earlier versions can build no object of
another class at all; there the same list restricts Python's own unpickler,
as the documentation of :mod:`pickle` recommends ("Restricting Globals").
"""
import os.path as osp
import pickle
import re
from collections import Counter
from functools import lru_cache
from types import FunctionType, SimpleNamespace
from typing import Any, Callable, Dict, Mapping
from zipfile import BadZipFile, ZipFile

import numpy as np
import torch
from mmengine.logging import HistoryBuffer
from mmengine.runner import CheckpointLoader
from mmengine.runner import checkpoint as mmengine_checkpoint
from torch import Tensor

try:
    from numpy._core import multiarray
except ImportError:  # numpy 1
    from numpy.core import multiarray

_DTYPES = ('bool', 'int8', 'int16', 'int32', 'int64', 'uint8', 'uint16',
           'uint32', 'uint64', 'float16', 'float32', 'float64')


# How the unpicklers of all versions say that something is not allowed.
_REFUSED = r'(?i)(unsupported (class|global)|unrecognized function).*'
_STATISTICS = ('min', 'max', 'current', 'mean')
# MMEngine's, the trainers' and most other people's; averages of weights.
_NESTED_IN = ('state_dict', 'model_state_dict', 'model', 'module', 'net',
              'network', 'weights', 'params', 'ema_state_dict',
              'state_dict_ema', 'model_ema', 'params_ema', 'ema')
# What else than weights a file is, by its beginning.
_OTHER_FILES = (
    (rb'', 'is empty: fetch it again'),
    (rb'version https://git-lfs.*',
     "is not the file itself but Git LFS's pointer to it: run `git lfs pull` "
     'in the repository that it comes from'),
    (rb'(\xef\xbb\xbf)?\s*<.*',
     'is a web page, as servers send it in place of a file that needs a login '
     'or is gone: open it in a browser to see, and fetch the file elsewhere'),
    (rb'(\xef\xbb\xbf)?[^\x00-\x08\x0e-\x1f\x80-\xc1\xf5-\xff]'
     rb'[^\x00-\x08\x0e-\x1f\xf5-\xff]*',
     'is a text file: give the file of the weights (.pth, .caffemodel) here, '
     'a config before it, a prototxt with --prototxt'),
    (rb'\x08.\x12.*',
     'is an ONNX model, which demo/onnx_example.py runs: give the .pth file '
     'that it was exported from'),
    (rb'.{7}\x00\{.*',
     'is a safetensors file: save it as a .pth file with '
     'torch.save(safetensors.torch.load_file(FILE), NEW)'),
    (rb'\x1f\x8b.*', 'is compressed: unpack it with gunzip or tar -xzf'),
)


def _encode_latin1(text: str, encoding: str) -> bytes:
    """What pickle writes instead of bytes: ``_codecs.encode`` of latin-1."""
    if encoding != 'latin1':
        raise pickle.UnpicklingError(
            f'Unsupported class: bytes encoded as {encoding!r}')
    return text.encode('latin1')


def _history_buffer_statistic(owner: type, name: str) -> Callable:
    """Stands in for ``getattr``, by which HistoryBuffer pickles its methods.

    The real one would open a way to every function in the process.
    """
    if owner is not HistoryBuffer or name not in _STATISTICS:
        raise pickle.UnpicklingError(
            f'Unsupported class: getattr({owner!r}, {name!r})')
    return getattr(HistoryBuffer, name)


@lru_cache(maxsize=None)
def safe_globals() -> Dict[str, Callable]:
    """The types of an MMEngine checkpoint that are no tensors.

    Returns:
        dict: Functions and classes by the names that pickles give them, with
        numpy's module path before and after numpy 2.
    """
    types = {
        'mmengine.logging.history_buffer.HistoryBuffer': HistoryBuffer,
        'numpy.ndarray': np.ndarray,
        'numpy.dtype': np.dtype,
        # the milestones of a MultiStepLR
        'collections.Counter': Counter,
        '_codecs.encode': _encode_latin1,
        'builtins.getattr': _history_buffer_statistic,
        # as Python 2 called it, and so pickle protocol 2
        '__builtin__.getattr': _history_buffer_statistic,
    }
    for module in ('numpy.core.multiarray', 'numpy._core.multiarray'):
        types[f'{module}._reconstruct'] = multiarray._reconstruct
        types[f'{module}.scalar'] = multiarray.scalar
    for name in _DTYPES:
        dtype = type(np.dtype(name))
        types[f'{dtype.__module__}.{dtype.__qualname__}'] = dtype
    return types


class _AllowListUnpickler(pickle.Unpickler):
    """Finds the globals of weights-only loading and :func:`safe_globals`."""

    def find_class(self, module: str, name: str) -> Any:
        from torch._weights_only_unpickler import _get_allowed_globals
        for allowed in (_get_allowed_globals(), safe_globals()):
            if f'{module}.{name}' in allowed:
                return allowed[f'{module}.{name}']
        raise pickle.UnpicklingError(f'Unsupported class {module}.{name}')


# What torch.load needs of a `pickle_module`.
_allow_list_pickle = SimpleNamespace(
    __name__='allow_list_pickle',
    Unpickler=_AllowListUnpickler,
    UnpicklingError=pickle.UnpicklingError,
    load=lambda file, **kwargs: _AllowListUnpickler(file, **kwargs).load())


def _has_safe_globals() -> bool:
    return hasattr(torch.serialization, 'add_safe_globals')


def is_missing(filename: str) -> bool:
    """Whether a checkpoint is a local file that is not there.

    Args:
        filename (str): Path or URL.

    Returns:
        bool: False for what is downloaded.
    """
    return '://' not in filename and not osp.isfile(osp.expanduser(filename))


class CheckpointError(RuntimeError):
    """A checkpoint that cannot be used, with the file and what to do."""


def no_weights(path: str) -> str:
    """What a file is that holds no weights, judged without loading it.

    Args:
        path (str): Path of the file.

    Returns:
        str: What is wrong with it and what to do; empty if it may hold some.
    """
    with open(path, 'rb') as file:
        start = file.read(512)
    for pattern, message in _OTHER_FILES:
        if re.fullmatch(pattern, start, re.DOTALL):
            return message
    if start.startswith(b'PK'):
        try:
            with ZipFile(path) as archive:
                names = {osp.basename(name) for name in archive.namelist()}
        except BadZipFile:
            return ''
        if 'constants.pkl' in names:
            return ('is a TorchScript model, which holds its code: give the '
                    '.pth file that it was made from')
        if 'data.pkl' not in names:
            return 'is an archive of other files: unpack it'
    return ''


def find_state_dict(checkpoint: Any) -> Dict[str, Tensor]:
    """The weights of a checkpoint, whichever trainer wrote it.

    Args:
        checkpoint: What a file holds.

    Returns:
        dict: Parameters and buffers by name: ``checkpoint['state_dict']``,
        those under the one other key that has any, or the checkpoint itself.

    Raises:
        ValueError: If there are none, or several that may be meant.
    """
    if not isinstance(checkpoint, Mapping):
        raise ValueError(f'it holds a {type(checkpoint).__name__}, no state '
                         'dict: save torch.save(model.state_dict(), FILE)')
    inner = [
        key for key in _NESTED_IN if isinstance(checkpoint.get(key), Mapping)
    ]
    if inner and (inner[0] == 'state_dict' or len(inner) == 1):
        return find_state_dict(checkpoint[inner[0]])
    if inner:
        raise ValueError(f'it holds several models, {", ".join(inner)}: save '
                         'the state dict of one, under "state_dict"')
    if not any(isinstance(value, Tensor) for value in checkpoint.values()):
        found = ', '.join(map(str, list(checkpoint)[:6])) or 'nothing'
        raise ValueError(f'it holds no state dict, only {found}: save '
                         'torch.save(model.state_dict(), FILE)')
    return checkpoint


def not_finite(state_dict: Mapping[str, Tensor]) -> str:
    """Which weights hold NaN or infinity.

    Args:
        state_dict (dict): Parameters and buffers by name.

    Returns:
        str: The first few names, empty if all are finite.
    """
    names = [
        name for name, value in state_dict.items()
        if isinstance(value, Tensor) and not value.isfinite().all()
    ]
    more = f' and {len(names) - 3} more' if len(names) > 3 else ''
    return ', '.join(names[:3]) + more


def check_finite(state_dict: Mapping[str, Tensor], filename: str) -> None:
    """Raise if there are weights that are no numbers.

    Args:
        state_dict (dict): Parameters and buffers by name.
        filename (str): Where they come from, for the message.

    Raises:
        CheckpointError: If there are, with their names.
    """
    names = not_finite(state_dict)
    if names:
        raise CheckpointError(
            f'the checkpoint {filename} holds NaN or infinity in {names}: its '
            'training diverged. Take an earlier checkpoint, or train again '
            'with a lower learning rate')


def load_from_local(filename: str, map_location=None) -> dict:
    """Load a checkpoint file without running any code that it may hold.

    Args:
        filename (str): Path of the file.
        map_location: As of :func:`torch.load`. Defaults to None

    Returns:
        dict: The checkpoint, with its weights under ``state_dict`` unless it
        is a state dict.

    Raises:
        FileNotFoundError: If there is no such file.
        CheckpointError: If the file is damaged, holds no weights, or more than
            tensors and the types of MMEngine checkpoints.
    """
    filename = osp.expanduser(filename)
    if not osp.isfile(filename):
        raise FileNotFoundError(
            f'there is no checkpoint {osp.abspath(filename)}: check the path')
    if _has_safe_globals():
        options = dict(weights_only=True)
    else:
        options = dict(pickle_module=_allow_list_pickle)
    other = no_weights(filename)
    if other:
        raise CheckpointError(f'the checkpoint {filename} {other}')
    try:
        checkpoint = torch.load(filename, map_location=map_location, **options)
    # A file that is no checkpoint can end in any.
    except Exception as error:
        refused = re.search(_REFUSED, str(error))
        if refused:
            reason, remedy = refused.group(), (
                'it holds more than weights, and loading it could run code. '
                'If you trust where it comes from, save only its state_dict '
                'with the software that made it, and load that')
        else:
            reason = (str(error) or repr(error)).splitlines()[0]
            remedy = 'it is damaged or cut off: fetch or make it again'
            if filename.endswith('.caffemodel'):
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
                   model_dir=None,
                   progress: bool = True) -> dict:
    """Download a checkpoint, once, and load it as :func:`load_from_local`.

    Args:
        filename (str): URL. The file is kept in ``model_dir``.
        map_location: As of :func:`torch.load`. Defaults to None
        model_dir (str, optional): Folder of downloads. Defaults to None,
            torch.hub's
        progress (bool): Whether to show how far it is. Defaults to True

    Returns:
        dict: The checkpoint.

    Raises:
        CheckpointError: If it cannot be downloaded.
    """
    from urllib.parse import urlparse

    from mmengine.dist import barrier, is_main_process
    from mmengine.utils import mkdir_or_exist
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


def register_safe_globals() -> None:
    """Make MMEngine load checkpoints safely. Calling it again is harmless.

    Files and downloads go through :func:`load_from_local`. On torch >= 2.4
    the types of MMEngine checkpoints are allowed in weights-only loading.
    """
    if _has_safe_globals():
        torch.serialization.add_safe_globals(
            [_named(value, name) for name, value in safe_globals().items()])
    CheckpointLoader.register_scheme('', load_from_local, force=True)
    CheckpointLoader.register_scheme(('http://', 'https://'),
                                     load_from_http,
                                     force=True)
    # mmcls://, torchvision:// and open-mmlab:// call it by this name.
    mmengine_checkpoint.load_from_http = load_from_http


def _named(value: Callable, name: str) -> Any:
    """An entry for add_safe_globals that allows ``value`` as ``name``."""
    if f'{value.__module__}.{value.__qualname__}' == name:
        return value
    if isinstance(value, FunctionType):
        # torch < 2.6 knows a function by the name that it carries itself.
        value = FunctionType(value.__code__, value.__globals__)
        value.__module__, value.__qualname__ = name.rsplit('.', 1)
        value.__name__ = value.__qualname__
        return value
    return value, name
