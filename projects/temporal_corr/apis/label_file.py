# Copyright (c) temporal_corr authors. All rights reserved.
"""Labelled frames of a video, from a file in COCO's format."""
import json
import os.path as osp
from typing import Dict, List, NamedTuple, Sequence

import numpy as np
from mmpose.structures.bbox import bbox_xywh2xyxy

from ..video_io.frame_source import FrameSource
from .person_boxes import pose_extents


class Label(NamedTuple):
    """The labelled keypoints of a person in a frame.

    Attributes:
        track_id (int): Who it is.
        keypoints (np.ndarray): In pixels, (K, 2), NaN for one that is not
            labelled.
        bbox (np.ndarray): Box x1, y1, x2, y2, (4, ).
    """
    track_id: int
    keypoints: np.ndarray
    bbox: np.ndarray


class LabelFile:
    """Labelled frames of a video, from COCO's format of keypoints.

    - ``images``: ``id``, and ``frame_index``, the frame, from 0, or
      ``file_name`` of an input that is a folder of images
    - ``annotations``: ``image_id``, ``keypoints`` (x, y, v for each; v = 0
      is not labelled), ``track_id`` (defaults to 0), ``bbox`` (x, y, w, h;
      defaults to the padded extent of the keypoints) and ``labelled``: where
      some annotations have it, those with ``false`` are left out
    - ``categories``: ``keypoints``, the names, which must be the model's

    :class:`CocoPoses` writes predictions like this, with ``labelled`` false
    for predictions, to be corrected, set to true, and fed back.

    Args:
        path (str): The file.
        source (FrameSource): The frames that it is about.
        names (Sequence[str]): Names of the K keypoints of the model.

    Attributes:
        frames (dict): Labels by frame, ascending.

    Raises:
        FileNotFoundError: If there is no such file.
        ValueError: If it is no such file, naming the entry and the field.
    """

    def __init__(self, path: str, source: FrameSource, names: Sequence[str]):
        self.path = path
        if source.kind == 'webcam':
            raise ValueError('a camera has no frames that are labelled '
                             'already: --prompt needs a recorded video')
        if not osp.isfile(path):
            raise FileNotFoundError(f'there is no file of labels {path}')
        try:
            with open(path, encoding='utf-8') as file:
                content = json.load(file)
            images, annotations = content['images'], content['annotations']
            given = content['categories'][0]['keypoints']
        except (ValueError, KeyError, TypeError, IndexError) as error:
            raise ValueError(
                f'{path} is no COCO file of keypoints with images, '
                f'annotations and categories ({error!r})') from error
        if list(given) != list(names):
            raise ValueError(
                f'{path}: categories[0].keypoints are {list(given)}, and '
                f'those of the model {list(names)}: put them in its order')
        numbers = self._numbers(images, source)
        frames: Dict[int, List[Label]] = {}
        for row, entry in enumerate(annotations):
            if not entry.get('labelled', True):
                continue
            where = f'{path}: annotations[{row}]'
            if entry.get('image_id') not in numbers:
                raise ValueError(f'{where}.image_id is '
                                 f'{entry.get("image_id")!r}, which no entry '
                                 'of images has as id')
            label = _read_label(entry, len(names), where)
            known = frames.setdefault(numbers[entry['image_id']], [])
            if label.track_id in [other.track_id for other in known]:
                raise ValueError(f'{where}.track_id is {label.track_id}, '
                                 'which this frame has already')
            known.append(label)
        if not frames:
            raise ValueError(f'{path} holds no label: set "labelled" to true '
                             'in the annotations that are to be trusted')
        self.frames = dict(sorted(frames.items()))

    def _numbers(self, images: List[dict], source: FrameSource) -> dict:
        """Frame by image id."""
        files = {osp.basename(n): i for i, n in enumerate(source.files)}
        numbers = {}
        for row, entry in enumerate(images):
            number = entry.get('frame_index')
            if number is None:
                number = files.get(osp.basename(str(entry.get('file_name'))))
            if not isinstance(number, int) or number < 0 or 'id' not in entry:
                raise ValueError(
                    f'{self.path}: images[{row}] needs id and frame_index '
                    '(from 0), or the file_name of an image of the input')
            numbers[entry['id']] = number
        return numbers


def _read_label(entry: dict, count: int, where: str) -> Label:
    """One annotation."""
    try:
        values = np.asarray(entry['keypoints'], dtype=np.float64)
        values = values.reshape(count, 3)
        track_id = int(entry.get('track_id', 0))
    except (KeyError, ValueError, TypeError) as error:
        raise ValueError(f'{where} needs keypoints, {count} times x, y, v, '
                         f'and an integer track_id ({error})') from error
    keypoints = np.where(values[:, 2:] > 0, values[:, :2], np.nan)
    if not np.isfinite(keypoints).all(axis=-1).any():
        raise ValueError(f'{where}.keypoints has no labelled keypoint, with '
                         'v > 0 and finite x, y: remove the entry')
    bbox = pose_extents(keypoints[None])[0]
    if entry.get('bbox') is not None:
        bbox = np.asarray(entry['bbox'], dtype=np.float32).reshape(-1)
        if bbox.shape != (4, ) or not np.isfinite(bbox).all() or (
                bbox[2:] <= 0).any():
            raise ValueError(f'{where}.bbox is {entry["bbox"]}; it must be '
                             'x, y, w, h in pixels with an area')
        bbox = bbox_xywh2xyxy(bbox[None])[0]
    return Label(track_id, keypoints, bbox)
