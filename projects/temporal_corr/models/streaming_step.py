# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Dict, Optional, Tuple

import torch
import torch.nn as nn
from torch import Tensor


def tensor_names(memory: Optional[Dict[str, Tensor]]) -> Dict[str, str]:
    """What the tensors of a memory are called in an exported model."""
    return {
        name: name if name == 'exemplars' else f'memory_{name}'
        for name in memory or {}
    }


class StreamingStep(nn.Module):
    """``step`` of a video model with tensors only, as exporters need it.

    Inputs, by the names in ``input_names``, N samples:

    - ``image``: normalised frames in shape (N, 3, H, W), float32; with
      ``include_normalization`` the pixels, uint8, BGR as OpenCV reads them.
    - the memory: ``exemplars`` in shape (N, P, C), others as
      ``memory_NAME``, zeros where nothing is remembered.
    - as far as the output depends on them: ``crops`` in shape (N, 2, 3),
      ``center_maps`` in shape (N, 1, h, w).

    Outputs, by the names in ``output_names``: ``heatmaps``, the fields of the
    head, (N, K, h, w), and the new memory, ``new_exemplars`` or
    ``new_memory_NAME``. There is no flip test.

    Args:
        model (VideoTopdownPoseEstimator): The model, in evaluation mode.
        input_size (tuple[int, int]): Width and height of the input.
        include_normalization (bool): Whether the model's data preprocessor
            is part of the step. Defaults to False.

    Raises:
        ValueError: If the model is in training mode, or its head takes
            conditions that are not known here.
    """

    def __init__(self,
                 model: nn.Module,
                 input_size: Tuple[int, int],
                 include_normalization: bool = False):
        super().__init__()
        if model.training:
            raise ValueError('the model is in training mode: call eval()')
        # Exporters put a module back into the mode it was in, model and all.
        self.training = False
        self.model = model
        self.include_normalization = include_normalization
        width, height = (int(side) for side in input_size)
        device = next(model.parameters()).device
        image = self.image(
            torch.zeros(
                1, 3, height, width, dtype=torch.uint8, device=device))
        conditions = self._conditions(device)
        with torch.no_grad():
            heatmaps, memory = self._step(image, None, conditions)
        names = tensor_names(memory)
        self._nothing = memory and {
            name: torch.zeros_like(part)
            for name, part in memory.items()
        }
        self._example = dict(
            image=image,
            **{names[name]: self._nothing[name]
               for name in names},
            **self._used(image, conditions))
        self.input_names = tuple(self._example)
        self.memory_names = tuple(names.values())
        self.output_names = ('heatmaps', *(f'new_{name}'
                                           for name in self.memory_names))

    def image(self, pixels: Tensor) -> Tensor:
        """The input ``image`` of crops (N, 3, H, W), uint8, BGR."""
        return pixels if self.include_normalization else self._normalize(
            pixels)

    def example(self, batch_size: int = 1) -> Dict[str, Tensor]:
        """Inputs of a first frame by name: black images, no memory."""
        return {
            name: value.repeat(batch_size, *[1] * (value.ndim - 1))
            for name, value in self._example.items()
        }

    def forward(self, *inputs: Tensor) -> Tuple[Tensor, ...]:
        """Process one frame: tensors in the order of ``input_names`` to those
        of ``output_names``."""
        named = dict(zip(self.input_names, inputs))
        conditions = {
            name: value
            for name, value in named.items()
            if name != 'image' and name not in self.memory_names
        }
        # Given always: it is a value of zeros that says that nothing is
        # remembered, not another graph.
        memory = self._nothing and {
            name: named[tensor]
            for name, tensor in tensor_names(self._nothing).items()
        }
        heatmaps, memory = self._step(named['image'], memory, conditions)
        return (heatmaps, *(memory or {}).values())

    def _step(self, image: Tensor, memory, conditions: Dict[str, Tensor]):
        if self.include_normalization:
            image = self._normalize(image)
        return self.model.step(image, memory, **conditions)

    def _normalize(self, pixels: Tensor) -> Tensor:
        data = self.model.data_preprocessor(
            dict(inputs=pixels, data_samples=[]))
        return data['inputs']

    def _conditions(self, device) -> Dict[str, Tensor]:
        """Examples of the head's conditions."""
        head = self.model.head
        width, height = (int(side) for side in head.decoder.heatmap_size)
        known = dict(
            crops=torch.eye(2, 3, device=device)[None],
            center_maps=torch.zeros(1, 1, height, width, device=device))
        unknown = [name for name in head.conditions if name not in known]
        if unknown:
            raise ValueError(
                f'{type(head).__name__} takes {", ".join(unknown)} beside '
                'the pixels, of which no example is known: add one to '
                'StreamingStep._conditions')
        return {name: known[name] for name in head.conditions}

    def _used(self, image: Tensor,
              conditions: Dict[str, Tensor]) -> Dict[str, Tensor]:
        """The conditions that the output depends on."""
        with torch.enable_grad():
            # parameters may be frozen, and pixels are no floats
            probes = {
                name: value.clone().requires_grad_()
                for name, value in conditions.items()
            }
            heatmaps, memory = self._step(image, self._nothing, probes)
            total = heatmaps.sum() + sum(
                value.sum() for value in (memory or {}).values())
            if not total.requires_grad:
                return {}
            gradients = torch.autograd.grad(
                total, list(probes.values()), allow_unused=True)
        return {
            name: value
            for (name, value), gradient in zip(conditions.items(), gradients)
            if gradient is not None
        }
