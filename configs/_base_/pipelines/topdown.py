# Crops of 1.25 times the person, of any size: what comes before the crop.
val_transforms = [dict(type='LoadVideoFrame'), dict(type='GetCropCenterScale')]
train_transforms = [
    *val_transforms,
    dict(type='RandomFlip', direction='horizontal'),
    # "random resize with scale [0.7, 1.3], random rotation with degree
    # [-40°, 40°], and random horizontal flip"
    dict(
        type='UniformBBoxTransform', scale_factor=(0.7, 1.3),
        rotate_factor=40.),
]
