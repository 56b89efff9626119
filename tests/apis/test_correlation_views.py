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


@pytest.mark.parametrize('gap, cosines, policy', [
    (None, False, None),
    (2, False, None),
    (None, True, None),
    (None, False, 'fixed'),
])
def test_views_show_eq_1_and_its_map(tiny_model_files, gap, cosines, policy):
    """Maps against plain numpy, exemplars from predicted heatmaps."""
    options = {'model.head.temporal.normalize': cosines}
    if policy:
        options['model.test_cfg.memory.policy'] = policy
    correlation = load_video_model(*tiny_model_files(), cfg_options=options)
    dataset, model = correlation.dataset, correlation.model
    found = list(stream_correlation(correlation, VIDEO, gap))
    step = gap or 1
    assert [(view.exemplar_frame, view.frame)
            for view in found] == [(i - step, i) for i in range(1 + step, 8)]
    memories, exemplars = {0: None}, {0: np.zeros((15, 1))}
    for number, item in enumerate(correlation.items(VIDEO), start=1):
        batch = pseudo_collate([dataset[int(item)]])
        with torch.no_grad():
            inputs = model.data_preprocessor(batch, False)['inputs']
            features = model.head.features(model.extract_feat(inputs))[0]
            heatmaps, memories[number] = model.step(inputs,
                                                    memories[number - 1])
            if number > step:
                seen, _ = model.step(inputs, memories[number - step])
        features = features.numpy()
        rows = np.einsum('phw,chw->pc', heatmaps[0].numpy().clip(min=0),
                         features)
        norms = np.linalg.norm(rows, axis=1, keepdims=True)
        # A keypoint without a score anywhere has no exemplar and no map.
        rows = rows / np.where(norms > 0, norms, 1)
        before = exemplars[number - 1]
        kept = before.any(axis=1, keepdims=True) & (policy == 'fixed')
        exemplars[number] = np.where(kept, before, rows)
        if number <= step:
            continue
        views = found[number - step - 1]
        if cosines:
            features = features / np.linalg.norm(features, axis=0)
        maps = np.einsum('pc,chw->phw', exemplars[number - step], features)
        scale = np.abs(maps).max()
        np.testing.assert_allclose(
            views.correlation / scale, maps / scale, atol=1e-5)
        np.testing.assert_allclose(
            views.heatmaps, seen[0].numpy(), rtol=1e-4, atol=1e-6)
        assert views.image.shape == views.exemplar_image.shape == (384, 288, 3)
    # One frame alone is shown as among all.
    alone, = stream_correlation(correlation, VIDEO, gap, 7)
    for field in fields(alone):
        np.testing.assert_array_equal(
            getattr(alone, field.name), getattr(found[-1], field.name),
            field.name)


def test_views_show_what_the_test_loop_predicts(correlation):
    """Keypoints and pixels of the crop, at three times its size."""
    frames = list(stream_predictions([correlation], VIDEO))[1:]
    views = list(stream_correlation(correlation, VIDEO))
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


@pytest.mark.parametrize('numbers, gap, expected', [
    ([1, 2, 3], None, {1: 0, 2: 1}),
    ([1, 2, 3, 4], 2, {2: 0, 3: 1}),
    ([1, 4, 7, 10], 6, {2: 0, 3: 1}),
    ([1, 2, 6], 4, {2: 1}),
    ([1, 2, 3], 0, {}),
    ([5], None, {}),
], ids=['just before', 'gap', 'stride', 'hole', 'itself', 'one'])
def test_exemplar_positions(numbers, gap, expected):
    assert exemplar_positions(numbers, gap) == expected


@pytest.mark.parametrize('gap, pair', [(None, (3, 4)), (5, (1, 6))])
def test_middle_frame_or_the_nearest_that_has_exemplars(
        correlation, gap, pair):
    views, = stream_correlation(correlation, VIDEO, gap, 'middle')
    assert (views.exemplar_frame, views.frame) == pair


@pytest.mark.parametrize('temporal, video, gap, frame, message', [
    ('correlation', VIDEO, 7, 'middle', '7 frames before any frame'),
    ('correlation', VIDEO, None, 1, 'before frame 1'),
    ('correlation', 'clip9', None, None, 'has no video'),
    ('heatmap', VIDEO, None, None, 'temporal=PreviousHeatmaps'),
])
def test_nothing_to_show_is_refused(tiny_model_files, temporal, video, gap,
                                    frame, message):
    model = load_video_model(*tiny_model_files(temporal))
    with pytest.raises(ValueError, match=message):
        next(stream_correlation(model, video, gap, frame))
