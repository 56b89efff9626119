# Half of that on each side, for a CPU: 128x96 crops, 32x24 heatmaps.
codec = dict(
    type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=1.5)

train_pipeline = [
    # Every frame of a clip gets the same flip, scale and rotation.
    dict(
        type='ClipTransforms',
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(type='GetCropCenterScale'),
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
    dict(type='GetCropCenterScale'),
    dict(type='CropAffine', input_size=codec['input_size']),
    dict(type='PackClipInputs')
]
