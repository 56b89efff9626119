# Copyright (c) temporal_corr authors. All rights reserved.
from dataclasses import fields

import numpy as np
import pytest

from projects.temporal_corr.visualization import (load_video_model,
                                                  probe_correlation,
                                                  stream_correlation,
                                                  stream_predictions)
from projects.temporal_corr.visualization.frame_pairs import exemplar_positions

VIDEO = 'Rename_Images/act/clip5'  # four frames


@pytest.fixture
def correlation(tiny_model_files):
    return load_video_model(*tiny_model_files('correlation'))


@pytest.mark.parametrize('gap, pairs', [
    (None, [(1, 2), (2, 3), (3, 4)]),
    (2, [(1, 3), (2, 4)]),
])
def test_stream_is_the_probe_at_every_frame(correlation, gap, pairs):
    found = list(stream_correlation(correlation, VIDEO, gap))
    assert [(v.exemplar_frame, v.frame) for v in found] == pairs
    for views in found:
        probed = probe_correlation(correlation, VIDEO, views.frame, gap)
        for field in fields(views):
            np.testing.assert_array_equal(
                getattr(views, field.name), getattr(probed, field.name),
                field.name)


def test_stream_estimates_what_the_test_loop_predicts(correlation):
    """Keypoints of the crop, moved into the image, are the prediction."""
    predicted = [samples[0] for _, samples in stream_predictions(
        [correlation], VIDEO)][1:]
    views = list(stream_correlation(correlation, VIDEO))
    assert len(views) == len(predicted) == 3
    for view, sample in zip(views, predicted):
        zoom = view.image.shape[0] / 128
        crop = sample.crops[0].numpy()
        keypoints = sample.pred_instances.keypoints[0]
        inside = keypoints @ crop[:, :2].T + crop[:, 2]
        np.testing.assert_allclose(view.keypoints / zoom, inside, atol=.01)


@pytest.mark.parametrize('options', [
    pytest.param({}, id='inner products'),
    pytest.param({'head.normalize': True}, id='cosines'),
    pytest.param({'test_cfg.memory.policy': 'fixed'}, id='a policy'),
    pytest.param({'test_cfg.memory.policy': 'bank'},
                 id='several exemplars a keypoint'),
])  # yapf: disable
def test_maps_are_those_that_the_head_scales(tiny_model_files, options):
    video_model = load_video_model(
        *tiny_model_files(),
        cfg_options={f'model.{name}': options[name]
                     for name in options})
    layer, scaled = video_model.model.head.correlation, []
    layer.register_forward_hook(
        lambda module, inputs, output: scaled.append(output[0].numpy()))
    scale, bias = (
        parameter.detach().numpy()[:, None, None]
        for parameter in (layer.scale, layer.bias))
    for views in stream_correlation(video_model, VIDEO):
        # A keypoint without a score anywhere has no exemplar and no map.
        found = views.correlation.any(axis=(1, 2), keepdims=True)
        expected = (views.correlation * scale + bias) * found
        assert any(
            np.allclose(maps, expected, atol=1e-5) for maps in scaled)
        scaled.clear()


@pytest.mark.parametrize('numbers, gap, expected', [
    ([1, 2, 3], None, {1: 0, 2: 1}),
    ([1, 2, 3, 4], 2, {2: 0, 3: 1}),
    ([1, 4, 7, 10], 6, {2: 0, 3: 1}),
    ([1, 2, 6], 4, {2: 1}),
    ([1, 2, 3], 5, {}),
    ([1, 2, 3], 0, {}),
    ([5], None, {}),
], ids=['just before', 'gap', 'stride', 'hole', 'too far', 'itself', 'one'])
def test_exemplar_positions(numbers, gap, expected):
    assert exemplar_positions(np.array(numbers), gap) == expected


@pytest.mark.parametrize('video, gap, message', [
    ('Rename_Images/act/clip4', None, 'one frame only'),
    (VIDEO, 7, 'frame'),
    (VIDEO, 0, 'no exemplar frame is 0'),
    ('clip9', None, 'has no video'),
])
def test_nothing_to_show_is_refused(correlation, video, gap, message):
    with pytest.raises(ValueError, match=message):
        next(stream_correlation(correlation, video, gap))


def test_other_models_are_refused(tiny_model_files):
    video_model = load_video_model(*tiny_model_files('heatmap'))
    with pytest.raises(ValueError, match="temporal='heatmap'"):
        next(stream_correlation(video_model, VIDEO))
