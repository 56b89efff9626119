# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Dict, Tuple

import cv2
import numpy as np
from mmcv.transforms import BaseTransform
from mmpose.datasets.transforms import (GetBBoxCenterScale,
                                        RandomBBoxTransform, TopdownAffine)
from mmpose.registry import TRANSFORMS
from mmpose.structures.bbox import (bbox_xyxy2cs, get_udp_warp_matrix,
                                    get_warp_matrix)


@TRANSFORMS.register_module()
class GetCropCenterScale(GetBBoxCenterScale):
    """GetBBoxCenterScale of ``crop_box`` and ``crop_padding`` instead of the
    person's box where the data set gives them (its ``crop``)."""

    def transform(self, results: Dict) -> dict:
        """Set the center and the size of the crop."""
        results['bbox_center'], results['bbox_scale'] = bbox_xyxy2cs(
            results.get('crop_box', results['bbox']),
            padding=results.get('crop_padding', self.padding))
        return results


@TRANSFORMS.register_module()
class GetBBoxCenterFixedScale(BaseTransform):
    """Center the crop on the person and scale the image, not the person.

    An image pixel becomes ``image_scale`` input pixels, whatever the size of
    the person: "In sub-JHMDB, the persons are of smaller scales, so we
    enlarge the testing images with scale 1.2" (implementation details).
    Exact without ``use_udp``. An existing ``bbox_center`` is kept.

    Args:
        input_size (tuple[int, int]): The input size of the model in [w, h]
        image_scale (float): Input pixels of an image pixel. Defaults to 1.0
    """

    def __init__(self,
                 input_size: Tuple[int, int],
                 image_scale: float = 1.0) -> None:
        super().__init__()
        self.input_size = input_size
        self.image_scale = image_scale

    def transform(self, results: Dict) -> dict:
        """Set the center and the size of the crop."""
        if 'bbox_center' not in results:
            results['bbox_center'], _ = bbox_xyxy2cs(
                results.get('crop_box', results['bbox']))
        center = results['bbox_center']
        size = np.divide(self.input_size, self.image_scale, dtype=np.float32)
        results['bbox_scale'] = np.tile(size, (len(center), 1))
        return results


@TRANSFORMS.register_module()
class UniformBBoxTransform(RandomBBoxTransform):
    """Resize, rotate and shift the box, uniformly over the ranges.

    The defaults are the paper's: scales from 0.7 to 1.3 and rotations from
    -40 to 40 degrees, always drawn, and no shift.

    Args:
        resize (str): What is scaled: ``'box'``, as in MMPose, so that a
            larger scale makes the person smaller, or ``'image'``, as in the
            paper, so that it makes the person larger. Defaults to ``'box'``
        each_frame (bool): Whether to draw anew for each frame of a clip,
            although :class:`ClipTransforms` shares random parameters.
            Defaults to ``False``
        **kwargs: Arguments of :class:`RandomBBoxTransform`.
    """

    def __init__(self,
                 resize: str = 'box',
                 each_frame: bool = False,
                 **kwargs) -> None:
        assert resize in ('box', 'image'), f'resize={resize!r}'
        defaults = dict(
            scale_factor=(0.7, 1.3),
            scale_prob=1.,
            rotate_factor=40.,
            rotate_prob=1.,
            shift_factor=0.,
            shift_prob=1.)
        super().__init__(**{**defaults, **kwargs})
        self.resize = resize
        self.each_frame = each_frame

    @staticmethod
    def _truncnorm(low: float = -1.,
                   high: float = 1.,
                   size: tuple = ()) -> np.ndarray:
        """Sample from a uniform distribution."""
        return np.random.uniform(low, high, size=size).astype(np.float32)

    # The base caches what it draws for the frames of a clip; decorated once
    # more, the method would be counted as drawing twice.
    def _get_transform_params(self, num_bboxes: int) -> Tuple:
        if self.each_frame:
            self.__dict__.pop('_cache', None)  # of MMCV's cache_randomness
        offset, scale, rotate = super()._get_transform_params(num_bboxes)
        return offset, 1 / scale if self.resize == 'image' else scale, rotate


@TRANSFORMS.register_module()
class CropAffine(TopdownAffine):
    """TopdownAffine that keeps the warp as ``crop``, (2, 3) float32, the
    affine matrix from pixels of the (flipped) image to pixels of the input,
    by which a model finds what it remembers in another crop.

    Args:
        input_size (tuple[int, int]): The input size of the model in [w, h]
        use_udp (bool): As in :class:`TopdownAffine`. Defaults to ``False``
        pad_value (int): Value of the pixels outside of the image, in each
            channel. OpenPose pads with 128. Defaults to 0, as MMPose
    """

    def __init__(self,
                 input_size: Tuple[int, int],
                 use_udp: bool = False,
                 pad_value: int = 0) -> None:
        super().__init__(input_size=input_size, use_udp=use_udp)
        self.pad_value = pad_value

    def transform(self, results: Dict) -> dict:
        """Crop the image and the keypoints."""
        image = results['img']
        # The base pads with zeros: it is given no image to warp.
        results = super().transform(dict(results, img=[]))
        rotation = results.get('bbox_rotation', [0.])[0]
        warp_matrix = get_udp_warp_matrix if self.use_udp else get_warp_matrix
        matrix = warp_matrix(results['input_center'], results['input_scale'],
                             rotation, results['input_size'])
        results['img'] = cv2.warpAffine(
            image,
            matrix,
            tuple(self.input_size),
            flags=cv2.INTER_LINEAR,
            borderValue=(self.pad_value, ) * 4)
        results['crop'] = matrix.astype(np.float32)
        return results


@TRANSFORMS.register_module()
class GenerateCenterMap(BaseTransform):
    """Mark the person of interest by a Gaussian at the center of its box.

    For models with centermaps (Section 4, Handling multiple persons). The
    paper does not give sigma; 21 input pixels are those of Convolutional Pose
    Machines and LSTM Pose Machines. The center is that of the box, not of the
    crop, which may be shifted at random.

    ``center_map`` is (1, h, w) float32, 1 at the center. A cell of s x s
    input pixels has the value at its own center, ``s * g + (s - 1) / 2``.

    Args:
        heatmap_size (tuple[int, int]): Size of the heatmaps in [w, h]
        sigma (float): Standard deviation in input pixels. Defaults to 21.0
        pool_size (int): Size of the window over which the input's pixels
            are averaged, from the first pixel of each cell on; LSTM Pose
            Machines average 9x9 with stride 8. Defaults to 0, the value at
            the center of the cell
    """

    def __init__(self,
                 heatmap_size: Tuple[int, int],
                 sigma: float = 21.0,
                 pool_size: int = 0) -> None:
        super().__init__()
        self.heatmap_size = heatmap_size
        self.sigma = sigma
        self.pool_size = pool_size

    def transform(self, results: Dict) -> dict:
        """Add the center map."""
        center = bbox_xyxy2cs(results['bbox'])[0][0]
        center = results['crop'] @ np.append(center, 1)
        column, row = (
            self._profile(*sizes) for sizes in zip(
                center, results['input_size'], self.heatmap_size))
        results['center_map'] = np.outer(row, column)[None].astype(np.float32)
        return results

    def _profile(self, center: float, input_size: int,
                 heatmap_size: int) -> np.ndarray:
        """The Gaussian along one axis, (heatmap_size, )."""
        stride = input_size / heatmap_size
        cells = np.arange(heatmap_size)
        if not self.pool_size:
            pixels = (cells + 0.5) * stride - 0.5
            return np.exp(-(pixels - center)**2 / (2 * self.sigma**2))
        # The window of a product is the product of windows of one axis.
        pixels = np.round(cells * stride)[:, None] + np.arange(self.pool_size)
        values = np.exp(-(pixels - center)**2 / (2 * self.sigma**2))
        # At the end a window has fewer pixels.
        return np.average(values, axis=1, weights=pixels < input_size)
