# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Iterator, Optional

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate
from torch import Tensor

from .correlation_figure import CorrelationViews
from .frame_pairs import exemplar_positions, select_pair
from .overlay import crop_view
from .video_model import VideoModel, load_frame

VIEW_HEIGHT = 384  # pixels, whatever the network's input is


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
    items, numbers = _frames_of(video_model, video_id)
    exemplar, current = select_pair(numbers, video_id, frame, gap)

    past = None
    for position in progress([*range(exemplar + 1)]):
        past = _Seen(video_model, int(items[position]), past)
    return past.searched_in(_Frame(video_model, int(items[current])))


@torch.no_grad()
def stream_correlation(video_model: VideoModel,
                       video_id: str,
                       gap: Optional[int] = None,
                       progress=iter) -> Iterator[CorrelationViews]:
    """Look inside a correlation model at all frames of a video.

    The model runs over the video once, as in test, without a flip test.

    Args:
        video_model (VideoModel): A model with ``temporal='correlation'``.
        video_id (str): The video.
        gap (int, optional): The exemplars are those of the frame this many
            frames earlier. Defaults to None, the one just before.
        progress (Callable): Wraps the loop over the frames.

    Yields:
        CorrelationViews: What there is to see, of every frame that has an
        exemplar frame.

    Raises:
        ValueError: If the model is no correlation model, or there is no such
            video or pair of frames.
    """
    items, numbers = _frames_of(video_model, video_id)
    exemplars = exemplar_positions(numbers, gap)
    if not exemplars:
        select_pair(numbers, video_id, None, gap)  # says what is wrong
    past, kept = None, {}
    for position in progress([*range(len(items))]):
        past = kept[position] = _Seen(video_model, int(items[position]), past)
        if position in exemplars:
            exemplar = exemplars[position]
            yield kept[exemplar].searched_in(past)
            # No later frame goes back further.
            kept = {key: kept[key] for key in kept if key >= exemplar}


def _frames_of(video_model: VideoModel, video_id: str) -> tuple:
    """Items of a video and their frame numbers, of a correlation model."""
    head = video_model.model.head
    temporal = getattr(head, 'temporal', None)
    if temporal != 'correlation':
        raise ValueError(
            f'{video_model.name} has no correlation maps: its '
            f'{type(head).__name__} has temporal={temporal!r}. Give a '
            "config with temporal='correlation' and a checkpoint of it")
    items = video_model.items(video_id)
    numbers = np.array([
        video_model.dataset.get_data_info(int(item))['frame_index'] + 1
        for item in items
    ])
    return items, numbers


class _Frame:
    """A frame on its way through the backbone."""

    def __init__(self, video_model: VideoModel, item: int):
        self.model = model = video_model.model
        self.image, packed = load_frame(video_model.dataset, item)
        self.meta = packed['data_samples'].metainfo
        batch = model.data_preprocessor(pseudo_collate([packed]), False)
        self.feats = model.extract_feat(batch['inputs'])
        self.pad_value = next(
            (transform.pad_value
             for transform in video_model.dataset.pipeline.transforms
             if hasattr(transform, 'pad_value')), 0)
        self.size = tuple(packed['inputs'].shape[:-3:-1])  # width, height
        self.conditions = model.conditions(batch['data_samples'],
                                           batch['inputs'].device)

    def step(self, memory) -> tuple:
        """Heatmaps and the new memory."""
        return self.model.head.step(self.feats, memory, **self.conditions)

    def view(self, zoom: float) -> np.ndarray:
        """The crop, RGB, ``zoom`` pixels per input pixel."""
        image = cv2.cvtColor(self.image, cv2.COLOR_BGR2RGB)
        return crop_view(image, self.conditions['crops'][0].cpu().numpy(),
                         self.size, zoom, self.pad_value)


class _Seen(_Frame):
    """A frame that the model has seen in its turn, and what it remembers."""

    def __init__(self, video_model: VideoModel, item: int,
                 past: Optional['_Seen']):
        super().__init__(video_model, item)
        self.heatmaps, self.memory = self.step(past and past.memory)

    def searched_in(self, shown: _Frame) -> CorrelationViews:
        """What is remembered of this frame, in a later one."""
        model, memory = self.model, self.memory
        found, _ = shown.step(memory)
        alone, _ = shown.step(None)
        maps = model.head.correlation.correlate(
            model.head.correlated(model.head.features(shown.feats)),
            model.head.exemplars(memory))
        zoom = VIEW_HEIGHT / shown.size[1]
        stride, origin = _cells(model, found, shown.size)
        return CorrelationViews(
            exemplar_image=self.view(zoom),
            image=shown.view(zoom),
            exemplar_keypoints=_keypoints(model, self.heatmaps) * zoom,
            keypoints=_keypoints(model, found) * zoom,
            keypoints_alone=_keypoints(model, alone) * zoom,
            correlation=maps[0].cpu().numpy(),
            heatmaps=found[0].cpu().numpy(),
            stride=tuple(stride * zoom),
            origin=tuple(origin * zoom),
            video_id=shown.meta['video_id'],
            frame=shown.meta['frame_index'] + 1,
            exemplar_frame=self.meta['frame_index'] + 1)


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
