# "Images are cropped to a fixed size of 368x368 for training": the frame is
# resized, whatever the size of the person, and cropped around the person.
codec = dict(
    type='PartAffinityField', input_size=(368, 368), heatmap_size=(46, 46))

train_pipeline = [
    # Every frame of a clip gets the same flip, scale and rotation.
    dict(
        type='ClipTransforms',
        transforms=[
            dict(type='LoadVideoFrame'),
            dict(
                type='GetBBoxCenterFixedScale',
                input_size=codec['input_size']),
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
            dict(
                type='GenerateCenterMap', heatmap_size=codec['heatmap_size']),
            dict(type='GenerateTarget', encoder=codec),
        ]),
    dict(type='PackClipInputs')
]
_crop = [
    dict(
        type='CropAffine', input_size=codec['input_size'], pad_value=128),
    dict(type='GenerateCenterMap', heatmap_size=codec['heatmap_size']),
    dict(type='PackClipInputs')
]
# A crop around the annotated box in test, too, at one scale, where the paper
# speaks of images: so the person of interest is known on sub-JHMDB as well.
# Of Penn Action's visible test joints 0.12 % (946 of 771,216) lie outside of
# the crop, and count as they are predicted.
# test_dataloader.dataset.crop=frame tests images, in an input that holds them:
# sub-JHMDB's at 1.2 need 384x288, in 368x368 image_scale is at most 1.15.
val_pipeline = [
    dict(type='LoadVideoFrame'),
    dict(type='GetBBoxCenterFixedScale', input_size=codec['input_size']),
    *_crop
]
# "In sub-JHMDB, the persons are of smaller scales, so we enlarge the testing
# images with scale 1.2": 368 / 1.2 = 307 of the 320 pixels of a frame.
enlarged_val_pipeline = [
    dict(type='LoadVideoFrame'),
    dict(
        type='GetBBoxCenterFixedScale',
        input_size=codec['input_size'],
        image_scale=1.2), *_crop
]
