# Copyright (c) temporal_corr authors. All rights reserved.
import heapq
from typing import Iterator, List, Optional, Sequence

import numpy as np
from mmengine.dist import get_dist_info
from mmpose.registry import DATA_SAMPLERS
from torch.utils.data import Sampler


def balance(lengths: Sequence[int], num_bins: int) -> List[List[int]]:
    """Distribute items to bins, the longest that is left to the emptiest
    bin. Returns the indices of the items of each bin, longest first."""
    bins = [(0, number, []) for number in range(num_bins)]
    for item in sorted(range(len(lengths)), key=lambda i: -lengths[i]):
        load, number, items = bins[0]
        items.append(item)
        heapq.heapreplace(bins, (load + lengths[item], number, items))
    return [items for _, _, items in sorted(bins, key=lambda b: b[1])]


def interleave(videos: Sequence[np.ndarray], lanes: int) -> np.ndarray:
    """Order frames so that ``lanes`` videos advance side by side; a lane
    whose video ends takes the next of the list."""
    if not videos:
        return np.empty(0, dtype=np.int64)
    # (step, lane) at which each frame is passed
    free = [(0, lane) for lane in range(lanes)]
    steps, places = [], []
    for frames in videos:
        step, lane = heapq.heappop(free)
        steps.append(step + np.arange(len(frames)))
        places.append(np.full(len(frames), lane))
        heapq.heappush(free, (step + len(frames), lane))
    order = np.lexsort((np.concatenate(places), np.concatenate(steps)))
    return np.concatenate(videos)[order]


@DATA_SAMPLERS.register_module()
class VideoSampler(Sampler):
    """The order in which videos are evaluated: frame by frame, in time.

    Whole videos go to each process, balanced by frames, so that a model can
    remember a video. Each item is passed exactly once, by one process.

    With ``lanes`` L > 1, L consecutive items are one frame of each of L
    videos, so a batch of size L holds L videos. When a video ends its lane
    takes the next, longest first. At the end, where fewer lanes are left, a
    batch may hold consecutive frames of one video, in order.

    Args:
        dataset (VideoCocoDataset): The data set, without a wrapper
        lanes (int): How many videos advance side by side. Defaults to 1
        seed (int, optional): Not used; MMEngine's Runner passes one.
    """

    def __init__(self,
                 dataset,
                 lanes: int = 1,
                 seed: Optional[int] = None) -> None:
        rank, world_size = get_dist_info()
        videos = [frames for _, frames in dataset.videos]
        own = balance([len(frames) for frames in videos], world_size)[rank]
        self.lanes = lanes
        self.indices = interleave([videos[i] for i in own], lanes)

    def __iter__(self) -> Iterator[int]:
        return iter(self.indices.tolist())

    def __len__(self) -> int:
        return len(self.indices)

    def set_epoch(self, epoch: int) -> None:
        """Does nothing: the order is the same in every epoch."""
