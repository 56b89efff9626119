# Copyright (c) temporal_corr authors. All rights reserved.
"""A trained model beside its test data set, video by video."""
import os.path as osp
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Iterator, List, Optional, Sequence, Tuple

import cv2
import numpy as np
import torch
from mmengine import fileio
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS
from mmpose.structures import PoseDataSample
from torch import nn

from ..engine.pose_model import load_pose_model
from ..video_io.images import decode_image


@dataclass
class VideoModel:
    """A model in evaluation mode and the data set that it is tested on.

    Attributes:
        model (nn.Module): The pose estimator.
        dataset: A data set of video frames, in test mode.
        name (str): What to call it in pictures.
    """
    model: nn.Module
    dataset: object
    name: str

    @property
    def video_ids(self) -> List[str]:
        """list[str]: The videos of the data set."""
        return [video_id for video_id, _ in self.dataset.videos]

    def items(self, video_id: str) -> np.ndarray:
        """Indices of the frames of a video in the data set, in time.

        Raises:
            ValueError: If there is no such video, naming similar ones.
        """
        videos = dict(self.dataset.videos)
        if video_id not in videos:
            similar = get_close_matches(video_id, videos, cutoff=0.3)
            some = similar or list(videos)[:5]
            raise ValueError(
                f'{self.dataset.ann_file} has no video "{video_id}". It has '
                f'{len(videos)}, among them {", ".join(some)}')
        return videos[video_id]


def load_video_model(config: str,
                     checkpoint: str,
                     device: str = 'cpu',
                     cfg_options: Optional[dict] = None,
                     name: Optional[str] = None) -> VideoModel:
    """Build the model and the test data set of a config.

    ``cfg_options`` override its settings. ``name`` is what to call it in
    pictures, by default the first two parts of the config's name, method and
    backbone. A TypeError if the data set is none of videos.
    """
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(cfg_options or {})
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    model = load_pose_model(cfg, checkpoint, device)
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    if not hasattr(dataset, 'videos'):
        raise TypeError(
            f'test_dataloader.dataset of {config} is a '
            f'{type(dataset).__name__}, which does not know videos: use '
            'SubJhmdbDataset or PennActionDataset')
    stem = osp.splitext(osp.basename(config))[0]
    name = name or ' '.join(stem.split('_')[:2])
    return VideoModel(model, dataset, name)


@torch.no_grad()
def stream_predictions(
    models: Sequence[VideoModel],
    video_id: str
) -> Iterator[Tuple[np.ndarray, List[PoseDataSample]]]:
    """Run models over a video, in order and from its first frame, as in test.

    Args:
        models (Sequence[VideoModel]): One or more models, tested on the same
            frames.
        video_id (str): The video.

    Yields:
        tuple: The image, RGB uint8 in shape (H, W, 3), and for each model
        the data sample with ``gt_instances`` and ``pred_instances`` in
        pixels of the image.

    Raises:
        ValueError: If there is no such video, or the models' data sets
            differ in its frames.
    """
    items = [model.items(video_id) for model in models]
    for model, rows in zip(models, items):
        if len(rows) != len(items[0]):
            raise ValueError(
                f'{models[0].name} and {model.name} are tested on '
                f'{len(items[0])} and {len(rows)} frames of video '
                f'"{video_id}": use configs with the same frame_stride and '
                'annotation file')
        # What an interrupted run of this video left would be out of order.
        if hasattr(model.model, 'memory'):
            model.model.memory.reset()
    for rows in zip(*items):
        samples = []
        for model, item in zip(models, rows):
            batch = pseudo_collate([model.dataset[int(item)]])
            samples += model.model.test_step(batch)
        paths = {sample.img_path for sample in samples}
        if len(paths) > 1:
            raise ValueError('the models are tested on different images: '
                             f'{sorted(paths)}')
        yield read_rgb(samples[0].img_path), samples


def read_rgb(path: str) -> np.ndarray:
    """Read an image as RGB uint8 in shape (H, W, 3)."""
    return cv2.cvtColor(decode_image(fileio.get(path)), cv2.COLOR_BGR2RGB)
