# Copyright (c) temporal_corr authors. All rights reserved.
"""A streaming step as an ONNX model, with what one needs to know to run it."""
import inspect
import io
import json
import warnings
from typing import Any, Dict, Optional

import onnx
import torch
from mmengine.config import Config

from projects.temporal_corr.models.streaming_step import StreamingStep
from projects.temporal_corr.version import __version__


def to_onnx(step: StreamingStep, opset: int) -> onnx.ModelProto:
    """Export and check a step; the batch size stays free. ``opset`` is the
    version of ONNX's operators, 16 or more. A ValueError if an output would
    be of another type than in PyTorch."""
    # A batch of one could be taken for a dimension to broadcast.
    inputs = step.example(2)
    with torch.no_grad():
        outputs = dict(zip(step.output_names, step(*inputs.values())))
    options = {}
    if 'dynamo' in inspect.signature(torch.onnx.export).parameters:
        # torch >= 2.9 would take an exporter that needs further packages
        options['dynamo'] = False
    file = io.BytesIO()
    with torch.no_grad(), warnings.catch_warnings():
        # Shapes are compared, which the trace takes as settled.
        warnings.simplefilter('ignore', torch.jit.TracerWarning)
        warnings.simplefilter('ignore', DeprecationWarning)
        torch.onnx.export(
            step,
            tuple(inputs.values()),
            file,
            opset_version=opset,
            input_names=list(step.input_names),
            output_names=list(step.output_names),
            dynamic_axes=dict.fromkeys(
                (*step.input_names, *step.output_names), {0: 'batch'}),
            **options)
    model = onnx.load_from_string(file.getvalue())
    for output in model.graph.output:
        dtype = onnx.helper.tensor_dtype_to_np_dtype(
            output.type.tensor_type.elem_type)
        expected = outputs[output.name].cpu().numpy().dtype
        if dtype != expected:
            raise ValueError(
                f'the exporter makes {dtype} of {output.name}, which is '
                f'{expected}: look for numbers without a type in the head, '
                'such as torch.where(mask, 1., 0.)')
        # Where the exporter lost track, sizes have made-up names.
        sizes = output.type.tensor_type.shape.dim
        for size, known in list(zip(sizes, outputs[output.name].shape))[1:]:
            size.dim_value = known
    onnx.checker.check_model(model, full_check=True)
    return model


def describe(cfg: Config, step: StreamingStep, metainfo: dict,
             name: str) -> Dict[str, Any]:
    """What one needs to know to run a model without its config, ``name``.

    Returns:
        dict: Values that JSON can hold. Sizes and points are x, y:

        - ``producer``, ``config``, ``temporal``, ``codec``: what it is
        - ``cell_stride``, ``cell_origin``: keypoint in input pixels =
          cell * stride + origin
        - ``dark_kernel``: size of the blur where cells are found by DARK,
          else None
        - ``image``: whether the input is ``'uint8 BGR'``, or
          ``'float32 RGB'`` or ``'float32 BGR'`` after ``(x - mean) / std``;
          ``mean`` is None if nothing is subtracted
        - ``box_padding``: how much larger than a box the crop is
        - ``image_scale``: input pixels of an image pixel where people are not
          made equally large, else None
        - ``pad_value``: what is outside of the frame, before normalisation
        - ``center_sigma``: of the Gaussian in ``center_maps``, in input
          pixels; None if there are none
        - ``input_size``, ``heatmap_size``, ``keypoint_names``,
          ``skeleton_links``, ``flip_indices``
    """
    head, preprocessor = step.model.head, step.model.data_preprocessor
    normalize = preprocessor._enable_normalize
    # the colours are swapped, or stay as OpenCV reads them
    colours = 'RGB' if preprocessor._channel_conversion else 'BGR'
    pipeline = cfg.test_dataloader.dataset.get('pipeline', [])
    crop = _transform(pipeline, 'CropAffine')
    box = (
        _transform(pipeline, 'GetCropCenterScale')
        or _transform(pipeline, 'GetBBoxCenterScale') or {})
    fixed = _transform(pipeline, 'GetBBoxCenterFixedScale')
    center = _transform(pipeline, 'GenerateCenterMap')
    return dict(
        producer=f'temporal_corr {__version__}',
        config=name,
        # as files of older versions say it
        temporal=head.temporal and dict(previous_heatmaps='heatmap').get(
            head.temporal.name, head.temporal.name),
        input_size=_numbers(head.decoder.input_size),
        heatmap_size=_numbers(head.decoder.heatmap_size),
        cell_stride=_numbers(head.decoder.scale_factor),
        cell_origin=_numbers(getattr(head.decoder, 'cell_origin', (0., 0.))),
        dark_kernel=head.decoder.blur_kernel_size if getattr(
            head.decoder, 'unbiased', False) else None,
        image='uint8 BGR'
        if step.include_normalization else f'float32 {colours}',
        mean=preprocessor.mean.flatten().tolist() if normalize else None,
        std=preprocessor.std.flatten().tolist() if normalize else None,
        box_padding=1. if fixed else box.get('padding', 1.25),
        image_scale=fixed and fixed.get('image_scale', 1.),
        pad_value=(crop or {}).get('pad_value', 0),
        center_sigma=None if center is None else center.get('sigma', 21.),
        keypoint_names=[
            metainfo['keypoint_id2name'][index]
            for index in range(metainfo['num_keypoints'])
        ],
        skeleton_links=[list(link) for link in metainfo['skeleton_links']],
        flip_indices=list(metainfo['flip_indices']),
        codec=Config(dict(codec=cfg.model.head.decoder)).to_dict()['codec'])


def add_metadata(model: onnx.ModelProto, description: Dict[str, Any]) -> None:
    """Store what :func:`describe` returned in a model, each value as JSON."""
    onnx.helper.set_model_props(
        model, {key: json.dumps(value)
                for key, value in description.items()})


def _transform(pipeline: list, name: str) -> Optional[dict]:
    """The first transform of a type, if there is one."""
    return next((step for step in pipeline if step['type'] == name), None)


def _numbers(values) -> list:
    """Numbers of any kind as Python's."""
    return [getattr(value, 'item', lambda: value)() for value in values]
