# Copyright (c) temporal_corr authors. All rights reserved.
import copy
import os
import os.path as osp
from dataclasses import replace
from typing import Any, Dict, List, Optional, Sequence, Tuple, Union

import numpy as np
from mmengine.dataset import force_full_init
from mmengine.fileio import exists
from mmpose.datasets.datasets import JhmdbDataset
from mmpose.registry import DATASETS

from ..video_io.images import picture_size
from .clip_transforms import ClipTransforms
from .crop_transforms import GetBBoxCenterFixedScale, GetCropCenterScale
from .named_keypoints import NamedKeypoints
from .video_annotations import load_video_frames
from .video_frames import VideoFrames


@DATASETS.register_module()
class VideoCocoDataset(NamedKeypoints, JhmdbDataset):
    """Frames of videos in time, one person each, alone or with exemplars.

    One item is one frame. In training with ``clip_len`` T > 1 it is a clip:
    T - 1 exemplar frames of the same video, oldest first, and the frame
    itself last. "Keypoint features are extracted randomly from one among ten
    frames that are temporally closest to the current frame" (the paper's
    implementation details): exemplar frames are drawn at each access with
    numpy's global generator, and are never the frame itself, unless the video
    has only this one.

    Reads any file of COCO's keypoints with the video fields of
    docs/data_preparation.md: coordinates count from 0 (``ORIGIN``, or
    ``info.coordinates`` of the file), and ``metainfo`` names the keypoints.

    An item has MMPose's keys and

        - ``video_id`` (str): folder of the frames, e.g. ``'frames/0001'``
        - ``frame_index`` (int): 0-based frame in the video
        - ``previous_frame_index`` (int): of the item before it in the video,
          -1 at the first
        - ``is_first``, ``is_last`` (bool): of the items of the video
        - ``track_id`` (int): the person in the video
        - ``bbox_size`` (np.ndarray): (1, 2) width and height of the released
          box, for PCK; zero where that box is degenerate and ``bbox`` is
          that of the nearest frame
        - ``crop_box`` (np.ndarray): (1, 4) x1, y1, x2, y2 of what is cropped,
          unless that is ``bbox``; with ``crop='frame'`` ``crop_padding``, 1

    A clip has, under each key, the list of the frames' values.

    Args:
        ann_file (str): Annotation file. Defaults to ''
        frame_stride (int): Keep every so many frames of each video, from the
            first (Fig. 3). Defaults to 1
        crop (str): What is cropped: ``'box'``, the box of the frame;
            ``'video'``, the union of the boxes of all kept frames of the
            video; or ``'frame'``, the whole frame, padded to the shape of
            the input (at a fixed scale it has to fit into the input). PCK
            and center maps go by the box in any case. Defaults to ``'box'``
        crop_shift (Sequence[float]): How far crops are moved to the right
            and down, as a share of the larger side of what is cropped.
            Defaults to (0, 0)
        clip_len (int): Frames T of a training item. The T - 1 exemplar
            frames are different ones as far as there are enough. Defaults
            to 1, the frame alone
        clip_sampling (str): ``'nearest'``: exemplar frames at random from
            ``exemplar_range``; ``'consecutive'``: the kept frames just
            before, for models trained through time, the first one repeated
            where the video begins. Defaults to ``'nearest'``
        exemplar_range (int): From how many temporally closest frames the
            exemplar frames are drawn. Defaults to 10
        check_files (bool): Whether to check, when loading, that the images
            exist, and the size of the first of each video. Defaults to
            ``True``
        metainfo (dict, optional): As MMPose's; names the keypoints of the
            items, see :class:`NamedKeypoints`. May also hold ``pck_groups``
            (body-part group to keypoint names) and ``eval_keypoints`` (names
            of the keypoints that are evaluated). Defaults to ``None``, the
            class's own; this class has none
        **kwargs: Other arguments of :class:`BaseCocoStyleDataset`, but those
            that would leave out frames.
    """

    METAINFO: dict = {}
    #: The coordinate of the first pixel in the annotation file.
    ORIGIN = 0

    def __init__(self,
                 ann_file: str = '',
                 frame_stride: int = 1,
                 crop: str = 'box',
                 crop_shift: Sequence[float] = (0, 0),
                 clip_len: int = 1,
                 clip_sampling: str = 'nearest',
                 exemplar_range: int = 10,
                 check_files: bool = True,
                 metainfo: Optional[dict] = None,
                 **kwargs):
        allowed = dict(
            clip_sampling=('nearest', 'consecutive'),
            crop=('box', 'video', 'frame'),
            # all others would leave frames of the videos out
            bbox_file=(None, ''),
            filter_cfg=(None, ),
            sample_interval=(1, ),
            data_mode=('topdown', ))
        given = dict(kwargs, clip_sampling=clip_sampling, crop=crop)
        for name, values in allowed.items():
            if given.get(name, values[0]) not in values:
                raise ValueError(f'{type(self).__name__} has {name}='
                                 f'{given[name]!r}: choose from {values}')
        if not (metainfo or self.METAINFO):
            raise ValueError(
                f'{type(self).__name__} needs metainfo, such as '
                "dict(from_file='configs/_base_/datasets/coco.py')")
        kwargs['serialize_data'] = False
        self.frame_stride = frame_stride
        self.crop = crop
        self.crop_shift = crop_shift
        self.clip_len = clip_len
        self.clip_sampling = clip_sampling
        self.exemplar_range = exemplar_range
        self.check_files = check_files
        super().__init__(ann_file=ann_file, metainfo=metainfo, **kwargs)
        steps = self.pipeline.transforms
        if clip_len > 1 and not self.test_mode and steps and not any(
                isinstance(step, ClipTransforms) for step in steps):
            raise TypeError(f'{type(self).__name__} has clip_len={clip_len}: '
                            'put the transforms of a frame into '
                            'ClipTransforms')

    def load_data_list(self) -> VideoFrames:
        """Load every ``frame_stride``-th frame of all videos."""
        columns = self.keypoint_columns()
        stored = self.stored_keypoints()
        frames = load_video_frames(self.ann_file, stored, self.ORIGIN)
        if self.frame_stride > 1:
            frames = frames.select(
                np.flatnonzero(frames.position % self.frame_stride == 0))
        if columns != list(range(len(stored))):
            frames = replace(
                frames,
                keypoints=self.pick_keypoints(frames.keypoints, columns))
        if self.check_files:
            self._check_files(frames)
        self._check_crop(frames.image_size.max(axis=0))
        return frames

    @force_full_init
    def shifted(self, crop_shift: Sequence[float]) -> 'VideoCocoDataset':
        """The same items in other crops; the annotations are shared."""
        dataset = copy.copy(self)
        dataset.crop_shift = crop_shift
        dataset._check_crop(self.data_list.image_size.max(axis=0))
        return dataset

    def _check_crop(self, image_size: np.ndarray) -> None:
        """Raise unless the pipeline makes the crops that are wanted."""
        if self.crop == 'box' and not any(self.crop_shift):
            return
        ours = (GetBBoxCenterFixedScale, GetCropCenterScale)
        steps = [
            step for outer in self.pipeline.transforms
            for step in (outer, *getattr(outer, 'transforms', ()))
        ]
        found = [step for step in steps if isinstance(step, ours)]
        if steps and not found:
            raise ValueError(
                f'{type(self).__name__} has crop={self.crop!r} and '
                f'crop_shift={self.crop_shift}, which the pipeline ignores: '
                'put GetCropCenterScale in the place of GetBBoxCenterScale')
        for step in found:
            scale = getattr(step, 'image_scale', None)
            if self.crop != 'frame' or scale is None:
                continue
            largest = np.min(np.divide(step.input_size, image_size))
            if scale > largest:
                raise ValueError(
                    f"{type(self).__name__} has crop='frame', and frames do "
                    'not fit into the input: set image_scale of '
                    'GetBBoxCenterFixedScale to at most '
                    f'{largest:.4g}, or a larger input_size')

    def _check_files(self, frames: VideoFrames) -> None:
        """Raise unless the images exist and the first of each video is as
        large as the file says."""
        for folder, items in frames.videos:
            root = self.data_prefix['img']
            names = [frames.file_name[item].decode() for item in items]
            try:
                there = set(os.listdir(osp.join(root, folder)))
            except OSError:  # no folder on this machine: look at both ends
                there, names = set(), [names[0], names[-1]]
            missing = [
                name for name in names if osp.basename(name) not in there
                and not exists(osp.join(root, name))
            ]
            if missing:
                raise FileNotFoundError(
                    f'There is no image {osp.join(root, missing[0])}, which '
                    f'{self.ann_file} names as {missing[0]} ({len(missing)} '
                    'such images of this video). Set data_root (and '
                    'data_prefix.img) to the folder that holds '
                    f'{missing[0].split("/")[0]}, or extract the frames')
            path = osp.join(root, names[0])
            size = tuple(frames.image_size[items[0]].tolist())
            found = picture_size(path) if osp.isfile(path) else size
            if found != size:
                raise ValueError(
                    f'{self.ann_file}: "width" and "height" of image '
                    f'{frames.image_id[items[0]]} are {size[0]}x{size[1]}, '
                    f'but {path} is {found[0]}x{found[1]} (turned as its '
                    'EXIF says). Use the pictures that were annotated, or '
                    'scale the annotations to these; Penn Action is to be '
                    'converted again now that its frames are there')

    def _get_unserialized_subset(self, indices: Union[Sequence[int],
                                                      int]) -> VideoFrames:
        return self.data_list.select(indices)

    @property
    def videos(self) -> List[Tuple[str, np.ndarray]]:
        """Name of each video and the indices of its items, in time."""
        if not self._fully_initialized:
            self.full_init()
        return self.data_list.videos

    def get_data_info(self, idx: int) -> dict:
        """The frame of an index, see the class."""
        frame = super().get_data_info(idx)
        frame.update(self.parse_data_info(frame))
        del frame['raw_ann_info'], frame['raw_img_info']
        if self.crop == 'video':
            frame['crop_box'] = self._union_box(idx)
        elif self.crop == 'frame':
            size = self.data_list.image_size[idx]
            frame['crop_box'] = np.float32([[0, 0, *size]])
            frame['crop_padding'] = 1.
        if any(self.crop_shift):
            box = frame.get('crop_box', frame['bbox'])
            side = (box[:, 2:] - box[:, :2]).max()
            frame['crop_box'] = box + side * np.tile(
                np.float32(self.crop_shift), 2)
        return frame

    def _union_box(self, idx: int) -> np.ndarray:
        """The union of the boxes of a frame's video, (1, 4)."""
        frames = self.data_list
        x1, y1, width, height = frames.bbox[frames.members[
            frames.group[idx]]].T
        # As of a box alone, counted from 0 and within the image.
        ends = np.array([[x1.min(), y1.min(), (x1 + width).max(),
                          (y1 + height).max()]]) - 1  # yapf: disable
        last = np.tile(frames.image_size[idx] - 1, 2)
        return ends.clip(0, last).astype(np.float32)

    def draw_clip(self, idx: int) -> List[int]:
        """Draw the indices of the frames of a training clip, the current one
        last."""
        frames = self.data_list
        items = frames.members[frames.group[idx]]
        position = frames.position[idx]
        if self.clip_sampling == 'consecutive':
            start = position - self.clip_len + 1
            places = np.arange(start, position + 1).clip(min=0)
            return items[places].tolist()
        # the window of exemplar_range + 1 frames closest to the current one,
        # shifted where it would leave the video
        size = min(self.exemplar_range, len(items) - 1)
        start = position - (self.exemplar_range + 1) // 2
        start = min(max(start, 0), len(items) - 1 - size)
        window = np.delete(items[start:start + size + 1], position - start)
        if len(window) == 0:
            window = items
        count = self.clip_len - 1
        drawn = np.random.choice(window, count, replace=count > len(window))
        drawn = drawn[np.argsort(frames.position[drawn], kind='stable')]
        return [*drawn.tolist(), idx]

    @force_full_init
    def prepare_data(self, idx: int) -> Any:
        """Pass a frame, or in training a clip, through the pipeline."""
        if self.test_mode or self.clip_len == 1:
            return super().prepare_data(idx)
        clip = [self.get_data_info(i) for i in self.draw_clip(idx)]
        results: Dict[str, list] = {
            key: [frame[key] for frame in clip]
            for key in clip[0]
        }
        results['dataset'] = [self] * len(clip)
        return self.pipeline(results)
