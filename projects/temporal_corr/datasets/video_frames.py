# Copyright (c) temporal_corr authors. All rights reserved.
from dataclasses import dataclass, fields, replace
from typing import Dict, List, Sequence, Tuple, Union

import numpy as np


@dataclass(eq=False)
class VideoFrames:
    """The annotated frames of all videos of a data set, one array a field.

    A few large arrays load fast, take a few hundred bytes a frame and are
    shared by forked data loader workers. A frame is one person in one image.

    Args:
        file_name: Image files relative to the root of the images, UTF-8 bytes
            in shape (F, )
        image_id, annotation_id: Ids in shape (F, )
        track_id: Ids of the person in the video in shape (F, )
        video: Numbers of the videos (``vid_id``) in shape (F, )
        frame_index: 0-based frames in the video in shape (F, )
        image_size: Image width and height in shape (F, 2)
        keypoints: x, y (1-based pixels), visibility in shape (F, K, 3)
        bbox: Person boxes x, y, w, h (1-based pixels) in shape (F, 4)
        bbox_size: Width and height of the released boxes in shape (F, 2),
            zero where the released box is degenerate
    """

    file_name: np.ndarray
    image_id: np.ndarray
    annotation_id: np.ndarray
    track_id: np.ndarray
    video: np.ndarray
    frame_index: np.ndarray
    image_size: np.ndarray
    keypoints: np.ndarray
    bbox: np.ndarray
    bbox_size: np.ndarray

    def __post_init__(self):
        # `order` lists the frames video by video in time; `members[v]` are
        # the frames of the v-th video, `position[i]` is the place of frame i
        # in its own.
        order = np.lexsort((self.frame_index, self.video))
        _, start, count = np.unique(
            self.video[order], return_index=True, return_counts=True)
        self.group = np.empty(len(order), dtype=np.int64)
        self.position = np.empty(len(order), dtype=np.int64)
        self.group[order] = np.repeat(np.arange(len(start)), count)
        self.position[order] = np.arange(len(order)) - np.repeat(start, count)
        self.members = np.split(order, start[1:]) if len(order) else []

    def __len__(self) -> int:
        return len(self.image_id)

    def video_id(self, index: int) -> str:
        """The folder of a frame's image, which names its video."""
        return self.file_name[index].decode().rpartition('/')[0]

    @property
    def videos(self) -> List[Tuple[str, np.ndarray]]:
        """Name of each video and the indices of its frames, in time."""
        return [(self.video_id(frames[0]), frames) for frames in self.members]

    def __getitem__(self, index: int) -> Dict:
        """One frame for MMPose's ``parse_data_info``, with its place in the
        video, see :class:`VideoCocoDataset`."""
        frames = self.members[self.group[index]]
        position = self.position[index]
        is_first = position == 0
        previous = -1 if is_first else self.frame_index[frames[position - 1]]
        width, height = self.image_size[index].tolist()
        image_id = int(self.image_id[index])
        return dict(
            raw_img_info=dict(
                id=image_id,
                file_name=self.file_name[index].decode(),
                width=width,
                height=height),
            raw_ann_info=dict(
                id=int(self.annotation_id[index]),
                image_id=image_id,
                category_id=1,
                keypoints=self.keypoints[index].ravel(),
                bbox=self.bbox[index].tolist()),
            video_id=self.video_id(index),
            frame_index=int(self.frame_index[index]),
            previous_frame_index=int(previous),
            is_first=bool(is_first),
            is_last=bool(position == len(frames) - 1),
            track_id=int(self.track_id[index]),
            bbox_size=self.bbox_size[index][None].copy())

    def select(self, indices: Union[int, Sequence[int]]) -> 'VideoFrames':
        """Some of the frames as data of their own: those of the indices, each
        once, or the first (positive) or last (negative) so many."""
        rows = np.arange(len(self))
        if isinstance(indices, (int, np.integer)):
            rows = rows[:indices] if indices >= 0 else rows[indices:]
        else:
            rows = rows[np.asarray(indices, dtype=np.int64)]
        return replace(
            self, **{
                field.name: getattr(self, field.name)[rows]
                for field in fields(self)
            })
