# Copyright (c) temporal_corr authors. All rights reserved.
"""Poses frame by frame, of everybody, while the video goes on."""
import copy
import sys
from functools import lru_cache
from pathlib import Path
from typing import Dict, List, Optional, Sequence, Tuple, Union

import cv2
import numpy as np
import torch
import yaml
from mmengine.config import Config
from mmengine.dataset import Compose, pseudo_collate
from mmengine.registry import DefaultScope
from mmpose.datasets.transforms import GetBBoxCenterScale
from mmpose.registry import DATASETS
from mmpose.structures import PoseDataSample

from ..engine.pose_model import load_pose_model
from ..models.track_memory import TrackMemory
from ..smoothing import StreamSmoother
from ..video_io.followed_person import FollowedPerson, People
from .coco_files import pose_extents

#: The model that runs where none is named.
DEFAULT_MODEL = 'movenet-lightning'
#: The one that follows labels where none is named.
LABELS_MODEL = 'movenet-lightning-labels'
#: Name of the one video of an inferencer in the model's memory.
VIDEO_ID = 'stream'
ROOT = Path(__file__).resolve().parents[3]


@lru_cache(maxsize=None)
def released_models() -> Dict[str, Tuple[str, str]]:
    """Paths of config and checkpoint of each released model by its name, the
    ``Alias`` in the model index."""
    index = ROOT / 'projects/temporal_corr/metafile.yml'
    models = yaml.safe_load(index.read_text(encoding='utf-8'))['Models']
    return {
        model['Alias']:
        (str(ROOT / model['Config']), str(ROOT / model['Weights']))
        for model in models if 'Alias' in model
    }


class VideoPoseInferencer:
    """Predicts the poses of the people of a video, one frame a call.

    Each person is told by a ``track_id`` and carries a value of their own
    from frame to frame: what the model's head remembers. A person who is
    not in a frame is waited for.

    The first call, and the first after :meth:`reset`, starts a shot; call
    ``reset`` at every cut. The first frame of a shot is told, never guessed:
    a model that goes on over a cut looks for the people of the other scene.

    A model without memory (``temporal=None``, or any top-down model of
    MMPose) predicts every frame alone.

    Args:
        config (str | Path | Config): Config of the model, or the name of a
            released one, such as ``'movenet-lightning'``. Its
            ``test_dataloader.dataset`` says how a frame is prepared
            (``pipeline``) and which keypoints there are (``metainfo``); no
            data are read. Defaults to :data:`DEFAULT_MODEL`.
        checkpoint (str, optional): Checkpoint of that model. Defaults to
            None, that of a released model, or random weights.
        device (str): Device to run on. Defaults to 'cpu'.
        cfg_options (dict, optional): Settings of the config to override.
            Defaults to None.
        max_age (int): For so many frames in a row a person may be missing
            and still be remembered; after more they start anew. Defaults to
            30, about a second.
        smoothing (dict, optional): How the keypoints that are returned are
            smoothed over time, such as ``dict(type='OneEuro', fps=25)``, see
            :class:`temporal_corr.smoothing.OneEuroFilter`. What the model
            remembers is never smoothed. Defaults to None, not at all.

    Example:

        >>> inferencer = VideoPoseInferencer('movenet-lightning')
        >>> for frame, boxes, track_ids in video:
        ...     samples = inferencer(frame, boxes, track_ids)
        ...     keypoints = [s.pred_instances.keypoints[0] for s in samples]
    """

    def __init__(self,
                 config: Union[str, Path, Config] = DEFAULT_MODEL,
                 checkpoint: Optional[str] = None,
                 device: str = 'cpu',
                 cfg_options: Optional[dict] = None,
                 max_age: int = 30,
                 smoothing: Optional[dict] = None):
        if max_age < 0:
            raise ValueError(f'max_age must be 0 or more frames, got '
                             f'{max_age}')
        if isinstance(config, str) and not Path(config).suffix:
            config, own = released_models().get(config, (config, None))
            checkpoint = checkpoint or own
        self.cfg = (
            copy.deepcopy(config)
            if isinstance(config, Config) else Config.fromfile(config))
        self.cfg.merge_from_dict(cfg_options or {})
        self.max_age = max_age
        self._smoother = smoothing and StreamSmoother(smoothing, max_age)
        self.model = load_pose_model(self.cfg, checkpoint, device)
        dataset = self.cfg.test_dataloader.dataset
        scope = self.cfg.get('default_scope', 'mmpose')
        with DefaultScope.overwrite_default_scope(scope):
            dataset_class = DATASETS.get(dataset.type)
            self.pipeline = Compose(dataset.pipeline)
        #: Metainfo of the data set: names of the keypoints, skeleton, colours.
        self.dataset_meta: dict = dataset_class._load_metainfo(
            dataset.get('metainfo'))
        self._temporal = getattr(self.model.head, 'temporal', None)
        # Bounded by max_age: nobody gives way while they are waited for. A
        # model of MMPose does not look at it.
        self._memory = self.model.memory = TrackMemory(sys.maxsize)
        self.reset()

    def reset(self) -> None:
        """Start a new shot: forget everybody, count frames from 0 again."""
        self._frame_index = 0
        self._followed = FollowedPerson(
            list(self.dataset_meta['keypoint_id2name'].values()),
            padding=self.box_padding)
        self._last_seen: Dict[int, int] = {}
        if self._smoother:
            self._smoother.reset()
        self._memory.reset()
        if self._temporal is not None:
            self.model.offline = self.model.offline and {}

    @property
    def box_padding(self) -> float:
        """float: How much larger than a box its crop is."""
        return next((step.padding for step in self.pipeline.transforms
                     if isinstance(step, GetBBoxCenterScale)), 1.)

    def take_back(self, track_ids: Sequence[int]) -> None:
        """Remember people of the last frame as they were before it.

        For predictions that are not to be trusted.
        """
        for track_id in track_ids:
            if not self._memory.restore(VIDEO_ID, track_id, self._before):
                self._last_seen.pop(track_id, None)

    @property
    def track_ids(self) -> List[int]:
        """list[int]: The people who are remembered, by when they were last
        seen, then by the order in that frame."""
        return list(self._last_seen)

    def __call__(
        self,
        frame: np.ndarray,
        bboxes: Optional[Sequence] = None,
        track_ids: Optional[Sequence[int]] = None,
        bbox_scores: Optional[Sequence[float]] = None
    ) -> List[PoseDataSample]:
        """Predict the N people of the next frame of the shot.

        Args:
            frame (np.ndarray): BGR uint8 in shape (H, W, 3), as OpenCV
                decodes it; BGRA (H, W, 4) and grey (H, W), (H, W, 1) are
                converted.
            bboxes (array-like, optional): Boxes of the people, x1, y1, x2,
                y2 in pixels, (N, 4); [] is nobody. Defaults to None, one
                person, who is found in the whole frame and then followed
                (:class:`FollowedPerson`).
            track_ids (array-like, optional): Who is in which box, N
                different integers. Defaults to None, 0 .. N - 1.
            bbox_scores (array-like, optional): Scores of the boxes, (N, ),
                handed on as they are. Defaults to None, ones.

        Returns:
            list[PoseDataSample]: One for each box, in their order, with
            ``pred_instances`` of one person: ``keypoints`` (1, K, 2) in
            pixels of the frame, ``keypoint_scores`` (1, K), ``bboxes``
            (1, 4), ``bbox_scores`` (1, ); and ``track_id`` and
            ``frame_index``, from 0 in the shot, in the metainfo.
            :func:`mmpose.structures.merge_data_samples` makes one of them.

        Raises:
            ValueError: If an argument cannot be used; the frame does not
                count.
        """
        image = as_bgr(frame)
        size, follow = image.shape[1::-1], bboxes is None
        if follow:
            bboxes = self._followed.box(size)[None]
        people = as_people(bboxes, track_ids, bbox_scores)
        samples: List[PoseDataSample] = []
        self._before = self._memory.entries()
        if people.track_ids:
            batch = self._prepare(image, people)
            with torch.no_grad():
                samples = self.model.test_step(batch)
        for track_id, sample in zip(people.track_ids, samples):
            sample.set_metainfo(
                dict(track_id=track_id, frame_index=self._frame_index))
            self._last_seen.pop(track_id, None)
            self._last_seen[track_id] = self._frame_index
        if follow:
            pose = samples[0].pred_instances
            if not self._followed.follow(pose.keypoints[0],
                                         pose.keypoint_scores[0], size):
                self.take_back(people.track_ids)
        if self._smoother:
            self._smoother(samples)
        self._frame_index += 1
        self._forget_old()
        return samples

    @torch.no_grad()
    def prompt(self,
               frame: np.ndarray,
               keypoints: np.ndarray,
               bboxes: Optional[Sequence] = None,
               track_ids: Optional[Sequence[int]] = None,
               frame_index: Optional[int] = None) -> None:
        """Label a frame of the shot: its keypoints become exemplars.

        From now on a person who has been labelled is guided by the label
        closest in time, before or after, and no longer by predictions. Any
        number of frames may be labelled, in any order, those of a recorded
        video before it is run through; :meth:`reset` forgets them.

        Args:
            frame (np.ndarray): The frame, as of a call.
            keypoints (np.ndarray): Labelled keypoints in pixels of the
                frame, (N, K, 2), NaN for one that is not labelled: it has
                no exemplar of this frame.
            bboxes (array-like, optional): Boxes of the people, x1, y1, x2,
                y2, (N, 4). Defaults to None, the padded extent of their
                keypoints.
            track_ids (array-like, optional): N different integers. Defaults
                to None, 0 .. N - 1.
            frame_index (int, optional): Number of the frame in the shot, from
                0. Defaults to None, the one that is predicted next.

        Raises:
            ValueError: If the model has no exemplars.
        """
        image = as_bgr(frame)
        points = np.asarray(keypoints, dtype=np.float64)
        points = points[None] if points.ndim == 2 else points
        count = len(self.dataset_meta['keypoint_id2name'])
        if (points.shape[1:] != (count, 2)
                or not np.isfinite(points).all(-1).any(-1).all()):
            raise ValueError(
                f'keypoints has the shape {points.shape}; it must be '
                f'(N, {count}, 2), x and y of the {count} keypoints of the '
                'model, NaN for one that is not labelled, and at least one '
                'that is of each person')
        people = as_people(
            pose_extents(points) if bboxes is None else bboxes, track_ids)
        if len(people.bboxes) != len(points):
            raise ValueError(f'keypoints are of {len(points)} people, bboxes '
                             f'of {len(people.bboxes)}')
        index = self._frame_index if frame_index is None else frame_index
        if 'offline' not in getattr(self._temporal, 'policies', ()):
            raise ValueError(
                'labels become exemplars, and this model '
                'has none: use one whose head has '
                "temporal=dict(type='ExemplarCorrelation')")
        batch = self._prepare(image, people, points, index)
        batch = self.model.data_preprocessor(batch, False)
        self.model.offline = self.model.offline or {}
        for row, exemplars in zip(*self.model.extract_exemplars(**batch)):
            self.model.offline.setdefault(row.key, {})[index] = exemplars

    def _prepare(self,
                 image: np.ndarray,
                 people: People,
                 keypoints: Optional[np.ndarray] = None,
                 frame_index: Optional[int] = None) -> dict:
        """What the pipeline makes of the people of a frame: a batch for
        ``test_step``. ``keypoints`` are labels in pixels, (N, K, 2), NaN for
        one that is not known, ``frame_index`` is the number of the frame, by
        default the next."""
        packed = []
        for row, (box, track_id, score) in enumerate(zip(*people)):
            labels = {}
            if keypoints is not None:
                known = np.isfinite(keypoints[row]).all(axis=-1)
                labels = dict(
                    keypoints=np.where(known[:, None], keypoints[row],
                                       0).astype(np.float32)[None],
                    keypoints_visible=known.astype(np.float32)[None])
            packed.append(
                self.pipeline(
                    dict(
                        self.dataset_meta,
                        **labels,
                        img=image,
                        img_path=None,
                        bbox=box[None],
                        bbox_score=score[None],
                        video_id=VIDEO_ID,
                        frame_index=self._frame_index
                        if frame_index is None else frame_index,
                        # A person may be missing in between.
                        previous_frame_index=None,
                        is_first=track_id not in self._last_seen,
                        is_last=False,
                        track_id=track_id)))
        fields = packed[0]['data_samples'].metainfo
        if self._temporal is not None and 'video_id' not in fields:
            raise ValueError(
                'the pipeline drops the video fields, so that nothing could '
                'be remembered: let test_dataloader.dataset.pipeline end '
                'with PackClipInputs')
        return pseudo_collate(packed)

    def _forget_old(self) -> None:
        """Forget who has been missing for more than ``max_age`` frames."""
        for track_id, last in list(self._last_seen.items()):
            # in the order in which they were last seen
            if self._frame_index - last - 1 <= self.max_age:
                break
            del self._last_seen[track_id]
            self._memory.forget(VIDEO_ID, track_id)


def as_bgr(frame: np.ndarray) -> np.ndarray:
    """A frame as the pipelines take it, BGR uint8 in shape (H, W, 3)."""
    shape = np.shape(frame)
    kind = getattr(frame, 'dtype', type(frame).__name__)
    channels = shape[2] if len(shape) == 3 else 1
    if (kind != np.uint8 or len(shape) not in (2, 3)
            or channels not in (1, 3, 4) or 0 in shape):
        raise ValueError(
            f'frame is of {kind} in the shape {shape}; it must be a numpy '
            'array of uint8, 0 to 255, as cv2.imread returns, channels last: '
            '(H, W), (H, W, 1), (H, W, 3) or (H, W, 4)')
    frame = np.ascontiguousarray(frame)
    if channels == 3:
        return frame
    return cv2.cvtColor(
        frame, cv2.COLOR_GRAY2BGR if channels == 1 else cv2.COLOR_BGRA2BGR)


def as_people(bboxes: Sequence,
              track_ids: Optional[Sequence[int]] = None,
              scores: Optional[Sequence[float]] = None) -> People:
    """The people of a frame, checked: boxes (N, 4); 0 .. N - 1 where nobody
    says who they are, ones where nobody says how sure that is."""
    boxes = np.asarray(bboxes, dtype=np.float32)
    boxes = boxes if boxes.size else boxes.reshape(0, 4)
    if boxes.ndim != 2 or boxes.shape[1] != 4:
        raise ValueError(
            f'bboxes has the shape {boxes.shape}; it must be (N, 4), x1, y1, '
            'x2, y2 in pixels (None: one person is found and followed, []: '
            'nobody). Scores go into bbox_scores')
    areas = np.isfinite(boxes).all(axis=1) & (boxes[:, 2:] >
                                              boxes[:, :2]).all(axis=1)
    if not areas.all():
        bad = np.flatnonzero(~areas)[0]
        raise ValueError(
            f'bboxes[{bad}] is {boxes[bad].tolist()}: boxes are x1, y1, x2, '
            'y2, finite and with an area (mmpose.structures.bbox.'
            'bbox_xywh2xyxy converts); leave others out')
    count = len(boxes)
    ids = np.arange(count) if track_ids is None else np.asarray(track_ids)
    if (ids.shape != (count, ) or len(np.unique(ids)) < count
            or not (ids % 1 == 0).all()):
        raise ValueError(f'track_ids are {ids.tolist()}: they must be {count} '
                         'different integers, one for each box')
    scores = np.ones(count) if scores is None else np.asarray(scores)
    if scores.shape != (count, ):
        raise ValueError(f'bbox_scores has the shape {scores.shape}, but '
                         f'there are {count} boxes: give one for each')
    return People(boxes, [int(value) for value in ids],
                  scores.astype(np.float32))
