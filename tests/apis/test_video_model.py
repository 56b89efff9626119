# Copyright (c) temporal_corr authors. All rights reserved.
import cv2
import numpy as np
import pytest

from projects.temporal_corr.apis.video_model import (load_video_model,
                                                     stream_predictions)

VIDEO = 'Rename_Images/act/clip3'  # seven frames


def keypoints(samples):
    return np.array([sample.pred_instances.keypoints for sample in samples])


@pytest.mark.parametrize('temporal', ['correlation', 'heatmap', None])
def test_stream_predicts_as_the_test_loop_does(tiny_model_files, predict_all,
                                               temporal):
    """Which runs several videos in a batch; images are those of the files."""
    video_model = load_video_model(*tiny_model_files(temporal))
    expected = predict_all(video_model.model, video_model.dataset, lanes=3)
    # One that was left leaves nothing behind.
    left = stream_predictions([video_model], VIDEO)
    next(left)
    left.close()
    frames = list(stream_predictions([video_model], VIDEO))
    assert [sample.frame_index for _, (sample, ) in frames] == [*range(7)]
    for image, (sample, ) in frames:
        # One cell of a tie can fall either way between batch sizes.
        np.testing.assert_allclose(
            keypoints([sample]),
            keypoints([expected[sample.img_path]]),
            atol=1e-3)
        np.testing.assert_array_equal(image[..., ::-1],
                                      cv2.imread(sample.img_path))


def test_models_side_by_side_do_not_disturb_each_other(tiny_model_files):
    models = [
        load_video_model(*tiny_model_files(temporal))
        for temporal in ('correlation', None)
    ]
    together = [samples for _, samples in stream_predictions(models, VIDEO)]
    for model, samples in zip(models, zip(*together)):
        alone = [found for _, (found, ) in stream_predictions([model], VIDEO)]
        np.testing.assert_array_equal(keypoints(samples), keypoints(alone))


def test_what_does_not_fit_together_is_refused(tiny_model_files):
    config, checkpoint = tiny_model_files('correlation')
    model = load_video_model(config, checkpoint)
    other = load_video_model(
        config,
        checkpoint,
        cfg_options={'test_dataloader.dataset.frame_stride': 2})
    with pytest.raises(ValueError, match='7 and 4 frames.*frame_stride'):
        next(stream_predictions([model, other], VIDEO))
    with pytest.raises(ValueError, match='clip9.*It has 5.*act/clip'):
        model.items('Rename_Images/act/clip9')
    with pytest.raises(RuntimeError, match='does not belong to this model'):
        load_video_model(config, tiny_model_files('heatmap')[1])
