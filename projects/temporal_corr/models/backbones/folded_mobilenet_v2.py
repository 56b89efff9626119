# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Optional, Sequence

from mmcv.cnn import ConvModule
from mmpose.models.backbones import MobileNetV2
from mmpose.registry import MODELS
from mmpose.utils.typing import OptConfigType


@MODELS.register_module()
class FoldedMobileNetV2(MobileNetV2):
    """A MobileNetV2 as TensorFlow deploys it: batch norms folded into the
    convolutions, which have a bias, and padding 'SAME' (at stride 2 only on
    the right and below).

    Args:
        widen_factor (float): Multiplies the channels. Defaults to 1.
        out_indices (Sequence[int]): Stages whose maps are returned, of 0 to
            6 and 7, the last 1x1 convolution. Defaults to (1, 2, 3, 7): the
            last of strides 4, 8 and 16, and stride 32.
        last_channels (int, optional): Channels of stage 7. Defaults to
            None, as MMPose has them: 1280, times ``widen_factor`` where
            that is above 1.
        frozen_stages (int): The first convolution and as many stages are
            not trained; 8 for the whole backbone, -1 for nothing frozen.
            Defaults to -1.
        conv_cfg (dict, optional): Convolutions. Defaults to those with
            TensorFlow's padding.
        norm_cfg (dict, optional): Norms. Defaults to None.
        kwargs: Further arguments of
            :class:`mmpose.models.backbones.MobileNetV2`.
    """

    def __init__(self,
                 widen_factor: float = 1.,
                 out_indices: Sequence[int] = (1, 2, 3, 7),
                 last_channels: Optional[int] = None,
                 frozen_stages: int = -1,
                 conv_cfg: OptConfigType = dict(type='Conv2dAdaptivePadding'),
                 norm_cfg: OptConfigType = None,
                 **kwargs):
        whole = frozen_stages == 8
        super().__init__(
            widen_factor,
            out_indices,
            # MMPose's backbone cannot freeze its last convolution.
            7 if whole else frozen_stages,
            conv_cfg=conv_cfg,
            norm_cfg=norm_cfg,
            **kwargs)
        self.whole_frozen = whole
        if last_channels:
            self.out_channel = last_channels
            self.conv2 = ConvModule(
                self.in_channels,
                last_channels,
                1,
                conv_cfg=self.conv_cfg,
                norm_cfg=self.norm_cfg,
                act_cfg=self.act_cfg)
        # MMPose freezes when training begins, after the optimizer and
        # DistributedDataParallel are built.
        self._freeze_stages()

    def _freeze_stages(self) -> None:
        super()._freeze_stages()
        if self.whole_frozen:
            self.conv2.eval().requires_grad_(False)
