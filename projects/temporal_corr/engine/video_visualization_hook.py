# Copyright (c) temporal_corr authors. All rights reserved.
import os
import os.path as osp
from collections import Counter
from pathlib import Path
from typing import Optional, Sequence

import numpy as np
from mmengine import fileio
from mmengine.runner import Runner
from mmpose.engine.hooks import PoseVisualizationHook
from mmpose.registry import HOOKS
from mmpose.structures import PoseDataSample, merge_data_samples

from ..video_io.images import decode_image
from ..video_io.output_files import temporary_path


@HOOKS.register_module()
class VideoVisualizationHook(PoseVisualizationHook):
    """Draws predictions in test, one picture a frame, named by the video.

    Frame 7 (from 1) of the video ``frames/0001`` goes to
    ``<out_dir>/frames/0001/00007.png``, a single image to
    ``<out_dir>/<file name>-<id>.png``. A relative ``out_dir`` is below
    ``<work_dir>/<timestamp>``, as in MMPose. Without ``show`` and ``out_dir``
    the pictures go to the backends of the visualizer: in TensorBoard each
    video is an image with a slider through its frames. Validation is drawn as
    MMPose does, the first frame of every ``interval``-th batch.

    Args:
        enable (bool): Whether to draw at all. Defaults to False
        interval (int): Draw every so many frames of each video, from its
            first. Defaults to 50; ``--interval`` of the tools to 1
        **kwargs: As of :class:`mmpose.engine.hooks.PoseVisualizationHook`.
    """

    def __init__(self,
                 enable: bool = False,
                 interval: int = 50,
                 **kwargs) -> None:
        super().__init__(enable=enable, interval=interval, **kwargs)
        self._folder: Optional[str] = None
        self._drawn: Counter = Counter()

    def before_test(self, runner: Runner) -> None:
        """Choose the folder and the data set's colours."""
        if not self.enable:
            return
        if self.out_dir is not None:
            self._folder = osp.join(runner.work_dir, runner.timestamp,
                                    self.out_dir)
            runner.logger.info(f'Pictures are drawn into {self._folder}')
        self._drawn = Counter()
        self._visualizer.set_dataset_meta(runner.test_evaluator.dataset_meta)

    def after_test_iter(self, runner: Runner, batch_idx: int, data_batch: dict,
                        outputs: Sequence[PoseDataSample]) -> None:
        """Draw the frames of a batch."""
        if not self.enable:
            return
        for sample in outputs:
            number = sample.get('frame_index', self._test_index)
            self._test_index += 1
            if number % self.interval == 0:
                self._draw(sample)

    def _draw(self, sample: PoseDataSample) -> None:
        """Draw one frame to a file, a window or the backends."""
        name = self._unused(picture_name(sample))
        content = fileio.get(sample.img_path, backend_args=self.backend_args)
        image = np.ascontiguousarray(decode_image(content)[..., ::-1])
        out_file = None
        if self._folder is not None:
            path = osp.join(self._folder, f'{name}.png')
            # under another name until it is complete
            out_file = str(temporary_path(Path(path)))
        title, step = name, self._test_index
        if not self.show and 'video_id' in sample:
            # one image a video; LocalVisBackend makes no folders
            title = osp.dirname(name).replace('/', '-')
            step = sample.frame_index + 1
        self._visualizer.add_datasample(
            title,
            image,
            # brings the heatmaps back into the image
            data_sample=merge_data_samples([sample]),
            draw_gt=False,
            draw_bbox=True,
            draw_heatmap=True,
            show=self.show,
            wait_time=self.wait_time,
            kpt_thr=self.kpt_thr,
            out_file=out_file,
            step=step)
        if out_file is not None:
            os.replace(out_file, path)

    def _unused(self, name: str) -> str:
        """The name, with a number where a frame shows several people."""
        count = self._drawn[name]
        self._drawn[name] += 1
        return f'{name}_{count}' if count else name


def picture_name(sample: PoseDataSample) -> str:
    """Relative path, without suffix, of the picture of a frame or of a single
    image; never out of the folder, whatever the video is called."""
    if 'video_id' in sample:
        parts = [
            part for part in str(sample.video_id).split('/')
            if part not in ('', '.', '..')
        ]
        return '/'.join([*parts, f'{sample.frame_index + 1:05d}'])
    name = osp.splitext(osp.basename(sample.img_path))[0]
    return f'{name}-{sample.id}' if 'id' in sample else name
