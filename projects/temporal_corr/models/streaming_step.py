# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Dict, Tuple

import torch
import torch.nn as nn
from torch import Tensor


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
    """

    def __init__(self,
                 model: nn.Module,
                 input_size: Tuple[int, int],
                 include_normalization: bool = False):
        super().__init__()
        # Exporters put a module back into the mode it was in, model and all.
        self.training = False
        self.model = model
        self.include_normalization = include_normalization
        width, height = (int(side) for side in input_size)
        map_width, map_height = map(int, model.head.decoder.heatmap_size)
        device = next(model.parameters()).device
        image = self.image(
            torch.zeros(
                1, 3, height, width, dtype=torch.uint8, device=device))
        examples = dict(
            crops=torch.eye(2, 3, device=device)[None],
            center_maps=torch.zeros(
                1, 1, map_height, map_width, device=device))
        conditions = {name: examples[name] for name in model.head.conditions}
        with torch.no_grad():
            heatmaps, memory = self._step(image, None, conditions)
        if 'crops' not in (memory or {}):
            conditions.pop('crops', None)  # nothing is carried between them
        self._remembered = tuple(memory or {})
        self.memory_names = tuple(
            name if name == 'exemplars' else f'memory_{name}'
            for name in self._remembered)
        nothing = map(torch.zeros_like, (memory or {}).values())
        self._example = dict(
            image=image, **dict(zip(self.memory_names, nothing)), **conditions)
        self.input_names = tuple(self._example)
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
        memory = {
            name: named[tensor]
            for name, tensor in zip(self._remembered, self.memory_names)
        } or None
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
