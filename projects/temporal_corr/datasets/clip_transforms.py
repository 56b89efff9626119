# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Callable, Dict, List, Union

from mmcv.transforms import TransformBroadcaster
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ClipTransforms(TransformBroadcaster):
    """Apply transforms to each frame of a clip, randomly in the same way.

    Frames of a clip share the random parameters (flip, scale, rotation), each
    on its own box: the paper does not say, but its exemplars have to look
    like what they are sought in. Frames that are alone pass the same
    transforms, so one pipeline serves every clip length.

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
        """Applies the transforms to the results of a frame, or of a clip,
        where each value is the list of the frames' values."""
        if isinstance(results['img_path'], list):
            return super().transform(results)
        return self._apply_transforms(results)
