# Copyright (c) temporal_corr authors. All rights reserved.
"""The first of two passes over a recorded video."""
from typing import Callable, Dict, List, Optional, Sequence

from mmpose.structures import PoseDataSample

from ..models.offline_exemplars import ExemplarCollector, OfflineExemplars
from ..video_io.followed_person import People
from ..video_io.frame_source import SourceFrame
from .frame_inputs import as_people
from .video_pose_inferencer import VideoPoseInferencer


class FirstPass:
    """Looks at a video once, to guide the second look, as
    ``test_cfg.memory=dict(policy='offline', source='predictions')`` says.

    ``add`` it all frames, then ``finish``. In the second pass it is shown to
    the inferencer at the start of each shot, as :class:`Prompts` is, and it
    is the provider of boxes: people keep the boxes and identities that they
    had.

    Args:
        inferencer (VideoPoseInferencer): Of a model with that memory.
        people (callable): The provider of boxes.
    """

    def __init__(self, inferencer: VideoPoseInferencer, people: Callable):
        self._inferencer = inferencer
        self._provider = people
        self._settings = inferencer.model.first_pass
        if self._settings['source'] == 'labels':
            raise ValueError("test_cfg.memory.source is 'labels': give the "
                             'labels themselves, by --prompt or '
                             'VideoPoseInferencer.prompt, and leave '
                             'test_cfg.memory out')
        # None so far: the first pass is predicted frame by frame.
        inferencer.model.offline = {}
        self._people: List[People] = []
        self._shots: Dict[int, Dict[tuple, OfflineExemplars]] = {}
        self._collectors: Dict[int, ExemplarCollector] = {}
        self._start = 0

    def add(self, frame: SourceFrame, cut: bool = False) -> None:
        """Look at the next frame, with which a shot may begin (``cut``)."""
        if cut and self._people:
            self.finish()
            self._start = len(self._people)
            self._provider.reset()
        if not frame.readable:
            self._inferencer(frame.image, [])
            self._people.append(None)
            return
        found = self._provider(frame)
        if len(found.bboxes):
            rows, *parts = self._inferencer.exemplars(
                frame.image, as_people(*found))
        samples = self._inferencer(frame.image, *found)
        lost = self._provider.see(samples) or ()
        self._inferencer.take_back(lost)
        for track_id in found.track_ids:
            if track_id not in lost:
                own = [i for i, row in enumerate(rows)
                       if row.track_id == track_id]  # yapf: disable
                # One for each: a collector is through with who is missing.
                collector = self._collectors.setdefault(
                    track_id, ExemplarCollector(self._settings['num_frames']))
                collector.add([rows[i] for i in own],
                              *(part[own] for part in parts))
        self._people.append(found)

    def finish(self) -> None:
        """To be called behind the last frame."""
        chosen: Dict[tuple, OfflineExemplars] = {}
        for collector in self._collectors.values():
            chosen.update(collector.finish())
        self._shots[self._start] = chosen
        self._collectors = {}
        self._inferencer.reset()

    def show(self,
             inferencer: VideoPoseInferencer,
             start: int,
             end: Optional[int] = None) -> None:
        """Let the shot that begins with frame ``start`` be guided by what was
        found in it; the inferencer has been reset."""
        inferencer.model.offline = dict(self._shots[start])

    def __call__(self, frame: SourceFrame) -> People:
        """The people of a frame, as in the first pass."""
        return self._people[frame.index]

    def see(self, samples: Sequence[PoseDataSample]) -> None:
        """Has no effect."""

    def reset(self) -> None:
        """Has no effect."""
