# Copyright (c) temporal_corr authors. All rights reserved.
import os.path as osp
from contextlib import ExitStack
from typing import Dict, List, Optional, Sequence

import cv2
import numpy as np
from mmpose.structures import PoseDataSample

from ..video_io.frame_source import FrameSource
from ..video_io.output_files import VideoFile, output_path, save_image
from ..video_io.window import can_open_windows
from .coco_poses import CocoPoses
from .frame_painter import FramePainter
from .label_file import Label
from .pose_json import PoseFile

ESC = 27


class VideoOutputs(ExitStack):
    """The files and the window that the poses of a video go to.

    A context manager. Files are named after the input and appear when they
    are complete: STEM.mp4, for a single image STEM.png, and, of the
    predictions, STEM.json (:class:`PoseFile`) and STEM_coco.json
    (:class:`CocoPoses`).

    Args:
        source (FrameSource): The input.
        painter (FramePainter): Draws the poses.
        dataset_meta (dict): Metainfo of the data set.
        vis_out_dir (str, optional): Folder of the video or picture. Defaults
            to None, neither.
        pred_out_dir (str, optional): Folder of the predictions. Defaults to
            None, no file.
        show (bool): Whether to show the pictures in a window. Defaults to
            False.
        inputs (Sequence[str]): Files, beside the input, that STEM.json must
            not replace. Defaults to none.
        labels (dict, optional): Labels by frame. Defaults to None.

    Attributes:
        num_frames (int): Frames written so far.
        num_keypoints (int): Keypoints of the people in them.
        num_confident (int): Those with the score with which they are drawn.

    Raises:
        ValueError: If a file would replace the input.
    """

    def __init__(self,
                 source: FrameSource,
                 painter: FramePainter,
                 dataset_meta: dict,
                 vis_out_dir: Optional[str] = None,
                 pred_out_dir: Optional[str] = None,
                 show: bool = False,
                 inputs: Sequence[str] = (),
                 labels: Optional[Dict[int, List[Label]]] = None):
        super().__init__()
        self.num_frames = self.num_keypoints = self.num_confident = 0
        self.painter = painter
        self.window = source.stem if show and can_open_windows() else None
        self.picture = self.video = self.poses = self.coco = None
        self._existed: List[str] = []
        if vis_out_dir and source.kind == 'image':
            self.picture = self._path(vis_out_dir, source, '.png')
        elif vis_out_dir:
            path = self._path(vis_out_dir, source, '.mp4')
            self.video = self.enter_context(VideoFile(path, source.fps))
        if pred_out_dir:
            path = self._path(pred_out_dir, source, '.json', inputs)
            self.poses = self.enter_context(PoseFile(path, dataset_meta))
            path = self._path(pred_out_dir, source, '_coco.json')
            self.coco = self.enter_context(
                CocoPoses(path, source, dataset_meta, labels))

    def _path(self,
              folder: str,
              source: FrameSource,
              suffix: str,
              inputs: Sequence[str] = ()) -> str:
        path = osp.join(folder, source.stem + suffix)
        output_path(path, (osp.splitext(path)[1], ),
                    [source.path, *source.files, *inputs])
        if osp.exists(path):
            self._existed.append(path)
        return path

    def write(self, image: np.ndarray,
              samples: Sequence[PoseDataSample]) -> bool:
        """Write and show a frame.

        Args:
            image (np.ndarray): BGR uint8 in shape (H, W, 3).
            samples (Sequence[PoseDataSample]): The people in it.

        Returns:
            bool: Whether to go on; False after ESC in the window.
        """
        drawn = None
        if self.video or self.picture or self.window:
            drawn = self.painter(image, samples)
        if self.poses:  # first, as it refuses what is not finite
            self.poses.write(samples)
        if self.video:
            self.video.write(drawn)
        if self.picture:
            save_image(drawn, self.picture)
        if self.coco:
            self.coco.write(image, samples)
        self.num_frames += 1
        for sample in samples:
            scores = sample.pred_instances.keypoint_scores
            self.num_keypoints += scores.size
            self.num_confident += int((scores >= self.painter.kpt_thr).sum())
        return not self.window or self._show(drawn)

    def _show(self, drawn: np.ndarray) -> bool:
        try:
            cv2.imshow(self.window, cv2.cvtColor(drawn, cv2.COLOR_RGB2BGR))
            return cv2.waitKey(1) & 0xFF != ESC
        except cv2.error as error:
            print(f'\nNo window can be opened here ({error.err}): going on '
                  'without --show')
            self.window = None
        return True

    def describe(self) -> List[str]:
        """The files, one a line, once this is closed.

        Returns:
            list[str]: Paths, marked where an older file was replaced.
        """
        written = (self.video, self.poses, self.coco)
        files = [str(file.path) for file in written if file]
        return [
            path + (' (replaced)' if path in self._existed else '')
            for path in files + ([self.picture] if self.picture else [])
        ]
