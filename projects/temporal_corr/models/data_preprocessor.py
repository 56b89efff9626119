# Copyright (c) temporal_corr authors. All rights reserved.
import torch
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from mmpose.registry import MODELS


@MODELS.register_module()
class ClipDataPreprocessor(PoseDataPreprocessor):
    """Normalise clips (N, T, 3, H, W), frame by frame, and single frames
    (N, 3, H, W).

    All inputs of a batch have the same size, as the crops of a top-down
    model do. Arguments as of :class:`mmpose.models.PoseDataPreprocessor`,
    without padding and batch augmentations.
    """

    def __init__(self,
                 mean=None,
                 std=None,
                 bgr_to_rgb: bool = False,
                 rgb_to_bgr: bool = False,
                 non_blocking: bool = False):
        super().__init__(
            mean=mean,
            std=std,
            bgr_to_rgb=bgr_to_rgb,
            rgb_to_bgr=rgb_to_bgr,
            non_blocking=non_blocking)

    def forward(self, data: dict, training: bool = False) -> dict:
        """Move to the device, stack, convert the colours, normalise:
        ``inputs``, N uint8 tensors or a stacked one, become one float32
        tensor."""
        data = self.cast_data(data)
        inputs = data['inputs']
        if not isinstance(inputs, torch.Tensor):
            inputs = torch.stack(list(inputs))
        if self._channel_conversion:
            inputs = inputs.flip(-3)
        inputs = inputs.float()
        if self._enable_normalize:
            inputs = (inputs - self.mean) / self.std
        samples = data.get('data_samples')
        size = tuple(inputs.shape[-2:])
        for sample in samples or []:
            sample.set_metainfo(dict(batch_input_shape=size, pad_shape=size))
        return dict(inputs=inputs, data_samples=samples)
