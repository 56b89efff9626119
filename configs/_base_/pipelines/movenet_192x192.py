# Square crops; heatmaps at stride 4, as MoveNet has.
_base_ = './topdown.py'
codec = dict(
    type='MSRAHeatmap',
    input_size=(192, 192),
    heatmap_size=(48, 48),
    sigma=1.5)
# Decoded by DARK: at stride 4 of small crops a cell is some percent of a
# person.
decoder = dict(codec, unbiased=True)
_crop = dict(type='CropAffine', input_size=codec['input_size'])
train_pipeline = [
    # Every frame of a clip gets the same flip, scale and rotation.
    dict(
        type='ClipTransforms',
        transforms=[
            *_base_.train_transforms, _crop,
            dict(type='GenerateTarget', encoder=codec)
        ]),
    dict(type='PackClipInputs')
]
val_pipeline = [*_base_.val_transforms, _crop, dict(type='PackClipInputs')]
