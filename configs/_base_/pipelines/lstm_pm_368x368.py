# 368x368 crops around the person; the frame is resized, whatever the size of
# the person. (The published code makes people smaller who would not fit.)
codec = dict(
    type='BackgroundHeatmap',
    input_size=(368, 368),
    heatmap_size=(46, 46),
    sigma=7.)
# 21 pixels wide, averaged 9x9 with stride 8.
_center_map = dict(
    type='GenerateCenterMap',
    heatmap_size=codec['heatmap_size'],
    sigma=21.,
    pool_size=9)


def _train(scales):
    return [
        # All frames of a clip get the same flip, scale and rotation.
        dict(
            type='ClipTransforms',
            transforms=[
                dict(type='LoadVideoFrame'),
                dict(
                    type='GetBBoxCenterFixedScale',
                    input_size=codec['input_size']),
                dict(type='RandomFlip', direction='horizontal'),
                dict(
                    type='UniformBBoxTransform',
                    resize='image',
                    scale_factor=scales,
                    rotate_factor=40.),
                dict(
                    type='CropAffine',
                    input_size=codec['input_size'],
                    pad_value=128), _center_map,
                dict(type='GenerateTarget', encoder=codec)
            ]),
        dict(type='PackClipInputs')
    ]


def _val(scale):
    return [
        dict(type='LoadVideoFrame'),
        dict(
            type='GetBBoxCenterFixedScale',
            input_size=codec['input_size'],
            image_scale=scale),
        dict(
            type='CropAffine', input_size=codec['input_size'], pad_value=128),
        _center_map,
        dict(type='PackClipInputs')
    ]


# Tested at the middle of the scales of training: which one of the seven is
# best is not published.
jhmdb_train_pipeline = _train((1.2, 1.8))
jhmdb_val_pipeline = _val(1.5)
penn_train_pipeline = _train((0.8, 1.4))
penn_val_pipeline = _val(1.1)
