# As movenet_192x192.py, for larger crops.
_base_ = './topdown.py'
codec = dict(
    type='MSRAHeatmap',
    input_size=(256, 256),
    heatmap_size=(64, 64),
    sigma=1.5)
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
