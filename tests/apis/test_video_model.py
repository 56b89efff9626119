# Copyright (c) temporal_corr authors. All rights reserved.
import cv2
import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from projects.temporal_corr.apis.video_model import (load_video_model,
                                                     stream_predictions)
from projects.temporal_corr.datasets import VideoSampler

VIDEO = 'Rename_Images/act/clip3'  # seven frames


@pytest.fixture
def correlation(tiny_model_files):
    return load_video_model(*tiny_model_files('correlation'))


@pytest.mark.parametrize('temporal', ['correlation', 'heatmap', None])
def test_stream_predicts_as_the_test_loop_does(tiny_model_files, temporal):
    """Which runs several videos in a batch; images are those of the files."""
    video_model = load_video_model(*tiny_model_files(temporal))
    dataset, model = video_model.dataset, video_model.model
    loader = DataLoader(
        dataset,
        batch_size=3,
        sampler=VideoSampler(dataset, lanes=3),
        collate_fn=pseudo_collate)
    with torch.no_grad():
        expected = {
            sample.img_path: sample.pred_instances.keypoints
            for batch in loader for sample in model.test_step(batch)
        }
    stream = stream_predictions([video_model], VIDEO)
    for number, (image, (sample, )) in enumerate(stream):
        assert sample.frame_index == number
        # One cell of a tie can fall either way between batch sizes.
        np.testing.assert_allclose(
            sample.pred_instances.keypoints,
            expected[sample.img_path],
            atol=1e-3)
        np.testing.assert_array_equal(image[..., ::-1],
                                      cv2.imread(sample.img_path))
    assert number == 6


def test_stream_starts_anew_after_it_was_left(correlation):
    stream = stream_predictions([correlation], VIDEO)
    _, (first, ) = next(stream)
    stream.close()
    _, (again, ) = next(stream_predictions([correlation], VIDEO))
    np.testing.assert_allclose(again.pred_instances.keypoints,
                               first.pred_instances.keypoints)


def test_models_side_by_side_do_not_disturb_each_other(tiny_model_files):
    models = [
        load_video_model(*tiny_model_files(temporal))
        for temporal in ('correlation', None)
    ]
    together = [samples for _, samples in stream_predictions(models, VIDEO)]
    for i, model in enumerate(models):
        alone = stream_predictions([model], VIDEO)
        for both, (_, (sample, )) in zip(together, alone):
            np.testing.assert_array_equal(both[i].pred_instances.keypoints,
                                          sample.pred_instances.keypoints)


def test_what_does_not_fit_together_is_refused(tiny_model_files, correlation):
    config, checkpoint = tiny_model_files('correlation')
    other = load_video_model(
        config,
        checkpoint,
        cfg_options={'test_dataloader.dataset.frame_stride': 2})
    with pytest.raises(ValueError, match='7 and 4 frames.*frame_stride'):
        next(stream_predictions([correlation, other], VIDEO))
    with pytest.raises(ValueError, match='clip9.*It has 5.*act/clip'):
        correlation.items('Rename_Images/act/clip9')
    with pytest.raises(RuntimeError, match='does not belong to this model'):
        load_video_model(config, tiny_model_files('heatmap')[1])
    with pytest.raises(FileNotFoundError, match='none.pth'):
        load_video_model(config, 'none.pth')
