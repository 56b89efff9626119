# Copyright (c) temporal_corr authors. All rights reserved.
"""The first of two passes over a recorded video."""
from typing import Callable, Dict, List, Optional, Sequence

from mmpose.structures import PoseDataSample

from ..engine.trusted_exemplars_hook import check_trusted
from ..models.trusted_exemplars import TrustedCollector, TrustedExemplars
from ..video_io.followed_person import People
from ..video_io.frame_source import SourceFrame
from .frame_inputs import as_people
from .video_pose_inferencer import VideoPoseInferencer


class FirstPass:
    """Looks at a video once, to guide the second look, as
    ``test_cfg.trusted`` with ``source='predictions'`` says.

    ``add`` it all frames, then ``finish``. In the second pass it is shown to
    the inferencer at the start of each shot, as :class:`Prompts` is, and it
    is the provider of boxes: people keep the boxes and identities that they
    had.

    Args:
        inferencer (VideoPoseInferencer): Of a model with ``test_cfg.trusted``.
        people (callable): The provider of boxes.
    """

    def __init__(self, inferencer: VideoPoseInferencer, people: Callable):
        self._inferencer = inferencer
        self._provider = people
        # A model that is told to trust does not predict without.
        settings = dict(inferencer.model.test_cfg.pop('trusted'))
        self._settings = check_trusted(settings)
        if settings['source'] == 'labels':
            raise ValueError("test_cfg.trusted.source is 'labels': give the "
                             'labels themselves, by --prompt or '
                             'VideoPoseInferencer.prompt, and leave '
                             'test_cfg.trusted out')
        self._people: List[People] = []
        self._shots: Dict[int, Dict[tuple, TrustedExemplars]] = {}
        self._collectors: Dict[int, TrustedCollector] = {}
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
                self._collectors.setdefault(
                    track_id,
                    TrustedCollector(self._settings['num_frames'],
                                     self._settings['rule'])).add(
                                         [rows[i] for i in own],
                                         *(part[own] for part in parts))
        self._people.append(found)

    def finish(self) -> None:
        """To be called behind the last frame."""
        trusted: Dict[tuple, TrustedExemplars] = {}
        for collector in self._collectors.values():
            trusted.update(collector.finish())
        self._shots[self._start] = trusted
        self._collectors = {}
        self._inferencer.reset()

    def show(self,
             inferencer: VideoPoseInferencer,
             start: int,
             end: Optional[int] = None) -> None:
        """Let the shot that begins with frame ``start`` be guided by what was
        found in it; the inferencer has been reset."""
        inferencer.model.trusted.update(self._shots[start])
        # A shot in which nobody was found has none.
        inferencer.model.test_cfg['trusted'] = dict(
            merge=self._settings['merge']) if self._shots[start] else None

    def __call__(self, frame: SourceFrame) -> People:
        """The people of a frame, as in the first pass."""
        return self._people[frame.index]

    def see(self, samples: Sequence[PoseDataSample]) -> None:
        """Has no effect."""

    def reset(self) -> None:
        """Has no effect."""
