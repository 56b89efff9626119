# Copyright (c) temporal_corr authors. All rights reserved.
"""Exemplars chosen before a recorded video is run through.

A first pass takes exemplars from frames labelled by a person, or chosen among
the predictions, and the second pass correlates every frame with those.

Shapes: L chosen frames of a track, T frames of it, P keypoints, C channels.
"""
from itertools import zip_longest
from typing import Dict, List, NamedTuple, Optional, Sequence, Tuple, Union

import torch
from torch import Tensor

from .track_memory import TrackFrame


class OfflineExemplars(NamedTuple):
    """The exemplars of one person in one video.

    Attributes:
        frame_indices (Tensor): Where the exemplars come from, (L, P) frames
            in the video, ascending in L.
        exemplars (Tensor): Unit vectors in shape (L, P, C), zero for a
            keypoint that was not to be seen.
    """

    frame_indices: Tensor
    exemplars: Tensor

    def nearest(self, frame_index: int) -> Tensor:
        """Of each keypoint the exemplar that is closest in time to a frame,
        (P, C), of those that were seen as far as there are any."""
        distance = (self.frame_indices - frame_index).abs().float()
        unseen = (self.exemplars == 0).all(dim=-1)
        row = distance.masked_fill(unseen, torch.inf).argmin(dim=0)
        return self.exemplars[row, torch.arange(len(row))]


def with_frame(known: Optional[OfflineExemplars], frame_index: int,
               exemplars: Tensor) -> OfflineExemplars:
    """A track, None for none so far, with the exemplars (P, C) of one more
    frame, which replace those of the same frame."""
    numbers = torch.full((1, len(exemplars)), frame_index)
    exemplars = exemplars[None]
    if known is not None:
        others = known.frame_indices[:, 0] != frame_index
        numbers = torch.cat([known.frame_indices[others], numbers])
        exemplars = torch.cat([known.exemplars[others], exemplars])
    order = numbers[:, 0].argsort()
    return OfflineExemplars(numbers[order], exemplars[order])


def segment_peaks(confidence: Tensor, num_frames: int) -> Tensor:
    """The frame of the highest peak (T, P) in each of ``num_frames`` equal
    parts of a video, for each keypoint: positions in 0 ... T - 1, (L, P),
    L = min(T, num_frames)."""
    total = len(confidence)
    parts = min(total, num_frames)
    bounds = [round(part * total / parts) for part in range(parts + 1)]
    return torch.stack([
        confidence[start:end].argmax(dim=0) + start
        for start, end in zip(bounds, bounds[1:])
    ])


def labelled_positions(total: int, frames: Union[str, int]) -> List[int]:
    """Which of the frames of a video are labelled, 0 ... total - 1: 'first',
    'middle', 'last', or every so many from the first."""
    single = dict(first=0, middle=(total - 1) // 2, last=total - 1)
    if frames in single:
        return [single[frames]]
    if isinstance(frames, int) and frames > 0:
        return list(range(0, total, frames))
    raise ValueError(
        "test_cfg.memory.frames must be 'first', 'middle', 'last' or a "
        f'positive integer (every so many frames), got {frames!r}')


def check_offline(settings: dict) -> dict:
    """Check the options of ``test_cfg.memory=dict(policy='offline', ...)``.

    - ``source`` (str): ``'predictions'``, no labels are looked at, or
      ``'labels'``, some frames of each video are labelled by their
      annotations.
    - ``num_frames`` (int), for predictions: into how many parts each video is
      cut; of each, the most confident frame of each keypoint is taken.
      Defaults to 8.
    - ``frames``, for labels: ``'first'``, ``'middle'``, ``'last'``, or every
      so many frames. Defaults to ``'first'``.
    - ``crop_shift``, for labels: how the crops of the labelled frames are
      shifted, in place of the dataset's own ``crop_shift``, so that the
      position in the crop gives no hint.

    Returns:
        dict: The same with defaults in their places.

    Raises:
        ValueError: If an option is not known, or its value is not.
    """
    defaults = dict(
        predictions=dict(num_frames=8),
        labels=dict(frames='first', crop_shift=None))
    source = settings.get('source')
    if source not in defaults:
        raise ValueError("test_cfg.memory.source must be 'predictions' or "
                         f"'labels', got {source!r}")
    settings = dict(defaults[source], **settings)
    unknown = sorted(set(settings) - {'source', *defaults[source]})
    if unknown:
        raise ValueError(f'test_cfg.memory with source={source!r} has no '
                         f'{unknown[0]!r}')
    if source == 'predictions':
        num_frames = settings['num_frames']
        if not isinstance(num_frames, int) or num_frames < 1:
            raise ValueError('test_cfg.memory.num_frames must be a positive '
                             f'integer, got {num_frames!r}')
    else:
        labelled_positions(1, settings['frames'])
    return settings


def guided_fields(head, feats: Tuple[Tensor, ...],
                  frames: Sequence[TrackFrame], conditions: Dict[str, Tensor],
                  offline: Dict[tuple, OfflineExemplars],
                  average: bool) -> Tensor:
    """What a head predicts of N frames, guided by offline exemplars: fields
    (N, K, H, W).

    Args:
        head (VideoHead): A head with :class:`ExemplarCorrelation`.
        feats, frames, conditions: Feature maps of the frames, which they are,
            and further inputs of ``head.step``.
        offline (dict): Exemplars of each track, by ``TrackFrame.key``.
        average (bool): Whether to take the mean of what the chosen frames of
            a track predict, each alone. Else each keypoint is guided by the
            exemplar that is closest in time.
    """
    own = [offline[frame.key] for frame in frames]
    features = head.features(feats)
    others = dict(conditions)
    others.pop('crops', None)
    if average:
        choices = [[(row, exemplars) for exemplars in entry.exemplars]
                   for row, entry in enumerate(own)]
    else:
        choices = [[(row, entry.nearest(frame.frame_index))]
                   for row, (entry, frame) in enumerate(zip(own, frames))]
    # Every track is averaged over its own frames alone.
    total, counts = 0., features.new_tensor([len(part) for part in choices])
    for some in zip_longest(*choices):
        rows, exemplars = zip(*filter(None, some))
        rows = torch.as_tensor(rows, device=features.device)
        memory = dict(exemplars=torch.stack(exemplars).to(features.device))
        maps, _ = head.temporal.maps(features[rows], memory)
        fields = head.activate(
            head.predict_fields(
                features[rows], maps,
                **{name: value[rows]
                   for name, value in others.items()}))
        if torch.is_tensor(total):
            total.index_add_(0, rows, fields)
        else:
            total = fields  # all rows have a first one
    return total / counts[:, None, None, None]


class ExemplarCollector:
    """Collects exemplars of a first pass and chooses ``num_frames`` by
    :func:`segment_peaks`, None for all."""

    def __init__(self, num_frames: Optional[int] = None):
        self.num_frames = num_frames
        self._pending: Dict[tuple, List[tuple]] = {}
        self._chosen: Dict[tuple, OfflineExemplars] = {}

    def add(self, frames: Sequence[TrackFrame], exemplars: Tensor,
            confidence: Tensor) -> None:
        """Add N frames, those of one track in their order, with exemplars
        (N, P, C) and peaks of the heatmaps (N, P)."""
        for frame, *row in zip(frames, exemplars, confidence):
            self._pending.setdefault(frame.key, []).append(
                (frame.frame_index, *(part.clone() for part in row)))
        # Of a track that has ended only the chosen frames are kept.
        present = {frame.key for frame in frames}
        for key in [key for key in self._pending if key not in present]:
            self._choose(key)

    def finish(self) -> Dict[tuple, OfflineExemplars]:
        """What was chosen, by ``TrackFrame.key``."""
        for key in list(self._pending):
            self._choose(key)
        return self._chosen

    def _choose(self, key: tuple) -> None:
        numbers, *parts = zip(*self._pending.pop(key))
        numbers = torch.tensor(numbers)
        exemplars, confidence = map(torch.stack, parts)
        rows = torch.arange(len(numbers))[:, None].expand(confidence.shape)
        if self.num_frames is not None:
            rows = segment_peaks(confidence, self.num_frames).cpu()
        columns = torch.arange(confidence.shape[1])
        self._chosen[key] = OfflineExemplars(numbers[rows],
                                             exemplars[rows, columns])
