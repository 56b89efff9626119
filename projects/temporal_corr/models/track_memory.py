# Copyright (c) temporal_corr authors. All rights reserved.
"""What is remembered between frames, of whom, and for how long."""
from typing import Dict, NamedTuple, Optional, Sequence

import torch
from mmengine.structures import BaseDataElement
from torch import Tensor

Memory = Dict[str, Tensor]


class TrackFrame(NamedTuple):
    """One person in one frame of one video.

    Attributes:
        video_id (str): The video.
        frame_index (int): Number of the frame in the video, from 0.
        is_first (bool): Whether the video (or shot) starts here.
        is_last (bool): Whether it ends here.
        track_id (int): The person. Defaults to 0.
        previous_frame_index (int, optional): The frame that has to have been
            seen just before; None accepts any earlier one.
        mirrored (bool): Whether this is the mirrored pass of a flip test,
            which remembers its own values.
    """

    video_id: str
    frame_index: int
    is_first: bool
    is_last: bool
    track_id: int = 0
    previous_frame_index: Optional[int] = None
    mirrored: bool = False

    @property
    def key(self) -> tuple:
        """tuple: Of whom a value is kept, and of which pass."""
        return self.video_id, self.track_id, self.mirrored

    @classmethod
    def from_sample(cls, sample: BaseDataElement) -> Optional['TrackFrame']:
        """Read the video fields that ``PackClipInputs`` packs as metainfo of a
        data sample; None for a sample without."""
        meta = sample.metainfo
        if 'video_id' not in meta:
            return None
        return cls(
            video_id=meta['video_id'],
            frame_index=int(meta['frame_index']),
            is_first=bool(meta['is_first']),
            is_last=bool(meta['is_last']),
            track_id=int(meta.get('track_id', 0)),
            previous_frame_index=meta.get('previous_frame_index'))


class _Entry(NamedTuple):
    frame_index: int
    value: Memory


class TrackMemory:
    """One value per person and video, kept from frame to frame.

    A frame that comes too early, too late or twice is an error, because a
    wrong order would silently give other predictions. A value is freed when
    its video ends.

    Args:
        max_tracks (int): Values kept at most; the one that has waited longest
            goes first. Defaults to 1024.
    """

    def __init__(self, max_tracks: int = 1024):
        self.max_tracks = max_tracks
        self._entries: Dict[tuple, _Entry] = {}

    def __len__(self) -> int:
        return len(self._entries)

    def reset(self) -> None:
        """Forget everything."""
        self._entries.clear()

    def forget(self, video_id: str, track_id: int) -> None:
        """Forget one person, known or not, in both passes of a flip test."""
        for mirrored in (False, True):
            self._entries.pop((video_id, track_id, mirrored), None)

    def entries(self) -> Dict[tuple, '_Entry']:
        """What is remembered now, to go back to by :meth:`restore`."""
        return dict(self._entries)

    def restore(self, video_id: str, track_id: int,
                entries: Dict[tuple, '_Entry']) -> bool:
        """Remember of a person what :meth:`entries` returned earlier; returns
        whether anything was."""
        self.forget(video_id, track_id)
        keys = [(video_id, track_id, mirrored) for mirrored in (False, True)]
        self._entries.update(
            {key: entries[key]
             for key in keys if key in entries})
        return keys[0] in entries

    def recall(self, frames: Sequence[TrackFrame]) -> Optional[Memory]:
        """The values before N frames of different tracks, tensors over N
        samples, zero where nothing is remembered; None if nothing is
        remembered of any of them.

        Raises:
            RuntimeError: If a frame is out of order.
        """
        values = [self._previous(frame) for frame in frames]
        known = next((value for value in values if value is not None), None)
        if known is None:
            return None
        return {
            name: torch.stack([
                torch.zeros_like(part) if value is None else value[name]
                for value in values
            ])
            for name, part in known.items()
        }

    def remember(self, frames: Sequence[TrackFrame], values: Memory) -> None:
        """Keep the values of N frames of different tracks, tensors over N
        samples."""
        for row, frame in enumerate(frames):
            self._entries.pop(frame.key, None)
            if frame.is_last:
                continue
            # Copies, so that no row holds on to a whole batch.
            value = {
                name: part[row].detach().clone()
                for name, part in values.items()
            }
            self._entries[frame.key] = _Entry(frame.frame_index, value)
        while len(self._entries) > self.max_tracks:
            self._entries.pop(next(iter(self._entries)))

    def _previous(self, frame: TrackFrame) -> Optional[Memory]:
        """The value before a frame, after checking that it is the next."""
        entry = self._entries.get(frame.key)
        expected = frame.previous_frame_index
        if entry is None:
            problem = None if frame.is_first else (
                'came although no earlier frame of that video is remembered')
        elif frame.frame_index <= entry.frame_index or not (
                frame.is_first or expected in (None, entry.frame_index)):
            problem = f'came right after frame {entry.frame_index}'
        else:
            problem = None
        if problem:
            raise RuntimeError(
                f'frame {frame.frame_index} (from 0) of video '
                f'"{frame.video_id}" {problem}. The frames of a video must '
                'come in order, each once: use sampler=dict(type='
                "'VideoSampler') in the dataloader, and mark the first frame "
                'of a video or shot with is_first.')
        if entry is None or frame.is_first:
            return None
        return entry.value
