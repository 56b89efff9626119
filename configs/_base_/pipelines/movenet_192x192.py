# Square crops, 1.25 times the person; heatmaps at stride 4, as MoveNet has.
codec = dict(
    type='MSRAHeatmap',
    input_size=(192, 192),
    heatmap_size=(48, 48),
    sigma=1.5)
# Decoded by DARK: at stride 4 of small crops a cell is some percent of a person.
decoder = dict(codec, unbiased=True)

train_pipeline = [
    # Every frame of a clip gets the same flip, scale and rotation.
    dict(
        type='ClipTransforms',
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='GetCropCenterScale', padding=1.25),
            dict(type='RandomFlip', direction='horizontal'),
            # "random resize with scale [0.7, 1.3], random rotation with
            # degree [-40°, 40°], and random horizontal flip"
            dict(
                type='UniformBBoxTransform',
                scale_factor=(0.7, 1.3),
                rotate_factor=40.),
            dict(type='CropAffine', input_size=codec['input_size']),
            dict(type='GenerateTarget', encoder=codec),
        ]),
    dict(type='PackClipInputs')
]
val_pipeline = [
    dict(type='LoadVideoFrame'),
    dict(type='GetCropCenterScale', padding=1.25),
    dict(type='CropAffine', input_size=codec['input_size']),
    dict(type='PackClipInputs')
]
