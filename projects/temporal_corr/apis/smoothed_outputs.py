# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Dict, List, Sequence

import numpy as np
from mmpose.structures import PoseDataSample

from ..smoothing import build_smoother
from ..video_io.frame_source import FrameSource
from ..video_io.interruption import Interruption
from .stream_smoother import StreamSmoother, set_keypoints
from .video_outputs import VideoOutputs


class SmoothedOutputs:
    """Outputs that get smoothed poses; stands in front of the real ones.

    One-Euro smooths each frame as it comes. Others need the frames to come:
    the keypoints (no pictures, no heatmaps) are kept until :meth:`finish`
    smooths them and goes through the input once more. What is not to be moved
    are the keypoints that ``labelled`` in the metainfo of a sample names.

    Args:
        outputs (VideoOutputs): Get the frames.
        source (FrameSource): The input.
        smoothing (dict): See :func:`temporal_corr.smoothing.build_smoother`.
            One-Euro is told the frames per second of the input.
        max_age (int): As of the inferencer. Defaults to 30.

    Raises:
        ValueError: If the smoothing cannot be used with this input.
    """

    def __init__(self,
                 outputs: VideoOutputs,
                 source: FrameSource,
                 smoothing: dict,
                 max_age: int = 30):
        self.outputs = outputs
        self._source = source
        self._stream = self._smoother = None
        self._start = 0
        self._kept: List[List[PoseDataSample]] = []
        if smoothing.get('type') == 'OneEuro':
            self._stream = StreamSmoother(
                {'fps': source.fps, **smoothing}, max_age)
            return
        self._smoother = build_smoother(smoothing)
        if source.kind == 'webcam':
            raise ValueError(
                f'smoothing by {smoothing["type"]} needs the frames to come, '
                f'and {source.path} goes on: use One-Euro')

    @property
    def num_frames(self) -> int:
        """int: Frames taken so far."""
        return len(self._kept) or self.outputs.num_frames

    def write(self, image: np.ndarray,
              samples: Sequence[PoseDataSample]) -> bool:
        """Take a frame.

        Args:
            image (np.ndarray): BGR uint8 in shape (H, W, 3).
            samples (Sequence[PoseDataSample]): The people in it.

        Returns:
            bool: Whether to go on.
        """
        if self._stream is None:
            self._kept.append([_without_pictures(s) for s in samples])
            return True
        # Frames count from 0 in each shot.
        for start in {self.num_frames - s.frame_index for s in samples}:
            if start != self._start:
                self._stream.reset()
            self._start = start
        self._stream(samples)
        return self.outputs.write(image, samples)

    def finish(self) -> str:
        """Smooth and write what was kept.

        Returns:
            str: Why it ended early, '' if it did not.

        Raises:
            ValueError: If the input has fewer frames than before.
        """
        if not self._kept:
            return ''
        self._smooth()
        source = FrameSource(self._source.path)
        with Interruption() as interruption:
            for samples, frame in zip(self._kept, source):
                if not self.outputs.write(frame.image, samples):
                    return 'ended by ESC'
                if interruption.requested:
                    return 'interrupted'
        source.close()
        if self.outputs.num_frames < len(self._kept):
            raise ValueError(f'{source.path} had {len(self._kept)} frames and '
                             f'now has {self.outputs.num_frames}: do not '
                             'change it in the meantime')
        return ''

    def _smooth(self) -> None:
        tracks: Dict[tuple, list] = {}
        for index, samples in enumerate(self._kept):
            for sample in samples:
                # The same person in another shot is another track.
                key = sample.track_id, index - sample.frame_index
                tracks.setdefault(key, []).append(sample)
        for track in tracks.values():
            poses = [sample.pred_instances for sample in track]
            points = np.concatenate([pose.keypoints for pose in poses])
            nothing = np.zeros(points.shape[1], dtype=bool)
            smoothed = self._smoother(
                points, np.concatenate([pose.keypoint_scores
                                        for pose in poses]),
                [sample.frame_index for sample in track],
                [sample.get('labelled', nothing) for sample in track])
            for sample, keypoints in zip(track, smoothed):
                set_keypoints(sample, keypoints)


def _without_pictures(sample: PoseDataSample) -> PoseDataSample:
    """What is drawn and written of a person."""
    names = ('track_id', 'frame_index', 'labelled')
    metainfo = {n: sample.get(n) for n in names if n in sample}
    kept = PoseDataSample(metainfo=metainfo)
    kept.pred_instances = sample.pred_instances
    return kept
