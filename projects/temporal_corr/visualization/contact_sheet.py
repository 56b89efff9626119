# Copyright (c) temporal_corr authors. All rights reserved.
from dataclasses import dataclass, field
from typing import List, Sequence

import numpy as np
from matplotlib.figure import Figure
from mmpose.structures import PoseDataSample

from .prediction_panels import PredictionPainter, fit_person

CELL = 384  # pixels of a cell
INCHES = 1.6  # of a cell
MARGIN = 1.3  # what is shown, in sides of the largest person box


@dataclass(eq=False)
class VideoExcerpt:
    """Some frames of one video, with what each model says.

    Attributes:
        video_id (str): The video.
        images (list[np.ndarray]): Whole images, RGB uint8.
        samples (list[list[PoseDataSample]]): For each frame the samples of
            the models.
    """
    video_id: str
    images: List[np.ndarray] = field(default_factory=list)
    samples: List[List[PoseDataSample]] = field(default_factory=list)

    def append(self, image: np.ndarray,
               samples: Sequence[PoseDataSample]) -> None:
        """Add a frame.

        Args:
            image (np.ndarray): The image, RGB uint8.
            samples (Sequence[PoseDataSample]): The samples of the models.
        """
        self.images.append(image)
        self.samples.append(list(samples))

    def cells(self, painter: PredictionPainter) -> List[List[np.ndarray]]:
        """The person in each frame, at one scale for the whole video.

        Args:
            painter (PredictionPainter): Draws the cells, in its size.

        Returns:
            list[list[np.ndarray]]: For each frame the cells of the models.
        """
        boxes = np.concatenate(
            [samples[0].gt_instances.bboxes[:1] for samples in self.samples])
        side = MARGIN * max((boxes[:, 2:] - boxes[:, :2]).max(), 1.)
        rows = []
        for image, samples, box in zip(self.images, self.samples, boxes):
            matrix = fit_person(box, side, image.shape[1::-1], painter.size)
            rows.append([painter(image, sample, matrix) for sample in samples])
        return rows


def draw_contact_sheet(excerpts: Sequence[VideoExcerpt], names: Sequence[str],
                       metainfo: dict, show_gt: bool = False) -> Figure:
    """Frames of videos as one picture: a row for each video and model.

    Args:
        excerpts (Sequence[VideoExcerpt]): The videos.
        names (Sequence[str]): Names of the models.
        metainfo (dict): Metainfo of the data set.
        show_gt (bool): Whether to draw the ground truth.
            Defaults to False.

    Returns:
        Figure: The sheet.
    """
    painter = PredictionPainter(metainfo, (CELL, CELL), show_gt)
    columns = max(len(excerpt.images) for excerpt in excerpts)
    left, title, foot = 0.3, 0.5, 0.25 if show_gt else 0.05  # inches
    width = left + columns * INCHES
    height = len(excerpts) * (len(names) * INCHES + title) + foot
    figure = Figure(figsize=(width, height), dpi=130)

    def write(x, y, text, **style):
        figure.text(x / width, y / height, text, ha='center', **style)

    top = height
    for excerpt in excerpts:
        write(
            left + columns * INCHES / 2,
            top - 0.22,
            excerpt.video_id,
            fontsize=9,
            fontweight='bold')
        top -= title
        for column, cells in enumerate(excerpt.cells(painter)):
            x = left + column * INCHES
            number = excerpt.samples[column][0].frame_index + 1
            write(x + INCHES / 2, top + 0.05, f'frame {number}', fontsize=8)
            for row, cell in enumerate(cells):
                axes = figure.add_axes(
                    (x / width, (top - (row + 1) * INCHES) / height,
                     0.98 * INCHES / width, 0.98 * INCHES / height))
                axes.imshow(cell)
                axes.set_axis_off()
        for row, name in enumerate(names):
            write(
                left / 2,
                top - (row + 0.5) * INCHES,
                name,
                fontsize=8,
                rotation=90,
                va='center')
        top -= len(names) * INCHES
    if show_gt:
        write(
            width / 2,
            0.07,
            'white: ground truth; magenta: from a keypoint that PCK@0.2 '
            'counts as wrong to where it should be',
            fontsize=7)
    return figure
