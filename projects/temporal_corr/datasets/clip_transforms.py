# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Callable, Dict, List, Union

from mmcv.transforms import TransformBroadcaster
from mmpose.registry import TRANSFORMS


@TRANSFORMS.register_module()
class ClipTransforms(TransformBroadcaster):
    """Apply transforms to each frame of a clip, or to a single frame.

    The frames of a clip share the random parameters (flip, scale, rotation),
    each on its own box: exemplars have to look like what they are correlated
    with.

    Args:
        transforms (list[dict | callable]): Transforms of a single frame.
    """

    def __init__(self,
                 transforms: List[Union[Dict, Callable[[Dict], Dict]]]
                 ) -> None:
        super().__init__(transforms, share_random_params=True)

    def transform(self, results: Dict) -> dict:
        """Apply the transforms to a frame, or to a clip, where each value is
        the list of the frames' values."""
        if isinstance(results['img_path'], list):
            return super().transform(results)
        return self._apply_transforms(results)
