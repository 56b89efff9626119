# Copyright (c) temporal_corr authors. All rights reserved.
"""The people of a frame, drawn on it."""
from typing import Sequence

import cv2
import numpy as np
from mmpose.structures import PoseDataSample, merge_data_samples
from mmpose.visualization import PoseLocalVisualizer

from ..video_io.output_files import SameSize

#: RGB colours of boxes, by identity: neighbours differ.
COLORS = ((230, 80, 60), (60, 150, 240), (250, 200, 50), (80, 200, 120),
          (180, 100, 220), (240, 140, 190), (120, 220, 230), (200, 160, 110))


class FramePainter:
    """Draws poses with MMPose's visualizer, and boxes in colours of people.

    All pictures that it makes have the size of the first, made even, as
    videos need it.

    Args:
        dataset_meta (dict): Metainfo of the data set.
        radius (int): Radius of a keypoint in pixels. Defaults to 3.
        thickness (int): Width of a limb or box in pixels. Defaults to 1.
        kpt_thr (float): Least score of a keypoint that is drawn. Defaults to
            0.3.
        draw_bbox (bool): Whether to draw the boxes with the ``track_id``.
            Defaults to False.
        draw_heatmap (bool): Whether to put the heatmaps, the largest over
            the keypoints, below; needs ``pred_fields``. Defaults to False.
    """

    def __init__(self,
                 dataset_meta: dict,
                 radius: int = 3,
                 thickness: int = 1,
                 kpt_thr: float = 0.3,
                 draw_bbox: bool = False,
                 draw_heatmap: bool = False):
        self.visualizer = PoseLocalVisualizer(
            radius=radius, line_width=thickness)
        self.visualizer.set_dataset_meta(dataset_meta)
        self.thickness = thickness
        self.kpt_thr = kpt_thr
        self.draw_bbox = draw_bbox
        self.draw_heatmap = draw_heatmap
        self._fit = SameSize()

    def __call__(self, image: np.ndarray,
                 samples: Sequence[PoseDataSample]) -> np.ndarray:
        """Draw one frame.

        Args:
            image (np.ndarray): BGR uint8 in shape (H, W, 3). Not changed.
            samples (Sequence[PoseDataSample]): What the inferencer returned.

        Returns:
            np.ndarray: RGB uint8 in shape (H', W', 3), both even, the same
            for all frames; twice as high with heatmaps.
        """
        drawn = cv2.cvtColor(image, cv2.COLOR_BGR2RGB)
        heatmap = drawn
        if samples:
            both = self.visualizer.add_datasample(
                'pose',
                drawn,
                merge_data_samples(list(samples)),
                draw_gt=False,
                draw_heatmap=self.draw_heatmap,
                kpt_thr=self.kpt_thr)
            # the visualizer stacks them
            drawn = np.ascontiguousarray(both[:len(image)])
            heatmap = both[len(image):] if len(both) > len(image) else heatmap
        for sample in samples:
            box, words = sample.pred_instances.bboxes[0], []
            color = COLORS[sample.metainfo['track_id'] % len(COLORS)]
            if self.draw_bbox:
                words.append(str(sample.metainfo['track_id']))
                self._draw_box(drawn, box, color)
            if 'labelled' in sample.metainfo:
                words.append('labelled')
            self._write(drawn, box, ' '.join(words), color)
        if self.draw_heatmap:
            drawn = np.concatenate([drawn, heatmap])
        return self._fit(drawn)

    def _draw_box(self, image: np.ndarray, box: np.ndarray,
                  color: tuple) -> None:
        """Draw a box, in place."""
        x1, y1, x2, y2 = np.clip(box, -1e4, 1e4).round().astype(int).tolist()
        cv2.rectangle(image, (x1, y1), (x2, y2), color, self.thickness)

    def _write(self, image: np.ndarray, box: np.ndarray, text: str,
               color: tuple) -> None:
        """Write below a box, away from the face, in place."""
        height, width = image.shape[:2]
        scale = max(0.4, height / 900)
        (length, size), _ = cv2.getTextSize(text, cv2.FONT_HERSHEY_SIMPLEX,
                                            scale, 3)
        x, y = box[0], box[3] + 1.5 * size
        place = (round(max(min(x, width - length), 3)),
                 round(max(min(y, height - 4), size)))
        for ink, width in (((0, 0, 0), 3), (color, 1)):
            cv2.putText(image, text, place, cv2.FONT_HERSHEY_SIMPLEX,
                        scale, ink, width, cv2.LINE_AA)
