# MPII's images are large and its people of all sizes: they are resized to
# 0.6 of the crop, about their size in Penn Action.
codec = dict(
    type='PartAffinityField', input_size=(368, 368), heatmap_size=(46, 46))

train_pipeline = [
    dict(type='LoadVideoFrame'),
    dict(type='GetBBoxCenterScale', padding=1 / 0.6),
    dict(type='RandomFlip', direction='horizontal'),
    # The augmentation of the two video data sets.
    dict(
        type='UniformBBoxTransform',
        resize='image',
        scale_factor=(0.7, 1.3),
        rotate_factor=40.),
    dict(type='CropAffine', input_size=codec['input_size'], pad_value=128),
    # Targets of all people in the crop.
    dict(type='GenerateTarget', encoder=codec),
    dict(type='PackClipInputs')
]
val_pipeline = [
    dict(type='LoadVideoFrame'),
    dict(type='GetBBoxCenterScale', padding=1 / 0.6),
    dict(type='CropAffine', input_size=codec['input_size'], pad_value=128),
    dict(type='PackClipInputs')
]
