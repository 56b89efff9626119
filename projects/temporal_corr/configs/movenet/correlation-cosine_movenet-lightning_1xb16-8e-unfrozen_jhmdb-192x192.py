# The whole network is trained, as in the paper: backbone and neck at a tenth
# of the head's learning rate, 5e-4 x 0.1.
_base_ = './correlation-cosine_movenet-lightning_1xb16-8e-finetune_jhmdb-192x192.py'  # noqa: E501
model = dict(backbone=dict(frozen_stages=-1), neck=dict(frozen=False))
optim_wrapper = dict(
    paramwise_cfg=dict(
        custom_keys=dict(
            backbone=dict(lr_mult=0.1), neck=dict(lr_mult=0.1))))
