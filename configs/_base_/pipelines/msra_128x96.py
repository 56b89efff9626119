# Half of msra_256x192.py on each side, for a CPU.
_base_ = './topdown.py'
codec = dict(
    type='MSRAHeatmap', input_size=(96, 128), heatmap_size=(24, 32), sigma=1.5)
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
