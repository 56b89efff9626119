# Copyright (c) temporal_corr authors. All rights reserved.
"""An exported streaming step beside the one that it comes from."""
from typing import Callable, Dict, Iterable, Iterator, Tuple

import numpy as np
import torch
from torch import Tensor

from projects.temporal_corr.models.streaming_step import StreamingStep

#: Whether a video starts here, and inputs but for what is remembered.
Frame = Tuple[bool, Dict[str, Tensor]]


def random_frames(step: StreamingStep,
                  count: int,
                  batch_size: int = 1,
                  seed: int = 0) -> Iterator[Frame]:
    """A number of frames of videos of noise, ``batch_size`` side by side."""
    generator = torch.Generator().manual_seed(seed)
    example = step.example(batch_size)
    image = example.pop('image')
    for name in step.memory_names:
        del example[name]
    for index in range(count):
        pixels = torch.randint(
            256, image.shape, generator=generator, dtype=torch.uint8)
        inputs = dict(image=step.image(pixels.to(image.device)))
        for name, value in example.items():
            noise = torch.randn(value.shape, generator=generator)
            inputs[name] = value + 0.1 * noise.to(value)
        yield index == 0, inputs


def dataset_frames(step: StreamingStep, dataset,
                   count: int) -> Iterator[Frame]:
    """The first frames of a data set of videos in test mode, one video after
    the other."""
    device = step.example()['image'].device
    items = ((position == 0, int(item)) for _, items in dataset.videos
             for position, item in enumerate(items))
    for (is_first, item), _ in zip(items, range(count)):
        packed = dataset[item]
        inputs = step.model.conditions([packed['data_samples']], device)
        inputs['image'] = step.image(packed['inputs'][None].to(device))
        yield is_first, inputs


@torch.no_grad()
def largest_difference(step: StreamingStep, run: Callable,
                       frames: Iterable[Frame]) -> float:
    """How far an exported step gets from PyTorch, each with its own memory,
    over frames of videos; ``run`` takes arrays by the name of the input, and
    gives the outputs in their order.

    The largest absolute difference of an output, divided by the largest
    magnitude of this output in the frame where that is above 1; infinite
    where an output is NaN in one of them.
    """

    def arrays(tensors):
        return {key: value.cpu().numpy() for key, value in tensors.items()}

    largest = 0.
    for is_first, inputs in frames:
        if is_first:
            example = step.example(len(inputs['image']))
            memory = {name: example[name] for name in step.memory_names}
            memory_there = arrays(memory)
        given = dict(inputs, **memory)
        outputs = step(*(given[name] for name in step.input_names))
        outputs = dict(zip(step.output_names, outputs))
        given = dict(arrays(inputs), **memory_there)
        outputs_there = run({name: given[name] for name in step.input_names})
        outputs_there = dict(zip(step.output_names, outputs_there))
        for name, value in arrays(outputs).items():
            difference = np.abs(value - outputs_there[name]).max()
            difference /= max(1., np.abs(value).max())
            largest = max(largest,
                          float(np.nan_to_num(difference, nan=np.inf)))
        memory, memory_there = (
            {name: found[f'new_{name}'] for name in step.memory_names}
            for found in (outputs, outputs_there))  # yapf: disable
    return largest
