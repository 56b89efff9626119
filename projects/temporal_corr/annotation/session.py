# Copyright (c) temporal_corr authors. All rights reserved.
"""What is labelled in a video, what the model makes of it, and the file.

The page calls the methods of a session, and has poses in pairs:
``[[frame, [[track_id, pose], ...]], ...]``.
"""
import copy
import hashlib
import os.path as osp
import time
from pathlib import Path
from threading import Event, Thread
from typing import Dict, List, Literal, Optional, Tuple

import cv2
import numpy as np
from mmpose.structures import PoseDataSample
from pydantic import BaseModel, FiniteFloat, NonNegativeInt, validate_call

from ..apis import (FollowedPerson, FrameSource, Label, LabelFile,
                    LabelledPeople, Prompts, VideoPoseInferencer,
                    predict_frame)
from ..apis.outputs import coco_dataset
from ..datasets.coco_json import read_json
from ..label_suggestion import suggest_frame
from ..smoothing import build_smoother, smooth_recording
from ..video_io.followed_person import box_of_pose
from ..video_io.frame_reader import FrameReader
from ..video_io.output_files import dumps, output_path, replacing

#: ``info.description`` of a file that may be written again.
DESCRIPTION = 'labels of temporal_corr'
#: The most accurate one with labels (docs/annotation.md).
SMOOTHING = dict(type='Whittaker')

#: As :func:`coco_dataset` takes them, by frame and ``track_id``.
Poses = Dict[int, Dict[int, dict]]
Box = Tuple[FiniteFloat, FiniteFloat, FiniteFloat, FiniteFloat]


class Pose(BaseModel):
    """A label of the page, with COCO's visibility."""
    bbox: Box
    keypoints: List[Tuple[FiniteFloat, FiniteFloat, Literal[0, 1, 2]]]


class Session:
    """The state behind the page.

    One call at a time, beside the thread that follows: what is shared with it
    is replaced, not changed.

    Args:
        source (FrameSource): The video or folder.
        inferencer (VideoPoseInferencer): The model.
        path (str): The file of the labels, which is gone on with.
        imported (str, optional): Labels to begin with. Defaults to None.
    """

    def __init__(self,
                 source: FrameSource,
                 inferencer: VideoPoseInferencer,
                 path: str,
                 imported: Optional[str] = None):
        self.source, self.path = source, path
        self.meta = inferencer.dataset_meta
        self.names = list(self.meta['keypoint_id2name'].values())
        self._inferencer = inferencer
        self._single = copy.deepcopy(inferencer)  # for frames out of order
        self._reader = FrameReader(source)
        self.num_frames = self._reader.num_frames
        self.messages, self.failure = [], ''
        #: Of the page of this video and file, also after a restart.
        files = [osp.abspath(source.path), osp.abspath(path)]
        self.token = _hash(dumps([files, source.size(0), self.num_frames]))
        self.labels: Dict[int, List[Label]] = {}
        self._predicted: List[Dict[int, dict]] = [{}] * self.num_frames
        # The number of the last change, and of that of each frame: greater
        # than what a page has of before a restart.
        self._count = round(1000 * time.time())
        self._changes = np.full(self.num_frames, self._count)
        self._done, self._ended = 0, ''
        self._thread, self._stop = None, Event()
        output_path(path, ('.json', ), [source.path, *source.files])
        if imported and osp.exists(path):
            raise ValueError(f'--out {path} is there already: leave --labels '
                             'out to go on with it, or name another file')
        if imported or osp.exists(path):
            self._read(imported or path)

    def _read(self, path: str) -> None:
        """Take the labels of a file; of the own one, all that is in it."""
        content, labels = read_json(path), {}
        info = content.get('info') if isinstance(content, dict) else None
        own = isinstance(info, dict) and info.get('description') == DESCRIPTION
        if own and info.get('num_frames') != self.num_frames:
            raise ValueError(
                f'{path}: info.num_frames is {info.get("num_frames")}, and '
                f'{self.source.path} has {self.num_frames}: these are labels '
                'of another video; give that one as --input, or another file '
                'as --out')
        if not own or content.get('annotations') != []:
            file = LabelFile(path, self.source, self.names)
            labels, self.messages = file.frames, file.messages
        if path == self.path and not (own and len(content['annotations']) ==
                                      sum(map(len, labels.values()))):
            raise ValueError(
                f'{path} holds more than the labels of this page, which would '
                'be lost when it is saved: import it by --labels, and name '
                'another file by --out')
        self.labels = labels

    @property
    def revision(self) -> str:
        """str: Of the file; another one if anybody changes it."""
        if not osp.exists(self.path):
            return ''
        return _hash(Path(self.path).read_text(encoding='utf-8'))

    @validate_call
    def save(self, poses: List[Tuple[int, List[Tuple[NonNegativeInt, Pose]]]],
             revision: str) -> str:
        """Replace the labels of a revision; returns the new one.

        Raises:
            FileExistsError: If the file is another one by now.
            OSError: If the file cannot be written.
            ValueError: If a pose cannot be used.
        """
        labels = {
            frame: [self._label(frame, *person) for person in people]
            for frame, people in sorted(poses)
        }
        text = self.coco(_dicts(labels))
        if self.revision not in (revision, _hash(text)):
            raise FileExistsError(f'{self.path} was changed in another tab or '
                                  'program')
        try:
            with replacing(Path(self.path)) as temporary:
                temporary.write_text(text, encoding='utf-8')
        except OSError as error:
            self.failure = f'{self.path} is NOT saved: {error.strerror}'
            raise OSError(self.failure) from error
        self.labels, self.failure = labels, ''
        return _hash(text)

    def _label(self, frame: int, identity: int, pose: Pose) -> Label:
        values = np.array(pose.keypoints)
        if (frame not in range(self.num_frames) or not values[..., 2:].any()
                or values.shape != (len(self.names), 3)):
            raise ValueError(f'frame {frame} of {self.num_frames}: keypoints '
                             f'must be {len(self.names)}, one of them visible')
        seen = values[:, 2] > 0
        points = np.where(seen[:, None], values[:, :2], np.nan)
        box = box_of_pose(points, seen, self.source.size(frame), share=0.5)
        # Of a person who is hardly labelled the box says more.
        box = np.float32(pose.bbox if box is None else box).round(2)
        return Label(identity, points, box, values[:, 2])

    def coco(self, poses: Poses) -> str:
        """Poses as COCO's keypoints."""
        video = osp.relpath(self.source.path, osp.dirname(self.path) or '.')
        info = dict(
            description=DESCRIPTION, video=video, num_frames=self.num_frames)
        return dumps(
            dict(coco_dataset(self.source, self.meta, poses), info=info))

    def poses(self, predictions: bool = True) -> Poses:
        """The labels, with or without the predictions of people who have none
        in a frame."""
        labels = _dicts(self.labels)
        return {
            frame: {**(row if predictions else {}), **labels.get(frame, {})}
            for frame, row in enumerate(self._predicted)
            if row and predictions or frame in labels
        }

    def describe(self) -> dict:
        """What a page begins with, the file as it is now."""
        if osp.exists(self.path):
            self._read(self.path)
        return dict(
            self.meta,
            name=osp.basename(osp.abspath(self.source.path)),
            file=osp.basename(self.path),
            num_frames=self.num_frames,
            fps=self.source.fps,
            names=self.names,
            labels=[(frame, list(row.items()))
                    for frame, row in _dicts(self.labels).items()],
            revision=self.revision,
            messages=self.messages)

    def frame(self, index: int) -> bytes:
        """A frame as JPEG. IndexError or ValueError where there is none."""
        image = self._reader.read(index)
        _, content = cv2.imencode('.jpg', image,
                                  [cv2.IMWRITE_JPEG_QUALITY, 92])
        return content.tobytes()

    @validate_call
    def pose_in(self, index: NonNegativeInt, bbox: Box) -> dict:
        """The pose of the person in a box of a frame, by that frame alone."""
        self._single.reset()
        sample, = self._single(self._reader.read(index), [bbox])
        return _of_prediction(sample)

    def follow(self) -> None:
        """Begin to predict all frames, guided by the labels: the people who
        are labelled, or one person; predictions of others stay."""
        self.stop()
        self._stop.clear()
        self._done, self._ended = 0, ''
        self._thread = Thread(target=self._follow, daemon=True)
        self._thread.start()

    def stop(self) -> None:
        """Stop predicting; what is predicted stays."""
        self._stop.set()
        if self._thread:
            self._thread.join()

    def remove(self, identity: int) -> None:
        """Forget what is predicted of a person."""
        self.stop()
        for frame, row in enumerate(self._predicted):
            self._set(frame, {i: row[i] for i in row if i != identity})

    def _follow(self) -> None:
        inferencer, source = self._inferencer, FrameSource(self.source.path)
        labels = self.labels
        people = LabelledPeople(labels) if labels else FollowedPerson(
            self.names, padding=inferencer.box_padding)
        frames: List[List[PoseDataSample]] = []
        try:
            inferencer.reset()
            Prompts(labels, FrameSource(source.path)).show(inferencer, 0, None)
            for frame in source:
                if self._stop.is_set():
                    break
                frames.append(
                    predict_frame(inferencer, people, frame, labels))
                self._keep(frame.index, frames[-1])
            else:
                self._ended = '. '.join(source.report())
            smooth_recording(frames, build_smoother(SMOOTHING))
            for index, samples in enumerate(frames):
                self._keep(index, samples)
        except Exception as error:  # whatever it is, the page tells it
            self._ended = f'frame {self._done}: {error}'

    def _keep(self, frame: int, samples: List[PoseDataSample]) -> None:
        found = {sample.track_id: _of_prediction(sample) for sample in samples}
        self._set(frame, {**self._predicted[frame], **found})
        self._done = frame + 1

    def _set(self, frame: int, row: Dict[int, dict]) -> None:
        self._predicted[frame] = row
        self._changes[frame] = self._count + 1
        self._count += 1

    def progress(self, since: int) -> dict:
        """How far it is, and the frames whose predictions were changed after
        number ``since``."""
        return dict(
            running=bool(self._thread and self._thread.is_alive()),
            done=self._done,
            ended=self._ended,
            revision=self.revision,
            since=self._count,
            poses=[(frame, list(self._predicted[frame].items()))
                   for frame in np.flatnonzero(self._changes > since)])

    def suggestion(self) -> dict:
        """The frame to label next, why, and the doubt of all frames."""
        poses = self.poses()
        doubt, best = np.zeros(self.num_frames), dict(total=0)
        for identity in {i for row in poses.values() for i in row}:
            scores = np.full((self.num_frames, len(self.names)), np.nan)
            known = np.zeros(self.num_frames, bool)
            for frame in [i for i, row in poses.items() if identity in row]:
                pose = poses[frame][identity]
                scores[frame] = np.array(pose['keypoints'])[:, 2]
                known[frame] = 'score' not in pose
            found = suggest_frame(scores, known, self.names)
            doubt = np.maximum(doubt, found.doubt)
            if found.frame is not None and found.doubt.sum() >= best['total']:
                best = dict(found._asdict(), total=found.doubt.sum(),
                            track_id=identity)  # yapf: disable
        return dict(best, doubt=doubt.round(3))


def _pose(points: np.ndarray, last: np.ndarray, bbox: np.ndarray) -> dict:
    values = np.nan_to_num(np.column_stack([points, last])).round(2)
    return dict(
        keypoints=values.tolist(), bbox=np.ravel(bbox)[:4].round(2).tolist())


def _of_prediction(sample: PoseDataSample) -> dict:
    pose, scores = sample.pred_instances, sample.pred_instances.keypoint_scores
    found = _pose(pose.keypoints[0], scores[0], pose.bboxes)
    return dict(found, score=float(scores.mean()))


def _dicts(labels: Dict[int, List[Label]]) -> Poses:
    return {
        frame: {
            label.track_id: _pose(label.keypoints, label.visibility,
                                  label.bbox)
            for label in row
        }
        for frame, row in labels.items()
    }


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
