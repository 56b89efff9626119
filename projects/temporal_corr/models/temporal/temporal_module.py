# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Callable, Dict, List, Optional, Tuple

import torch
import torch.nn as nn
from mmengine.dist import get_rank, get_world_size
from mmengine.model import BaseModule
from mmpose.codecs.base import BaseKeypointCodec
from torch import Tensor

from ..resample import resample

Memory = Dict[str, Tensor]


class TemporalModule(BaseModule):
    """What is remembered of a frame, and the maps that are made of it.

    A head calls :meth:`maps` before it predicts a frame and :meth:`update`
    after it, two pure functions; the estimator hands the memory on, one per
    person. The memory is a dict of tensors, the sample first; a row of zeros,
    or None for all rows, means that nothing is remembered. Subclasses of your
    own are registered and named in the config: ``custom_imports`` and
    ``model=dict(head=dict(temporal=dict(type=...)))``.

    Arguments of the methods, N samples, P keypoints, maps of H x W:

    - ``features`` (Tensor): features of the current frame in shape
      (N, ..., H, W), of which :meth:`intermediate` takes I; None in training
      where :meth:`sample_past` asks for none of earlier frames.
    - ``memory`` (dict, optional): what is remembered of the frame before.
    - ``heatmaps`` (Tensor): heatmaps of the frame in shape (N, P, H, W).
    - ``crops`` (Tensor, optional): crops of the frame, (N, 2, 3), image to
      input; None if all frames have the same.
    - ``keep`` (Tensor): whether the memory of a sample is kept, (N, ).

    Args:
        in_channels (int): C, channels of I. Given by the head, as are the
            next two.
        num_keypoints (int): P, number of keypoints.
        decoder (BaseKeypointCodec): The codec of the head.
        mask_rate (float): Share of the training samples of which nothing is
            remembered: "to make the model workable on the first frame of
            the video, we randomly set all correlation maps of some training
            samples to zero at the rate of 0.2". Defaults to 0.2.
    """

    #: Its parameters are called ``head.NAME.*`` in a checkpoint.
    name = 'memory'
    #: Whether it remembers maps, which have to be carried between crops.
    carries_maps = False
    #: Whether training steps through all frames of a clip, as a test does,
    #: with a loss on each. Else on the last, after one with true heatmaps.
    unroll = False
    #: What ``test_cfg.memory.policy`` may be, and the options of each.
    policies: Dict[str, Tuple[str, ...]] = dict(previous=(), none=())

    def __init__(self,
                 in_channels: int,
                 num_keypoints: int,
                 decoder: Optional[BaseKeypointCodec] = None,
                 mask_rate: float = 0.2):
        super().__init__()
        self.in_channels = in_channels
        self.num_keypoints = num_keypoints
        #: Channels of the maps.
        self.map_channels = num_keypoints
        self.mask_rate = mask_rate
        if self.carries_maps:
            origin = getattr(decoder, 'cell_origin', (0., 0.))
            for name, value in (('map_stride', decoder.scale_factor),
                                ('map_origin', origin)):
                value = torch.as_tensor(value, dtype=torch.float32)
                self.register_buffer(name, value, persistent=False)

    def maps(
        self,
        features: Tensor,
        memory: Optional[Memory],
        crops: Optional[Tensor],
        single_frame: Optional[Callable[[], Tensor]] = None
    ) -> Tuple[Optional[Tensor], Optional[Memory]]:
        """The maps of the past, which the head joins to the features, in
        shape (N, ``map_channels``, H, W), None for zero maps, and what
        :meth:`update` needs of this, if anything. ``single_frame`` predicts
        heatmaps of the frame as if nothing were remembered."""
        raise NotImplementedError

    def update(self,
               memory: Optional[Memory],
               features: Tensor,
               heatmaps: Tensor,
               crops: Optional[Tensor],
               state: Optional[Memory] = None) -> Memory:
        """The memory after a frame, tensors by name. ``memory`` is that
        before it, ``state`` what :meth:`maps` returned."""
        raise NotImplementedError

    def set_policy(self, policy: str, **options) -> None:
        """Choose how a test updates the memory, one of ``policies``."""

    def sample_past(
            self,
            clips: Tensor) -> Tuple[Optional[Tensor], Optional[Tensor]]:
        """What training looks at of the frames before the last of clips
        (N, T, 3, H, W): frames whose features are needed, (M, 3, H, W), or
        None, and ``keep``, or None if ``unroll``."""
        if self.unroll:
            return clips[:, :-1].transpose(0, 1).flatten(0, 1), None
        return None, self.draw_kept(len(clips))

    def draw_kept(self, count: int) -> Tensor:
        """Whose memory is kept, at random, (N, ). MMEngine seeds the processes
        of a training alike, so each takes its part of one draw."""
        drawn = torch.rand(get_world_size(), count)[get_rank()]
        return drawn >= self.mask_rate

    def training_memory(self, past_features: Optional[Tensor], samples: List,
                        keep: Tensor) -> Memory:
        """The memory before the last frame of clips, from the true heatmaps
        and the features of the frames that :meth:`sample_past` chose.

        "Ground truth heatmaps are used as weight to extract keypoint features
        so that the model would be more dependent on the input correlation
        maps".
        """
        crops = torch.stack([sample.crops[-2] for sample in samples])
        memory = self.update(None, past_features, self.true_heatmaps(samples),
                             crops)
        return {
            name: value * keep.to(value).view(-1, *[1] * (value.ndim - 1))
            for name, value in memory.items()
        }

    def intermediate(self, features: Tensor) -> Tensor:
        """I of a head's features: their last ``in_channels``."""
        if features.shape[1] == self.in_channels:
            return features
        return features[:, -self.in_channels:]

    def true_heatmaps(self, samples: List) -> Tensor:
        """Of the frames before the last, (N, P, H, W). A codec may have a
        background channel behind them."""
        return torch.stack([
            sample.previous_heatmaps[-1, :self.num_keypoints]
            for sample in samples
        ])

    def carry(self, memory: Memory, crops: Optional[Tensor],
              known: Tensor) -> Memory:
        """The maps of a memory with ``crops``, (N, channels, H, W) each,
        resampled into the current crops; ``known``, (N, ), says which rows
        are remembered at all."""
        maps = {name: part for name, part in memory.items() if name != 'crops'}
        # A row of zeros is no crop: any other will do, its maps are zero.
        identity = torch.eye(2, 3).to(memory['crops'])
        source = torch.where(known[:, None, None], memory['crops'], identity)
        if crops is None:
            crops = identity.expand_as(source)
        carried = resample(
            torch.cat(list(maps.values()), dim=1), source, crops,
            self.map_stride, self.map_origin)
        sizes = [part.shape[1] for part in maps.values()]
        return dict(zip(maps, carried.split(sizes, dim=1)))


class ScaledMaps(TemporalModule):
    """A module with one map per keypoint, behind a scale layer.

    "A scale layer with learnable weights and biases is added right after the
    correlation maps for better convergence" and "since the keypoint feature
    is unavailable for the first frame of a video, the initial correlation
    maps are set to zeros" (Section 3), here behind the scale layer, whose
    bias is no sign of a keypoint. They are multiplied by zero, so that every
    parameter takes part in every iteration.

    Args:
        scale_init (float): Initial scale. Defaults to 1.
        bias_init (float): Initial bias. Defaults to 0.
        kwargs: Arguments of :class:`TemporalModule`.
    """

    def __init__(self,
                 scale_init: float = 1.,
                 bias_init: float = 0.,
                 **kwargs):
        super().__init__(**kwargs)
        size = (self.num_keypoints, )
        self.scale = nn.Parameter(torch.full(size, float(scale_init)))
        self.bias = nn.Parameter(torch.full(size, float(bias_init)))

    def scaled(self, maps: Tensor, found: Tensor) -> Tensor:
        """Scale maps (N, P, H, W), zero where a keypoint was not found,
        ``found`` in shape (N, P)."""
        maps = maps * self.scale[:, None, None] + self.bias[:, None, None]
        return maps * found.to(maps.dtype)[..., None, None]
