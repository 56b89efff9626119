# Copyright (c) temporal_corr authors. All rights reserved.
"""Views of a crop, and what is drawn on it. Images are RGB, uint8."""
from typing import Optional, Sequence, Tuple

import cv2
import numpy as np
from mmengine.structures import InstanceData
from mmengine.visualization.utils import convert_overlay_heatmap
from mmpose.structures import PoseDataSample
from mmpose.visualization import PoseLocalVisualizer

Size = Tuple[int, int]


def crop_view(image: np.ndarray,
              crop: np.ndarray,
              size: Size,
              zoom: float,
              pad_value: int = 0) -> np.ndarray:
    """What the network sees, taken from the image at a higher resolution.

    Args:
        image (np.ndarray): Image in shape (H, W, 3).
        crop (np.ndarray): Affine matrix image to input pixel, (2, 3).
        size (tuple): Width and height of the network's input in pixels.
        zoom (float): Pixels of the view per pixel of the input.
        pad_value (int): Grey value outside of the image. Defaults to 0.

    Returns:
        np.ndarray: View in shape (round(h * zoom), round(w * zoom), 3). An
        input pixel (x, y) is at (x * zoom, y * zoom).
    """
    target = (round(size[0] * zoom), round(size[1] * zoom))
    matrix = np.asarray(crop, dtype=np.float64) * zoom
    return cv2.warpAffine(
        image,
        matrix,
        target,
        flags=cv2.INTER_CUBIC,
        borderValue=(pad_value, ) * 3)


def resize_map(
    heatmap: np.ndarray,
    size: Size,
    stride: Sequence[float],
    origin: Sequence[float] = (0., 0.)
) -> np.ndarray:
    """Resize a map so that its cells lie where the codec puts them.

    ``cv2.resize`` aligns the corners of the images. The codecs of MMPose
    put cell (i, j) at pixel (i, j) * stride, which is up to half a cell up
    and left of that, and PartAffinityField at its own origin.

    Args:
        heatmap (np.ndarray): Map in shape (h, w).
        size (tuple): Width and height of the result in pixels.
        stride (Sequence[float]): Pixels of the result per cell, (x, y).
        origin (Sequence[float]): Pixel of cell (0, 0), (x, y).
            Defaults to (0, 0).

    Returns:
        np.ndarray: Map in shape (size[1], size[0]), float32, bilinear, the
        outermost cells repeated.
    """
    matrix = np.array([[stride[0], 0., origin[0]], [0., stride[1], origin[1]]])
    return cv2.warpAffine(
        np.asarray(heatmap, dtype=np.float32),
        matrix,
        size,
        flags=cv2.INTER_LINEAR,
        borderMode=cv2.BORDER_REPLICATE)


def overlay_map(image: np.ndarray,
                heatmap: np.ndarray,
                stride: Sequence[float],
                alpha: float = 0.5,
                origin: Sequence[float] = (0., 0.)) -> np.ndarray:
    """Overlay a map, "with red indicating high response and blue indicating
    low response" (Fig. 2).

    The colours span the map's own range, and the image is shown in grey, so
    that its colours are not taken for the map's.

    Args:
        image (np.ndarray): Image in shape (H, W, 3).
        heatmap (np.ndarray): Map in shape (h, w).
        stride (Sequence[float]): Pixels of the image per cell, (x, y).
        alpha (float): Opacity of the map. Defaults to 0.5.
        origin (Sequence[float]): Pixel of cell (0, 0), (x, y).
            Defaults to (0, 0).

    Returns:
        np.ndarray: Image in shape (H, W, 3). A constant map is blue.
    """
    size = (image.shape[1], image.shape[0])
    resized = resize_map(heatmap, size, stride, origin)
    grey = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY)
    return convert_overlay_heatmap(resized,
                                   cv2.cvtColor(grey, cv2.COLOR_GRAY2RGB),
                                   alpha)


class PosePainter:
    """Draws poses with MMPose's visualizer, in the data set's colours.

    Args:
        metainfo (dict): Metainfo of the data set: ``skeleton_links``,
            ``keypoint_colors``, ``skeleton_link_colors``.
        radius (int): Radius of a keypoint in pixels. Defaults to 4.
        line_width (int): Width of a limb in pixels. Defaults to 3.
        color (tuple, optional): One RGB colour for everything instead.
            Defaults to None.
        outline (bool): Whether to put black under it, which tells it from
            any background. Defaults to True.
    """

    def __init__(self,
                 metainfo: dict,
                 radius: int = 4,
                 line_width: int = 3,
                 color: Optional[Tuple[int, int, int]] = None,
                 outline: bool = True):
        colored = _in_one_color(metainfo, color) if color else metainfo
        layers = [(colored, radius, line_width)]
        if outline:
            layers.insert(0, (_in_one_color(metainfo, (0, 0, 0)), radius + 1,
                              line_width + 2))
        self.visualizers = []
        for layer, layer_radius, layer_width in layers:
            visualizer = PoseLocalVisualizer(
                radius=layer_radius, line_width=layer_width)
            visualizer.set_dataset_meta(layer)
            self.visualizers.append(visualizer)

    def __call__(self,
                 image: np.ndarray,
                 keypoints: np.ndarray,
                 visible: Optional[np.ndarray] = None) -> np.ndarray:
        """Draw one person.

        Args:
            image (np.ndarray): Image in shape (H, W, 3). Not changed.
            keypoints (np.ndarray): Keypoints in image pixels, (K, 2). Those
                that are not finite are left out.
            visible (np.ndarray, optional): Non-zero for keypoints to draw,
                (K, ). None draws all. Defaults to None.

        Returns:
            np.ndarray: Image in shape (H, W, 3).
        """
        shown = np.isfinite(keypoints).all(axis=-1)
        if visible is not None:
            shown &= np.asarray(visible) > 0
        sample = PoseDataSample()
        sample.pred_instances = InstanceData(
            keypoints=np.where(shown[:, None], keypoints, 0.)[None],
            keypoints_visible=shown[None].astype(np.float32))
        image = image.copy()
        for visualizer in self.visualizers:
            image = visualizer.add_datasample(
                'pose', image, sample, draw_gt=False, draw_bbox=False)
        return image


def _in_one_color(metainfo: dict, color: Tuple[int, int, int]) -> dict:
    """The metainfo with one RGB colour for keypoints and limbs."""
    return dict(
        metainfo,
        keypoint_colors=[color] * len(metainfo['keypoint_colors']),
        skeleton_link_colors=[color] * len(metainfo['skeleton_link_colors']))
