# Copyright (c) temporal_corr authors. All rights reserved.
"""What is labelled in a video, what the model makes of it, and the file.

Poses are dictionaries, as :func:`coco_dataset` takes them and the page has
them.
"""
import copy
import hashlib
import os
import os.path as osp
import time
from pathlib import Path
from threading import Event, Lock, RLock, Thread
from typing import Dict, List, Optional

import cv2
import numpy as np
from mmpose.structures import PoseDataSample

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
#: JPEGs that are kept, and frames that are read before one that is gone back
#: to: a video is decoded from before it anyhow.
KEPT, BACK = 300, 15
#: The most accurate one with labels (docs/annotation.md).
SMOOTHING = dict(type='Whittaker')

Poses = Dict[int, Dict[int, dict]]  # by frame and track_id


class Conflict(Exception):
    """Somebody else changed the labels in the meantime."""


class Session:
    """The state behind the page, for several threads.

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
        self._lock, self._frame_lock = RLock(), Lock()
        self._reader = FrameReader(source)
        self.num_frames, told = self._reader.num_frames, source.num_frames or 0
        self.messages = [] if told <= self.num_frames else [
            f'the header of {source.path} announces {told} frames, and there '
            f'are {self.num_frames}'
        ]
        #: What a page is about, also after a restart.
        files = osp.abspath(source.path), osp.abspath(path)
        self.id = _hash([*files, source.size(0), self.num_frames])
        self._jpegs: Dict[int, bytes] = {}
        self._last_frame = 0
        self.labels: Poses = {}
        self.failure, self._written = '', None
        self._predicted: Poses = {}
        self._order: Dict[int, int] = {}  # of the predictions, by frame
        self._done, self._ended = 0, ''
        # Greater than before a restart; what a page has of before the first
        # number is no longer.
        self._first = self._count = round(1000 * time.time())
        self._thread, self._stop = None, Event()
        output_path(path, ('.json', ), [source.path, *source.files])
        if imported and osp.exists(path):
            raise ValueError(f'--out {path} is there already: leave --labels '
                             'out to go on with it, or name another file')
        if imported or osp.exists(path):
            self._read(imported or path)

    @property
    def revision(self) -> str:
        """str: Differs where labels do."""
        return _hash(self.labels)

    def _read(self, path: str) -> None:
        """Take the labels of a file; of the own one, all that is in it."""
        written, content, labels = _identity(self.path), read_json(path), {}
        info = content.get('info') if isinstance(content, dict) else None
        info = info if isinstance(info, dict) else {}
        count = info.get('num_frames', self.num_frames)
        if count != self.num_frames:
            raise ValueError(
                f'{path}: info.num_frames is {count}, and {self.source.path} '
                f'has {self.num_frames}: these are labels of another video; '
                'give that one as --input, or another file as --out')
        own = info.get('description') == DESCRIPTION
        if not own or content.get('annotations') != []:
            file = LabelFile(path, self.source, self.names)
            labels, self.messages = file.frames, self.messages + file.messages
        if path == self.path and not (own and len(content['annotations']) ==
                                      sum(map(len, labels.values()))):
            raise ValueError(
                f'{path} holds more than the labels of this page, which would '
                'be lost when it is saved: import it by --labels, and name '
                'another file by --out')
        self._written = written
        self.labels = {
            frame: {label.track_id: _of_label(label)
                    for label in row}
            for frame, row in labels.items()
        }

    def _changed(self) -> bool:
        """Whether another program wrote the file."""
        return _identity(self.path) not in (None, self._written)

    def save(self, rows: List[dict], revision: str) -> str:
        """Replace the labels of a revision by poses with ``frame`` and
        ``track_id``; returns the new revision.

        Raises:
            Conflict: If the labels or the file are others by now.
            OSError: If the file cannot be written. The labels are kept.
            ValueError: If a pose cannot be used.
        """
        labels: Poses = {}
        for row in sorted(rows, key=lambda row: row['frame']):
            people = labels.setdefault(row['frame'], {})
            people[row['track_id']] = self._label(row)
        with self._lock:
            if self._changed() or self.revision not in (revision,
                                                        _hash(labels)):
                raise Conflict(f'{self.path} was changed in another tab or '
                               'program')
            self.labels = labels
            try:
                with replacing(Path(self.path)) as temporary:
                    temporary.write_text(self.coco(), encoding='utf-8')
            except OSError as error:
                self.failure = f'{self.path} is NOT saved: {error.strerror}'
                raise OSError(self.failure) from error
            self.failure, self._written = '', _identity(self.path)
            return self.revision

    def _label(self, row: dict) -> dict:
        values = np.array(row['keypoints'], float)
        if row['frame'] >= self.num_frames:
            raise ValueError(f'there is no frame {row["frame"]}')
        if values.shape != (len(self.names), 3) or not values[:, 2].any():
            raise ValueError(f'frame {row["frame"]}: keypoints must be '
                             f'{len(self.names)}, one of them visible')
        seen = values[:, 2] > 0
        values[~seen] = 0
        box = box_of_pose(
            values[:, :2], seen, self.source.size(row['frame']), share=0.5)
        # Of a person who is hardly labelled the box says more.
        return _pose(values, row['bbox'] if box is None else box)

    def coco(self, predictions: bool = False) -> str:
        """The labels as COCO's keypoints, with or without the predictions of
        people who have none in a frame."""
        video = osp.relpath(self.source.path, osp.dirname(self.path) or '.')
        info = dict(
            description=DESCRIPTION, video=video, num_frames=self.num_frames)
        poses = self._poses(predictions)
        return dumps(
            dict(coco_dataset(self.source, self.meta, poses), info=info))

    def _poses(self, predictions: bool) -> Poses:
        """The labels, with or without predictions of others."""
        poses: Poses = {}
        with self._lock:
            for known in (self._predicted if predictions else {}, self.labels):
                for frame, row in known.items():
                    poses.setdefault(frame, {}).update(row)
        return dict(sorted(poses.items()))

    def describe(self) -> dict:
        """What a page begins with, the file as it is now."""
        with self._lock:
            if self._changed() and not self.failure:
                self._read(self.path)
            return dict(
                id=self.id,
                saved=osp.exists(self.path),
                name=osp.basename(osp.abspath(self.source.path)),
                file=osp.basename(self.path),
                num_frames=self.num_frames,
                fps=self.source.fps,
                names=self.names,
                flip=self.meta['flip_indices'],
                links=self.meta['skeleton_links'],
                link_colors=self.meta['skeleton_link_colors'],
                keypoint_colors=self.meta['keypoint_colors'],
                labels=_rows(self.labels),
                revision=self.revision,
                failure=self.failure,
                messages=self.messages)

    def frame(self, index: int) -> bytes:
        """A frame as JPEG. IndexError or ValueError where there is none."""
        with self._frame_lock:
            if index not in self._jpegs:
                back = index < self._last_frame and not self.source.files
                for i in range(max(index - BACK * back, 0), index + 1):
                    _, content = cv2.imencode('.jpg', self._reader.read(i),
                                              [cv2.IMWRITE_JPEG_QUALITY, 92])
                    self._jpegs[i] = content.tobytes()
            self._last_frame, content = index, self._jpegs[index]
            while len(self._jpegs) > KEPT:
                del self._jpegs[next(iter(self._jpegs))]
            return content

    def pose_in(self, index: int, bbox: List[float]) -> dict:
        """The pose of the person in a box of a frame, by that frame alone."""
        with self._frame_lock:
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
        with self._lock:
            for row in self._predicted.values():
                row.pop(identity, None)
            self._count += 1
            self._first = self._count

    def _follow(self) -> None:
        inferencer, source = self._inferencer, FrameSource(self.source.path)
        labels = {
            frame: [_as_label(identity, row[identity]) for identity in row]
            for frame, row in self.labels.items()
        }
        try:
            inferencer.reset()
            people = FollowedPerson(
                self.names, padding=inferencer.box_padding)
            if labels:
                people = LabelledPeople(labels)
                Prompts(labels, FrameSource(source.path)).show(
                    inferencer, 0, None)
            frames: List[List[PoseDataSample]] = []
            for frame in source:
                if self._stop.is_set():
                    break
                frames.append(
                    predict_frame(inferencer, people, frame, labels))
                self._keep(frame.index, frames[-1])
            smooth_recording(frames, build_smoother(SMOOTHING))
            for index, samples in enumerate(frames):
                self._keep(index, samples)
            self._ended = 'stopped' if self._stop.is_set() else '. '.join(
                source.report())
        except Exception as error:  # whatever it is, the page tells it
            self._ended = f'frame {self._done}: {error}'

    def _keep(self, index: int, samples: List[PoseDataSample]) -> None:
        with self._lock:
            self._count, self._done = self._count + 1, index + 1
            self._order[index] = self._count
            self._predicted.setdefault(index, {}).update(
                (sample.track_id, _of_prediction(sample))
                for sample in samples)

    def progress(self, since: int) -> dict:
        """How far it is, and what was predicted after number ``since``; all
        if some of what was there by then is ``gone``."""
        with self._lock:
            gone = since < self._first
            new = [i for i, n in self._order.items() if gone or n > since]
            return dict(
                running=bool(self._thread and self._thread.is_alive()),
                done=self._done,
                ended=self._ended,
                revision=self.revision,
                since=self._count,
                gone=gone,
                poses=_rows({i: self._predicted[i] for i in new}))

    def suggestion(self) -> dict:
        """The frame to label next, why, and the doubt of all frames."""
        poses = self._poses(True)
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


def _pose(values: np.ndarray, bbox: np.ndarray) -> dict:
    return dict(
        keypoints=values.round(2).tolist(),
        bbox=np.ravel(bbox)[:4].round(2).tolist())


def _of_prediction(sample: PoseDataSample) -> dict:
    pose = sample.pred_instances
    values = np.column_stack([pose.keypoints[0], pose.keypoint_scores[0]])
    return dict(_pose(values, pose.bboxes), score=float(values[:, 2].mean()))


def _of_label(label: Label) -> dict:
    points = np.nan_to_num(label.keypoints)
    return _pose(np.column_stack([points, label.visibility]), label.bbox)


def _as_label(identity: int, pose: dict) -> Label:
    values = np.array(pose['keypoints'])
    points = np.where(values[:, 2:] > 0, values[:, :2], np.nan)
    return Label(identity, points, np.float32(pose['bbox']))


def _rows(poses: Poses) -> List[dict]:
    return [
        dict(pose, frame=frame, track_id=identity)
        for frame, row in poses.items() for identity, pose in row.items()
    ]


def _hash(value) -> str:
    return hashlib.sha256(dumps(value).encode()).hexdigest()[:16]


def _identity(path: str) -> Optional[tuple]:
    """Differs when a file was replaced; None if there is none."""
    status = os.stat(path) if osp.exists(path) else None
    return status and (status.st_ino, status.st_mtime_ns)
