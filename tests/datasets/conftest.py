# Copyright (c) temporal_corr authors. All rights reserved.
"""Tiny data sets in the annotation format the data sets read."""
import json
from pathlib import Path
from typing import Callable

import cv2
import numpy as np
import pytest

from projects.temporal_corr.datasets import SubJhmdbDataset


def video_annotations(lengths, num_keypoints=15, published=False, seed=0):
    """COCO-style annotations of videos of random poses.

    ``published`` numbers the frames as MMPose's published files do.
    """
    rng = np.random.default_rng(seed)
    images, annotations = [], []
    for video, length in enumerate(lengths, start=1):
        for frame in range(1, length + 1):
            image_id = video * 10000 + frame
            images.append(
                dict(
                    id=image_id,
                    file_name=f'frames/clip{video}/{frame:05d}.png',
                    width=64,
                    height=48,
                    vid_id=f'{video:05d}' if published else video,
                    frame_id=image_id if published else frame,
                    nframes=length,
                    is_labeled=True))
            x1, y1 = rng.uniform(2, 20, 2).round(2).tolist()
            keypoints = np.full((num_keypoints, 3), 2.)
            keypoints[:, :2] = rng.uniform(5, 40, (num_keypoints, 2)).round(4)
            annotations.append(
                dict(
                    id=1000000000000 + image_id,
                    image_id=image_id,
                    category_id=1,
                    track_id=0,
                    keypoints=keypoints.ravel().tolist(),
                    num_keypoints=num_keypoints,
                    bbox=[x1, y1, 20.5, 24.],
                    area=1.,
                    iscrowd=0,
                    scores=[]))
    category = dict(id=1, name='person', keypoints=[], skeleton=[])
    return dict(images=images, annotations=annotations, categories=[category])


@pytest.fixture
def make_videos(tmp_path) -> Callable[..., Path]:
    """Writes videos: ``make_videos([3, 5])`` gives the path of their JSON.

    ``edit`` changes the annotations before they are written. Every image is
    noise of its own.
    """

    def make(lengths, edit=None, **kwargs) -> Path:
        data = video_annotations(lengths, **kwargs)
        rng = np.random.default_rng(1)
        for image in data['images']:
            path = tmp_path / image['file_name']
            path.parent.mkdir(parents=True, exist_ok=True)
            noise = rng.integers(0, 255, (48, 64, 3), dtype=np.uint8)
            cv2.imwrite(str(path), noise)
        if edit is not None:
            edit(data)
        ann_file = tmp_path / 'videos.json'
        ann_file.write_text(json.dumps(data))
        return ann_file

    return make


@pytest.fixture
def read(make_videos):
    """Reads an annotation file, or videos of these lengths, as sub-JHMDB."""

    def read(videos, dataset_type=SubJhmdbDataset, **kwargs):
        ann_file = make_videos(videos) if isinstance(videos, list) else videos
        return dataset_type(
            ann_file=str(ann_file), data_root=str(ann_file.parent), **kwargs)

    return read
