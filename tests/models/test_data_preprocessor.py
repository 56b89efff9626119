# Copyright (c) temporal_corr authors. All rights reserved.
"""Clips are normalised as MMPose normalises their frames."""
import numpy as np
import pytest
import torch
from mmpose.models.data_preprocessors import PoseDataPreprocessor
from mmpose.registry import MODELS
from mmpose.structures import PoseDataSample

from projects.temporal_corr.models import ClipDataPreprocessor

SETTINGS = dict(
    mean=[123.675, 116.28, 103.53],
    std=[58.395, 57.12, 57.375],
    bgr_to_rgb=True)


def images(*shape):
    return torch.randint(0, 256, shape, dtype=torch.uint8)


def samples(count):
    return [PoseDataSample(metainfo=dict(img_id=i)) for i in range(count)]


@pytest.mark.parametrize(
    'settings', [
        SETTINGS,
        dict(SETTINGS, bgr_to_rgb=False),
        dict(mean=[0.5], std=[2.]),
        dict(rgb_to_bgr=True),
        dict(),
    ],
    ids=['BGR to RGB', 'as it is', 'one mean', 'RGB to BGR', 'nothing'])
@pytest.mark.parametrize('stacked', [False, True], ids=['list', 'tensor'])
def test_equals_mmpose_frame_by_frame(settings, stacked):
    """Exactly: for clips of three frames, and for single frames."""
    clips = images(2, 3, 3, 8, 6)
    ours = ClipDataPreprocessor(**settings)
    theirs = PoseDataPreprocessor(**settings)

    def inputs(tensor):
        return tensor if stacked else list(tensor)

    for training in (False, True):
        result = ours(
            dict(inputs=inputs(clips), data_samples=samples(2)), training)
        assert result['inputs'].dtype == torch.float32
        assert result['inputs'].shape == clips.shape
        for number in range(clips.shape[1]):
            frames = clips[:, number]
            wanted = theirs(
                dict(inputs=list(frames), data_samples=samples(2)), training)
            assert torch.equal(result['inputs'][:, number], wanted['inputs'])
            single = ours(
                dict(inputs=inputs(frames), data_samples=samples(2)),
                training)
            assert torch.equal(single['inputs'], wanted['inputs'])


def test_bgr_to_rgb_by_hand():
    """The channels are swapped, not the frames: T is 3 as C is."""
    clip = torch.zeros(1, 3, 3, 1, 1, dtype=torch.uint8)
    clip[0, :, 0] = 10  # blue
    clip[0, :, 2] = 30  # red
    clip[0, 2] += 1  # the last frame
    result = ClipDataPreprocessor(
        mean=[1., 2., 3.], std=[1., 1., 2.], bgr_to_rgb=True)(
            dict(inputs=[clip[0]], data_samples=samples(1)))
    wanted = [[29., -2., 3.5], [29., -2., 3.5], [30., -1., 4.]]
    np.testing.assert_array_equal(result['inputs'][0, :, :, 0, 0].numpy(),
                                  wanted)


def test_input_is_left_as_it_is():
    clip = images(2, 3, 8, 6)
    before = clip.clone()
    ClipDataPreprocessor(**SETTINGS)(
        dict(inputs=[clip], data_samples=samples(1)))
    assert torch.equal(clip, before)


def test_samples_are_told_the_input_size():
    """As MMPose's, for all samples, in their order."""
    given = samples(2)
    result = ClipDataPreprocessor(**SETTINGS)(
        dict(inputs=list(images(2, 2, 3, 8, 6)), data_samples=given))
    theirs = PoseDataPreprocessor(**SETTINGS)(
        dict(inputs=list(images(2, 3, 8, 6)), data_samples=samples(2)))
    for ours, wanted in zip(result['data_samples'], theirs['data_samples']):
        assert ours.metainfo == wanted.metainfo
    assert [s.img_id for s in result['data_samples']] == [0, 1]


def test_without_samples():
    result = ClipDataPreprocessor()(dict(inputs=list(images(2, 3, 8, 6))))
    assert result['data_samples'] is None


def test_is_registered():
    built = MODELS.build(dict(type='ClipDataPreprocessor', **SETTINGS))
    assert isinstance(built, ClipDataPreprocessor)


def test_mixed_shapes_refused():
    with pytest.raises(ValueError, match='TopdownAffine') as error:
        ClipDataPreprocessor(**SETTINGS)(
            dict(
                inputs=[images(2, 3, 8, 6), images(2, 3, 6, 8)],
                data_samples=samples(2)))
    assert '(2, 3, 6, 8)' in str(error.value)
    assert '(2, 3, 8, 6)' in str(error.value)


@pytest.mark.parametrize(
    'shape, reason', [
        ((8, 6), 'one image without channels'),
        ((2, 8, 6, 3), 'channels last'),
        ((2, 2, 3, 8, 6), 'a clip of clips'),
    ],
    ids=lambda case: case if isinstance(case, str) else '')
def test_no_images_refused(shape, reason):
    with pytest.raises(ValueError, match=r'\(N, T, 3, H, W\)'):
        ClipDataPreprocessor()(
            dict(inputs=[images(*shape)], data_samples=samples(1)))
