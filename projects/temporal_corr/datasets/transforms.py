# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Callable, Dict, List, Tuple, Union

import numpy as np
from mmcv.transforms import TransformBroadcaster
from mmpose.datasets.transforms import (LoadImage, RandomBBoxTransform,
                                        TopdownAffine)
from mmpose.registry import TRANSFORMS
from mmpose.structures.bbox import get_udp_warp_matrix, get_warp_matrix


@TRANSFORMS.register_module()
class LoadVideoFrame(LoadImage):
    """Load the image of a frame, as MMPose's :class:`LoadImage`.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If it is given a clip.
        ValueError: If the file is no complete image.
    """

    def transform(self, results: dict) -> dict:
        """Loads the image.

        Args:
            results (dict): The result dict

        Returns:
            dict: The result dict.
        """
        path = results['img_path']
        if isinstance(path, list):
            raise TypeError(
                'The images of a clip are loaded frame by frame: put the '
                'transforms of the training pipeline, from LoadVideoFrame '
                'on, into ClipTransforms')
        where = (f'frame {results["frame_index"]} (from 0) of video '
                 f'{results["video_id"]}' if 'video_id' in results else
                 'a sample')
        remedy = ('Extract the frames again, and check data_root and '
                  'data_prefix.img of the data set')
        try:
            loaded = super().transform(results)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'The image {path} of {where} is missing. {remedy}'
            ) from error
        except Exception as error:
            reason = str(error.__context__ or error).partition('\n')[0]
            raise ValueError(f'The image {path} of {where} cannot be read '
                             f'({reason}). {remedy}') from error
        if loaded is None:
            raise ValueError(
                f'The image {path} of {where} is empty. {remedy}')
        return loaded


@TRANSFORMS.register_module()
class UniformBBoxTransform(RandomBBoxTransform):
    """Resize and rotate the box, evenly distributed over the ranges.

    MMPose's :class:`RandomBBoxTransform` draws from a truncated normal
    distribution. The defaults are the paper's: "random resize with scale
    [0.7, 1.3], random rotation with degree [-40, 40]", each always, and no
    shift. A larger scale of the box makes the person smaller.

    Args:
        scale_factor (tuple[float, float]): Range of the box's scale.
            Defaults to (0.7, 1.3)
        rotate_factor (float): Largest rotation in degrees. Defaults to 40.0
        shift_factor (float): Largest shift in box sizes. Defaults to 0.16
        shift_prob, scale_prob, rotate_prob (float): Probabilities of each.
            Defaults to 0.0, 1.0 and 1.0
    """

    def __init__(self,
                 scale_factor: Tuple[float, float] = (0.7, 1.3),
                 rotate_factor: float = 40.0,
                 shift_factor: float = 0.16,
                 shift_prob: float = 0.0,
                 scale_prob: float = 1.0,
                 rotate_prob: float = 1.0) -> None:
        super().__init__(
            shift_factor=shift_factor,
            shift_prob=shift_prob,
            scale_factor=scale_factor,
            scale_prob=scale_prob,
            rotate_factor=rotate_factor,
            rotate_prob=rotate_prob)

    @staticmethod
    def _truncnorm(low: float = -1.,
                   high: float = 1.,
                   size: tuple = ()) -> np.ndarray:
        """Sample from the uniform distribution, in place of the base's."""
        return np.random.uniform(low, high, size=size).astype(np.float32)


@TRANSFORMS.register_module()
class CropAffine(TopdownAffine):
    """Crop the person, as MMPose's :class:`TopdownAffine`, and keep the warp.

    Added Keys:

        - crop: (2, 3) float32, the affine matrix from pixels of the (flipped)
          image to pixels of the input. What a model remembers in one crop can
          be found in another through both matrices.
    """

    def transform(self, results: Dict) -> dict:
        """Crops the image and the keypoints.

        Args:
            results (dict): The result dict

        Returns:
            dict: The result dict.
        """
        results = super().transform(results)
        rotation = results.get('bbox_rotation', [0.])[0]
        warp_matrix = get_udp_warp_matrix if self.use_udp else get_warp_matrix
        matrix = warp_matrix(results['input_center'], results['input_scale'],
                             rotation, results['input_size'])
        results['crop'] = matrix.astype(np.float32)
        return results


@TRANSFORMS.register_module()
class ClipTransforms(TransformBroadcaster):
    """Apply transforms to each frame of a clip, randomly in the same way.

    Frames of a clip share the random parameters (flip, scale, rotation), each
    on its own box, as the paper's training does. Frames that are alone pass
    the same transforms, so one pipeline serves every clip length.

    Args:
        transforms (list[dict | callable]): Transforms of a single frame.
        share_random_params (bool): Whether all frames of a clip share the
            random parameters. Defaults to ``True``
    """

    def __init__(self,
                 transforms: List[Union[Dict, Callable[[Dict], Dict]]],
                 share_random_params: bool = True) -> None:
        super().__init__(transforms, share_random_params=share_random_params)

    def transform(self, results: Dict) -> dict:
        """Applies the transforms.

        Args:
            results (dict): The result dict of a frame, or of a clip: then
                each value is the list of the frames' values

        Returns:
            dict: The result dict, in the same form.
        """
        if isinstance(results['img_path'], list):
            return super().transform(results)
        return self._apply_transforms(results)
