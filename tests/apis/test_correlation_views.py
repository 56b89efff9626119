# Copyright (c) temporal_corr authors. All rights reserved.
from dataclasses import fields

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate

from projects.temporal_corr.apis.correlation_views import (exemplar_positions,
                                                           stream_correlation)
from projects.temporal_corr.apis.video_model import (load_video_model,
                                                     stream_predictions)

VIDEO = 'Rename_Images/act/clip3'  # seven frames


@pytest.fixture
def correlation(tiny_model_files):
    return load_video_model(*tiny_model_files('correlation'))


def views_of(model, gap, frame):
    views, = stream_correlation(model, VIDEO, gap, frame)
    return views


@pytest.mark.parametrize('frame, gap', [(2, None), (7, 3)])
def test_views_show_eq_1_and_its_map(correlation, frame, gap):
    """Maps against plain numpy, exemplars from predicted heatmaps."""
    views = views_of(correlation, gap, frame)
    exemplar = frame - (gap or 1)
    assert (views.frame, views.exemplar_frame) == (frame, exemplar)
    dataset, model = correlation.dataset, correlation.model
    items = correlation.items(VIDEO)
    memory = None
    with torch.no_grad():
        for number in (*range(1, exemplar + 1), frame):
            batch = pseudo_collate([dataset[int(items[number - 1])]])
            inputs = model.data_preprocessor(batch, False)['inputs']
            heatmaps, new_memory = model.step(inputs, memory)
            features = model.head.features(model.extract_feat(inputs))
            if number < frame:
                memory = new_memory
                exemplars = np.einsum('phw,chw->pc',
                                      heatmaps[0].numpy().clip(min=0),
                                      features[0].numpy())
    norms = np.linalg.norm(exemplars, axis=1, keepdims=True)
    exemplars /= np.where(norms > 0, norms, 1)
    maps = np.einsum('pc,chw->phw', exemplars, features[0].numpy())
    scale = np.abs(maps).max()
    np.testing.assert_allclose(
        views.correlation / scale, maps / scale, atol=1e-5)
    np.testing.assert_allclose(views.heatmaps, heatmaps[0].numpy(), rtol=1e-4)
    assert views.image.shape == views.exemplar_image.shape == (384, 288, 3)


@pytest.mark.parametrize('gap', [None, 2])
def test_all_frames_as_each_alone(correlation, gap):
    found = list(stream_correlation(correlation, VIDEO, gap))
    assert [(v.exemplar_frame, v.frame) for v in found
            ] == [(i - (gap or 1), i) for i in range(1 + (gap or 1), 8)]
    for views in (found[0], found[-1]):
        alone = views_of(correlation, gap, views.frame)
        for field in fields(views):
            np.testing.assert_array_equal(
                getattr(views, field.name), getattr(alone, field.name),
                field.name)


def test_views_show_what_the_test_loop_predicts(correlation):
    """Keypoints and pixels of the crop, at three times its size."""
    frames = list(stream_predictions([correlation], VIDEO))[1:]
    views = list(stream_correlation(correlation, VIDEO))
    assert len(views) == len(frames) == 6
    for view, (image, (sample, )) in zip(views, frames):
        crop = 3 * np.asarray(sample.crops[-1], float)
        keypoints = sample.pred_instances.keypoints[0]
        inside = keypoints @ crop[:, :2].T + crop[:, 2]
        np.testing.assert_allclose(view.keypoints, inside, atol=.1)
        assert not np.allclose(view.keypoints_alone, inside, atol=.1)
        # Pixels land where the crop puts them, give or take the rounding.
        rows, columns = np.mgrid[10:40, 15:50]
        points = np.stack([columns, rows], axis=-1) @ crop[:, :2].T
        x, y = (points + crop[:, 2]).round().astype(int).reshape(-1, 2).T
        error = view.image[y, x].astype(int) - image[rows, columns].reshape(
            -1, 3)
        assert np.abs(error).mean() < 10  # of noise from 0 to 255


@pytest.mark.parametrize('options', [
    pytest.param({}, id='inner products'),
    pytest.param({'head.temporal.normalize': True}, id='cosines'),
    pytest.param({'test_cfg.memory.policy': 'fixed'}, id='a policy'),
])
def test_maps_are_those_that_the_head_scales(tiny_model_files, options):
    video_model = load_video_model(
        *tiny_model_files(),
        cfg_options={f'model.{name}': options[name]
                     for name in options})
    layer, scaled = video_model.model.head.temporal, []
    own = layer.scaled

    def listen(maps, found):
        scaled.append(own(maps, found)[0].numpy())
        return own(maps, found)

    layer.scaled = listen
    scale, bias = (
        parameter.detach().numpy()[:, None, None]
        for parameter in (layer.scale, layer.bias))
    for views in stream_correlation(video_model, VIDEO):
        # A keypoint without a score anywhere has no exemplar and no map.
        found = views.correlation.any(axis=(1, 2), keepdims=True)
        expected = (views.correlation * scale + bias) * found
        assert any(np.allclose(maps, expected, atol=1e-5) for maps in scaled)
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
    assert exemplar_positions(numbers, gap) == expected


@pytest.mark.parametrize('gap, pair', [(None, (3, 4)), (5, (1, 6))])
def test_middle_frame_or_the_nearest_that_has_exemplars(
        correlation, gap, pair):
    views = views_of(correlation, gap, 'middle')
    assert (views.exemplar_frame, views.frame) == pair


@pytest.mark.parametrize('video, gap, frame, message', [
    ('Rename_Images/act/clip4', None, None, 'no exemplar frame'),  # one frame
    (VIDEO, 7, 'middle', '7 frames before any frame'),
    (VIDEO, 0, None, '0 frames before'),
    (VIDEO, None, 1, 'before frame 1'),
    ('clip9', None, None, 'has no video'),
])
def test_nothing_to_show_is_refused(correlation, video, gap, frame, message):
    with pytest.raises(ValueError, match=message):
        next(stream_correlation(correlation, video, gap, frame))


def test_other_models_are_refused(tiny_model_files):
    video_model = load_video_model(*tiny_model_files('heatmap'))
    with pytest.raises(ValueError, match="temporal=PreviousHeatmaps"):
        next(stream_correlation(video_model, VIDEO))
