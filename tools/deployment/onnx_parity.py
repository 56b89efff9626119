# Copyright (c) temporal_corr authors. All rights reserved.
"""An exported streaming step beside the one that it comes from."""
from typing import Callable, Dict, Iterable, Iterator, Sequence, Tuple

import numpy as np
import torch
from torch import Tensor

from projects.temporal_corr.models.streaming_step import StreamingStep

#: Whether a video starts here, and inputs but for what is remembered.
Frame = Tuple[bool, Dict[str, Tensor]]
#: Runs an exported step: inputs by name, outputs in their order.
Run = Callable[[Dict[str, np.ndarray]], Sequence[np.ndarray]]


def random_frames(step: StreamingStep,
                  count: int,
                  batch_size: int = 1,
                  seed: int = 0) -> Iterator[Frame]:
    """Videos of noise, side by side.

    Args:
        step (StreamingStep): The step that they are for.
        count (int): Number of frames of each video.
        batch_size (int): Number of videos. Defaults to 1.
        seed (int): Seed of the noise. Defaults to 0.

    Yields:
        tuple: A frame of each video.
    """
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
    """The first frames of the videos of a data set.

    Args:
        step (StreamingStep): The step that they are for.
        dataset: A data set of video frames, in test mode.
        count (int): Number of frames, of one video after the other.

    Yields:
        tuple: One frame.
    """
    device = step.example()['image'].device
    items = ((position == 0, int(item)) for _, items in dataset.videos
             for position, item in enumerate(items))
    for (is_first, item), _ in zip(items, range(count)):
        packed = dataset[item]
        inputs = step.model.conditions([packed['data_samples']], device)
        inputs['image'] = step.image(packed['inputs'][None].to(device))
        yield is_first, inputs


@torch.no_grad()
def largest_difference(step: StreamingStep,
                       run: Run,
                       frames: Iterable[Frame],
                       own_memory: bool = True) -> float:
    """How far an exported step gets from PyTorch.

    Args:
        step (StreamingStep): What was exported.
        run (Callable): Runs the exported step.
        frames (Iterable[tuple]): Frames of videos, in order.
        own_memory (bool): Whether the exported step goes on from what it
            returned itself, so that differences add up, or is given what
            PyTorch remembers. Defaults to True.

    Returns:
        float: The largest absolute difference of an output, divided by the
        largest magnitude of this output in the frame where that is above 1;
        infinite where an output is NaN in one of them.
    """
    largest = 0.
    remembered: Dict[str, Tensor] = {}
    remembered_there: Dict[str, np.ndarray] = {}
    for is_first, inputs in frames:
        if is_first:
            example = step.example(len(inputs['image']))
            remembered = {name: example[name] for name in step.memory_names}
            remembered_there = _arrays(remembered)
        given = dict(inputs, **remembered)
        outputs = dict(
            zip(step.output_names,
                step(*(given[name] for name in step.input_names))))
        given_there = dict(_arrays(inputs), **remembered_there)
        outputs_there = dict(
            zip(step.output_names,
                run({name: given_there[name]
                     for name in step.input_names})))
        for name, value in _arrays(outputs).items():
            difference = np.abs(value - outputs_there[name]).max()
            difference /= max(1., np.abs(value).max())
            largest = max(largest,
                          float(np.nan_to_num(difference, nan=np.inf)))
        remembered = {
            name: outputs[f'new_{name}']
            for name in step.memory_names
        }
        remembered_there = _arrays(remembered)
        if own_memory:
            remembered_there = {
                name: outputs_there[f'new_{name}']
                for name in step.memory_names
            }
    return largest


def _arrays(tensors: Dict[str, Tensor]) -> Dict[str, np.ndarray]:
    return {name: value.cpu().numpy() for name, value in tensors.items()}
