# A third of that on each side, for a CPU: 128x128 crops of frames at half
# their size (256 of the 320 pixels of a sub-JHMDB frame), 16x16 heatmaps.
codec = dict(
    type='PartAffinityField', input_size=(128, 128), heatmap_size=(16, 16))

train_pipeline = [
    # Every frame of a clip gets the same flip, scale and rotation.
    dict(
        type='ClipTransforms',
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(
                type='GetBBoxCenterFixedScale',
                input_size=codec['input_size'],
                image_scale=0.5),
            dict(type='RandomFlip', direction='horizontal'),
            # "random resize with scale [0.7, 1.3], random rotation with
            # degree [-40°, 40°], and random horizontal flip"
            dict(
                type='UniformBBoxTransform',
                resize='image',
                scale_factor=(0.7, 1.3),
                rotate_factor=40.),
            # OpenPose pads with 128, which its input maps to zero.
            dict(
                type='CropAffine',
                input_size=codec['input_size'],
                pad_value=128),
            dict(type='GenerateTarget', encoder=codec),
        ]),
    dict(type='PackClipInputs')
]
val_pipeline = [
    dict(type='LoadVideoFrame'),
    dict(
        type='GetBBoxCenterFixedScale',
        input_size=codec['input_size'],
        image_scale=0.5),
    dict(
        type='CropAffine', input_size=codec['input_size'], pad_value=128),
    dict(type='PackClipInputs')
]
