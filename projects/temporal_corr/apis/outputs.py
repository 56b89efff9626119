# Copyright (c) temporal_corr authors. All rights reserved.
"""Where the poses of a video go: pictures, a window, and JSON files."""
import os.path as osp
from contextlib import ExitStack
from dataclasses import dataclass
from typing import Dict, List, Optional, Sequence

import cv2
import numpy as np
from mmengine.visualization.utils import convert_overlay_heatmap
from mmpose.structures import (PoseDataSample, merge_data_samples,
                               split_instances)

from ..video_io.frame_source import FrameSource
from ..video_io.output_files import (ListFile, SameSize, VideoFile, dumps,
                                     output_path, save_image)
from ..video_io.poses import draw_poses
from ..video_io.window import can_open_windows
from .coco_files import Label

ESC = 27
#: RGB colours of boxes, by identity: neighbours differ.
COLORS = ((230, 80, 60), (60, 150, 240), (250, 200, 50), (80, 200, 120),
          (180, 100, 220), (240, 140, 190), (120, 220, 230), (200, 160, 110))


@dataclass
class FramePainter:
    """Draws poses, and boxes in colours of people.

    All pictures that it makes have the size of the first, made even, as
    videos need it.

    Args:
        dataset_meta (dict): Metainfo of the data set.
        radius (int): Radius of a keypoint in pixels.
        thickness (int): Width of a limb or box in pixels.
        kpt_thr (float): Least score of a keypoint that is drawn.
        draw_bbox (bool): Whether to draw the boxes with the ``track_id``.
        draw_heatmap (bool): Whether to put the heatmaps, the largest over
            the keypoints, below; needs ``pred_fields``.
    """

    dataset_meta: dict
    radius: int = 3
    thickness: int = 1
    kpt_thr: float = 0.3
    draw_bbox: bool = False
    draw_heatmap: bool = False

    def __post_init__(self):
        self._fit = SameSize()

    def __call__(self, image: np.ndarray,
                 samples: Sequence[PoseDataSample]) -> np.ndarray:
        """Draw the people of a frame, BGR uint8 in shape (H, W, 3).

        Returns:
            np.ndarray: RGB uint8 in shape (H', W', 3), both even, the same
            for all frames; twice as high with heatmaps.
        """
        drawn = below = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        if samples:
            # brings the heatmaps back into the image
            people = merge_data_samples(list(samples))
            poses = people.pred_instances
            drawn = draw_poses(drawn, poses.keypoints, self.dataset_meta,
                               poses.keypoint_scores >= self.kpt_thr,
                               self.radius, self.thickness)
            if self.draw_heatmap:
                heatmap = np.asarray(people.pred_fields.heatmaps).max(axis=0)
                below = convert_overlay_heatmap(heatmap, below, 0.5)
        for sample in samples:
            self._draw_box(drawn, sample)
        if self.draw_heatmap:
            drawn = np.concatenate([drawn, below])
        return self._fit(drawn)

    def _draw_box(self, image: np.ndarray, sample: PoseDataSample) -> None:
        """The box of a person, and who it is, below, away from the face."""
        box = np.clip(sample.pred_instances.bboxes[0], -1e4, 1e4)
        color = COLORS[sample.track_id % len(COLORS)]
        words = ['labelled'] if 'labelled' in sample else []
        if self.draw_bbox:
            words.insert(0, str(sample.track_id))
            x1, y1, x2, y2 = box.round().astype(int).tolist()
            cv2.rectangle(image, (x1, y1), (x2, y2), color, self.thickness)
        height, width = image.shape[:2]
        text, font = ' '.join(words), cv2.FONT_HERSHEY_SIMPLEX
        scale = max(0.4, height / 900)
        (length, size), _ = cv2.getTextSize(text, font, scale, 3)
        place = (round(max(min(box[0], width - length), 3)),
                 round(max(min(box[3] + 1.5 * size, height - 4), size)))
        for ink, bold in (((0, 0, 0), 3), (color, 1)):
            cv2.putText(image, text, place, font, scale, ink, bold,
                        cv2.LINE_AA)


class PoseFile(ListFile):
    """The predictions of a video in MMPose's format, frame by frame.

    ``meta_info`` is the metainfo of the data set, ``instance_info`` a list
    with one entry a frame: ``frame_id``, from 0, and ``instances``, those of
    MMPose's :func:`split_instances` and, beyond, ``track_id`` and, where
    keypoints are labels, not predictions, ``labelled``, which of them.
    """

    def __init__(self, path: str, dataset_meta: dict):
        super().__init__(
            path, f'{{"meta_info": {dumps(dataset_meta)},\n"instance_info": [')

    def write(self, samples: Sequence[PoseDataSample]) -> None:
        """Add the people of the next frame."""
        instances = []
        for sample in samples:
            instance, = split_instances(sample.pred_instances)
            for name in ('track_id', 'labelled'):
                if name in sample:
                    instance[name] = sample.get(name)
            instances.append(instance)
        self.append(dict(frame_id=self.num_entries, instances=instances))


def coco_person(number: int, image_id: int, track_id: int, points: np.ndarray,
                visibility: np.ndarray, bbox: np.ndarray, labelled: bool,
                scores: np.ndarray) -> dict:
    """An annotation of COCO: keypoints (K, 2) in pixels, their visibility and
    scores (K, ), box x1, y1, x2, y2, and whether it is a label."""
    x1, y1, x2, y2 = (float(v) for v in bbox)
    keypoints = np.column_stack([points.round(2), visibility])
    return dict(
        id=number,
        image_id=image_id,
        category_id=1,
        track_id=track_id,
        keypoints=keypoints.ravel().tolist(),
        keypoint_scores=scores.round(4).tolist(),
        num_keypoints=int((visibility > 0).sum()),
        bbox=[x1, y1, x2 - x1, y2 - y1],
        area=(x2 - x1) * (y2 - y1),
        iscrowd=0,
        labelled=labelled)


def coco_category(dataset_meta: dict) -> dict:
    """The category of the people in :func:`coco_person`."""
    return dict(
        id=1,
        name='person',
        keypoints=list(dataset_meta['keypoint_id2name'].values()),
        # as COCO counts
        skeleton=np.array(dataset_meta['skeleton_links']) + 1)


def coco_dataset(source: FrameSource, dataset_meta: dict,
                 poses: Dict[int, Dict[int, dict]]) -> dict:
    """COCO's format of keypoints, with names of frames as CVAT gives them.

    ``poses`` by frame and ``track_id`` hold ``bbox`` (x1, y1, x2, y2) and
    ``keypoints``, K rows of x, y in pixels and the visibility of a label; of
    a prediction the score, and ``score``, their mean.
    """
    images, people = [], []
    for frame, row in poses.items():
        width, height = source.size(frame) or (0, 0)
        name = f'{source.stem}/frame_{frame:06d}.png'
        if source.files:
            name = osp.basename(source.files[frame])
        images.append(
            dict(id=frame + 1, frame_index=frame, file_name=name, width=width,
                 height=height))  # yapf: disable
        for track_id, pose in row.items():
            values, labelled = np.array(pose['keypoints']), 'score' not in pose
            visibility = values[:, 2] if labelled else np.full(len(values), 2)
            person = coco_person(
                len(people) + 1, frame + 1, track_id, values[:, :2],
                visibility, pose['bbox'], labelled, values[:, 2].clip(0, 1))
            # of what is not COCO's, CVAT reads attributes alone
            people.append(dict(person, attributes=dict(track_id=track_id)))
    return dict(
        images=images,
        annotations=people,
        categories=[coco_category(dataset_meta)])


class CocoPoses(ListFile):
    """The poses of a video as COCO's keypoints, to be corrected and fed back.

    All labels stand in it as they were given, with ``labelled`` true, of
    people and frames without a pose, too.
    """

    def __init__(self,
                 path: str,
                 source: FrameSource,
                 dataset_meta: dict,
                 labels: Optional[Dict[int, List[Label]]] = None):
        super().__init__(path, '{"annotations": [')
        self._source, self._meta = source, dataset_meta
        self._labels = labels or {}
        self._images: List[dict] = []

    def write(self, image: np.ndarray,
              samples: Sequence[PoseDataSample]) -> None:
        """Add the next frame, in shape (H, W, 3), and the people in it."""
        index = len(self._images)
        self._add_image(index, image.shape[1::-1])
        for sample in samples:
            pose = sample.pred_instances
            self._add(index, sample.track_id,
                      np.asarray(pose.keypoints[0], np.float64),
                      np.asarray(pose.keypoint_scores[0], np.float64),
                      np.ravel(pose.bboxes)[:4], sample.get('labelled'))
        self._add_labels(index, [sample.track_id for sample in samples])

    def _add_image(self, index: int, size: Sequence[int] = ()) -> None:
        source = self._source
        name = f'{source.stem}/{index}'
        if source.files:
            name = osp.basename(source.files[index])
        self._images.append(
            dict(
                id=index + 1,
                frame_index=index,
                file_name=name,
                vid_id=1,
                frame_id=index + 1,
                **dict(zip(('width', 'height'), size))))

    def _add_labels(self, index: int, track_ids: Sequence[int] = ()) -> None:
        """The labels of a frame whose people were not looked for there."""
        for label in self._labels.get(index, ()):
            if label.track_id not in track_ids:
                known = np.isfinite(label.keypoints).all(axis=-1)
                self._add(index, label.track_id,
                          np.where(known[:, None], label.keypoints, 0),
                          known.astype(float), label.bbox, known)

    def _add(self, index: int, track_id: int, points: np.ndarray,
             scores: np.ndarray, bbox: np.ndarray,
             labelled: Optional[np.ndarray]) -> None:
        # What a label leaves open is not said by it.
        known = np.full(len(points), True) if labelled is None else labelled
        self.append(
            coco_person(self.num_entries + 1, index + 1, track_id, points,
                        2 * known, bbox, labelled is not None, scores))

    def after(self) -> str:
        """JSON from the last annotation on."""
        written = len(self._images)
        for index in self._labels:
            if index >= written:  # it ended before
                self._add_image(index)
                self._add_labels(index)
        for image in self._images:
            image['nframes'] = len(self._images)
        return (f'\n],\n"images": {dumps(self._images)},\n'
                f'"categories": {dumps([coco_category(self._meta)])}}}\n')


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
        vis_out_dir (str, optional): Folder of the video or picture.
        pred_out_dir (str, optional): Folder of the predictions.
        show (bool): Whether to show the pictures in a window.
        inputs (Sequence[str]): Files, beside the input, that STEM.json must
            not replace.
        labels (dict, optional): Labels by frame.

    Attributes:
        files (list[str]): What is written, marked where an older file is
            replaced.
        num_frames (int): Frames written so far.
        num_keypoints (int): Keypoints of the people in them.
        num_confident (int): Those with the score with which they are drawn.
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
        self.files: List[str] = []
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
        self.files.append(path + ' (replaced)' * osp.exists(path))
        return path

    def write(self, image: np.ndarray,
              samples: Sequence[PoseDataSample]) -> bool:
        """Write and show a frame, BGR uint8, and the people in it.

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
