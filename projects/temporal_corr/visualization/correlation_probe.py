# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Optional

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor

from ..models.correlation import correlation_maps
from .correlation_figure import CorrelationViews
from .overlay import crop_view
from .video_model import VideoModel, load_frame

VIEW_HEIGHT = 384  # pixels, whatever the network's input is


def select_pair(numbers: np.ndarray, video_id: str, frame: Optional[int],
                gap: Optional[int]) -> tuple:
    """Find a pair of frames in a video.

    Args:
        numbers (np.ndarray): Frame numbers, counted from 1, in time.
        video_id (str): The video, for messages.
        frame (int, optional): Number of the current frame. None takes the
            middle of the video.
        gap (int, optional): The exemplar frame is this many frames earlier.
            None takes the one just before.

    Returns:
        tuple: Positions of the exemplar frame and of the current frame.

    Raises:
        ValueError: If one is not there, naming those that are.
    """
    numbers = np.asarray(numbers).tolist()
    if len(numbers) < 2:
        raise ValueError(f'video "{video_id}" has one frame only: no frame '
                         'before it can give exemplars. Choose another video')
    if frame is None:
        frame = numbers[max(1, len(numbers) // 2)]
        if gap is not None and frame - gap < numbers[0]:
            frame = numbers[0] + gap
    step = numbers[1] - numbers[0]
    range_ = f'{numbers[0]} to {numbers[-1]}' + (f' in steps of {step}'
                                                 if step > 1 else '')
    if frame not in numbers[1:]:
        raise ValueError(
            f'frame {frame} of video "{video_id}" has no earlier frame or is '
            f'not there. Its frames: {range_}')
    current = numbers.index(frame)
    if gap is None:
        return current - 1, current
    if gap < 1 or frame - gap not in numbers:
        raise ValueError(
            f'no exemplar frame is {gap} frames before frame {frame} of '
            f'video "{video_id}". Its frames: {range_}')
    return numbers.index(frame - gap), current


@torch.no_grad()
def probe_correlation(video_model: VideoModel,
                      video_id: str,
                      frame: Optional[int] = None,
                      gap: Optional[int] = None,
                      progress=iter) -> CorrelationViews:
    """Look inside a correlation model at one pair of frames.

    The model runs from the first frame to the exemplar frame, as in test;
    what it then remembers is searched in the current frame. A flip test is
    left out: it has two sets of maps.

    Args:
        video_model (VideoModel): A model with ``temporal='correlation'``.
        video_id (str): The video.
        frame (int, optional): Number of the current frame, counted from 1.
            Defaults to None, the middle of the video.
        gap (int, optional): The exemplar frame is this many frames earlier.
            Defaults to None, the one just before.
        progress (Callable): Wraps the loop over the frames.

    Returns:
        CorrelationViews: What there is to see.

    Raises:
        ValueError: If the model is no correlation model, or there is no such
            video or frame.
    """
    model, dataset = video_model.model, video_model.dataset
    temporal = getattr(model.head, 'temporal', None)
    if temporal != 'correlation':
        raise ValueError(
            f'{video_model.name} has no correlation maps: its '
            f'{type(model.head).__name__} has temporal={temporal!r}. Give a '
            "config with temporal='correlation' and a checkpoint of it")
    items = video_model.items(video_id)
    numbers = np.array(
        [dataset.get_data_info(int(i))['frame_index'] + 1 for i in items])
    exemplar, current = select_pair(numbers, video_id, frame, gap)

    memory = None
    for position in progress([*range(exemplar + 1)]):
        seen = _Frame(video_model, int(items[position]))
        heatmaps, memory = model.head.step(seen.feats, memory,
                                           **seen.conditions)
    shown = _Frame(video_model, int(items[current]))
    found, _ = model.head.step(shown.feats, memory, **shown.conditions)
    alone, _ = model.head.step(shown.feats, None, **shown.conditions)
    maps = correlation_maps(model.head.features(shown.feats), memory)

    zoom = VIEW_HEIGHT / shown.size[1]
    stride, origin = _cells(model, found, shown.size)
    image = shown.view(zoom)
    return CorrelationViews(
        exemplar_image=seen.view(zoom),
        image=image,
        exemplar_keypoints=_keypoints(model, heatmaps) * zoom,
        keypoints=_keypoints(model, found) * zoom,
        keypoints_alone=_keypoints(model, alone) * zoom,
        correlation=maps[0].cpu().numpy(),
        heatmaps=found[0].cpu().numpy(),
        stride=tuple(stride * zoom),
        origin=tuple(origin * zoom),
        video_id=video_id,
        frame=int(numbers[current]),
        exemplar_frame=int(numbers[exemplar]))


class _Frame:
    """A frame on its way through the backbone."""

    def __init__(self, video_model: VideoModel, item: int):
        model = video_model.model
        self.image, packed = load_frame(video_model.dataset, item)
        batch = model.data_preprocessor(pseudo_collate([packed]), False)
        self.feats = model.extract_feat(batch['inputs'])
        self.pad_value = next(
            (transform.pad_value
             for transform in video_model.dataset.pipeline.transforms
             if hasattr(transform, 'pad_value')), 0)
        self.size = tuple(packed['inputs'].shape[:-3:-1])  # width, height
        self.conditions = model.conditions(batch['data_samples'],
                                           batch['inputs'].device)

    def view(self, zoom: float) -> np.ndarray:
        """The crop, RGB, ``zoom`` pixels per input pixel."""
        image = cv2.cvtColor(self.image, cv2.COLOR_BGR2RGB)
        return crop_view(image, self.conditions['crops'][0].cpu().numpy(),
                         self.size, zoom, self.pad_value)


def _keypoints(model, heatmaps: Tensor) -> np.ndarray:
    """Keypoints in input pixels, (P, 2)."""
    return np.asarray(model.head.decode(heatmaps)[0].keypoints[0])


def _cells(model, heatmaps: Tensor, size: tuple) -> tuple:
    """Input pixels per cell and that of the first cell, by the codec's own
    rule where it has one."""
    default = np.divide(size, heatmaps.shape[:-3:-1])
    decoder = model.head.decoder
    return (np.asarray(getattr(decoder, 'scale_factor', default)),
            np.asarray(getattr(decoder, 'cell_origin', (0., 0.))))
