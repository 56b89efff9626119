# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Dict, Iterator, Optional, Sequence, Union

import cv2
import numpy as np
import torch
from mmengine.dataset import pseudo_collate

from ..models.temporal import ExemplarCorrelation
from ..video_io.progress import Progress
from ..visualization.maps import CorrelationViews
from .video_model import VideoModel, read_rgb

VIEW_HEIGHT = 384  # pixels, whatever the network's input is


@torch.no_grad()
def stream_correlation(
        video_model: VideoModel,
        video_id: str,
        gap: Optional[int] = None,
        frame: Union[int, str, None] = None) -> Iterator[CorrelationViews]:
    """What a correlation model sees in the frames of a video.

    The model runs over the video once, as in test; what it remembers after
    the exemplar frame is searched in the current frame. A flip test is left
    out: it has two sets of maps.

    Args:
        video_model (VideoModel): A model with :class:`ExemplarCorrelation`.
        video_id (str): The video.
        gap (int, optional): The exemplars are those of the frame this many
            frames earlier. Defaults to None, the one just before.
        frame (int | str, optional): Number of the only frame to look at,
            counted from 1, or 'middle'. Defaults to None, every frame that
            has an exemplar frame.

    Yields:
        CorrelationViews: Of each of these frames.

    Raises:
        ValueError: If the model is no correlation model, or there is no such
            video or frame.
    """
    head = video_model.model.head
    temporal = getattr(head, 'temporal', None)
    if not isinstance(temporal, ExemplarCorrelation):
        raise ValueError(
            f'{video_model.name} has no correlation maps: its '
            f'{type(head).__name__} has temporal='
            f'{temporal and type(temporal).__name__}. Give a config with '
            "temporal=dict(type='ExemplarCorrelation') and a checkpoint of it")
    items = video_model.items(video_id)
    numbers = [
        video_model.dataset.get_data_info(int(item))['frame_index'] + 1
        for item in items
    ]
    pairs = exemplar_positions(numbers, gap)
    if frame == 'middle':  # or the nearest that has exemplars
        pairs = dict(
            sorted(
                pairs.items(),
                key=lambda pair: abs(pair[0] - len(numbers) // 2))[:1])
    elif frame is not None:
        pairs = {
            current: exemplar
            for current, exemplar in pairs.items()
            if numbers[current] == frame
        }
    if not pairs:
        what = f'frame {frame}' if isinstance(frame, int) else 'any frame'
        before = 'just' if gap is None else f'{gap} frames'
        raise ValueError(
            f'video "{video_id}" has no exemplar frame {before} before '
            f'{what}: choose another video, frame or gap. Its frames: '
            f'{", ".join(map(str, numbers[:3]))} ... {numbers[-1]}')
    memory, kept = None, {}
    with Progress(max(pairs) + 1) as progress:
        for position in range(max(pairs) + 1):
            kept[position] = _Frame(video_model, int(items[position]), memory)
            memory = kept[position].memory
            progress.update()
            if position in pairs:
                exemplar = pairs[position]
                yield _search(video_model.model, kept[exemplar],
                              kept[position])
                # No later frame goes back further.
                kept = {key: kept[key] for key in kept if key >= exemplar}


def exemplar_positions(numbers: Sequence[int],
                       gap: Optional[int]) -> Dict[int, int]:
    """Position of each frame that has an exemplar frame to that of the latter,
    ``gap`` numbers earlier or, for None, just before."""
    if gap is None:
        return {position: position - 1 for position in range(1, len(numbers))}
    places = {number: place for place, number in enumerate(numbers)}
    return {
        place: places[number - gap]
        for number, place in places.items()
        if gap > 0 and number - gap in places
    }


class _Frame:
    """A frame that the model has seen in its turn, and what it remembers."""

    def __init__(self, video_model: VideoModel, item: int, memory):
        model = video_model.model
        packed = video_model.dataset[item]
        batch = model.data_preprocessor(pseudo_collate([packed]), False)
        self.meta = packed['data_samples'].metainfo
        self.size = np.array(packed['inputs'].shape[:-3:-1])  # width, height
        self.feats = model.extract_feat(batch['inputs'])
        self.conditions = model.conditions(batch['data_samples'],
                                           batch['inputs'].device)
        self.heatmaps, self.memory = model.head.step(self.feats, memory,
                                                     **self.conditions)
        # The crop, RGB, in more detail than the network sees it.
        self.zoom = VIEW_HEIGHT / self.size[1]
        transforms = video_model.dataset.pipeline.transforms
        padding = next((transform.pad_value for transform in transforms
                        if hasattr(transform, 'pad_value')), 0)
        self.view = cv2.warpAffine(
            read_rgb(self.meta['img_path']),
            self.zoom * self.conditions['crops'][0].cpu().double().numpy(),
            (self.zoom * self.size).round().astype(int).tolist(),
            flags=cv2.INTER_CUBIC,
            borderValue=(padding, ) * 3)


def _search(model, exemplar: _Frame, current: _Frame) -> CorrelationViews:
    """What is remembered of a frame, in a later one."""
    head, zoom = model.head, current.zoom
    found, _ = head.step(current.feats, exemplar.memory, **current.conditions)
    alone, _ = head.step(current.feats, None, **current.conditions)
    maps = head.temporal.correlate(
        head.features(current.feats), exemplar.memory['exemplars'])

    def keypoints(heatmaps):
        return np.asarray(head.decode(heatmaps)[0].keypoints[0]) * zoom

    # Input pixels of a cell and of the first one, by the codec's own rule
    # where it has one.
    stride = getattr(head.decoder, 'scale_factor',
                     current.size / found.shape[:-3:-1])
    origin = getattr(head.decoder, 'cell_origin', (0., 0.))
    return CorrelationViews(
        exemplar_image=exemplar.view,
        image=current.view,
        exemplar_keypoints=keypoints(exemplar.heatmaps),
        keypoints=keypoints(found),
        keypoints_alone=keypoints(alone),
        correlation=maps[0].cpu().numpy(),
        heatmaps=found[0].cpu().numpy(),
        stride=tuple(np.multiply(stride, zoom)),
        origin=tuple(np.multiply(origin, zoom)),
        video_id=current.meta['video_id'],
        frame=current.meta['frame_index'] + 1,
        exemplar_frame=exemplar.meta['frame_index'] + 1)
