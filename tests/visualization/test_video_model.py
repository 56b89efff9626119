# Copyright (c) temporal_corr authors. All rights reserved.
import json

import numpy as np
import pytest
import torch
from mmengine.dataset import pseudo_collate
from torch.utils.data import DataLoader

from projects.temporal_corr.datasets import VideoSampler
from projects.temporal_corr.visualization import (load_video_model,
                                                  probe_correlation,
                                                  stream_predictions)
from projects.temporal_corr.visualization.correlation_probe import select_pair

VIDEO = 'Rename_Images/act/clip3'  # seven frames
STRIDE = {'test_dataloader.dataset.frame_stride': 2}


@pytest.fixture
def correlation(tiny_model_files):
    return load_video_model(*tiny_model_files('correlation'))


@pytest.mark.parametrize('temporal', ['correlation', 'heatmap', None])
@pytest.mark.parametrize('batch_size', [1, 3, 16])
def test_stream_predicts_as_the_test_loop_does(tiny_model_files, temporal,
                                               batch_size):
    video_model = load_video_model(*tiny_model_files(temporal))
    dataset, model = video_model.dataset, video_model.model
    loader = DataLoader(
        dataset,
        batch_size=3,
        sampler=VideoSampler(dataset, lanes=3),
        collate_fn=pseudo_collate)
    expected = {}
    with torch.no_grad():
        for batch in loader:
            for sample in model.test_step(batch):
                keypoints = sample.pred_instances.keypoints
                expected[sample.img_path] = keypoints
    stream = stream_predictions([video_model], VIDEO, batch_size)
    streamed = [samples[0] for _, samples in stream]
    assert [sample.frame_index for sample in streamed] == [*range(7)]
    for sample in streamed:
        # One cell of a tie can fall either way between batch sizes.
        np.testing.assert_allclose(
            sample.pred_instances.keypoints,
            expected[sample.img_path],
            atol=1e-3)


def test_stream_gives_the_original_images(correlation, tiny_jhmdb):
    import cv2
    for number, (image, _) in enumerate(
            stream_predictions([correlation], VIDEO), start=1):
        path = tiny_jhmdb / VIDEO / f'{number:05d}.png'
        np.testing.assert_array_equal(image[..., ::-1], cv2.imread(str(path)))


def test_stream_starts_anew_after_it_was_left(correlation):
    stream = stream_predictions([correlation], VIDEO, batch_size=1)
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


def test_models_on_other_frames_are_refused(tiny_model_files, correlation):
    files = tiny_model_files('correlation')
    other = load_video_model(*files, cfg_options=STRIDE)
    with pytest.raises(ValueError, match='7 and 4 frames.*frame_stride'):
        next(stream_predictions([correlation, other], VIDEO))


def test_unknown_video_names_some(correlation):
    with pytest.raises(ValueError, match='clip9.*It has 5.*act/clip'):
        correlation.items('Rename_Images/act/clip9')


def test_checkpoint_of_another_head_is_refused(tiny_model_files):
    config, _ = tiny_model_files('correlation')
    _, checkpoint = tiny_model_files('heatmap')
    with pytest.raises(RuntimeError, match='does not belong to this model'):
        load_video_model(config, checkpoint)
    with pytest.raises(FileNotFoundError, match='none.pth'):
        load_video_model(config, 'none.pth')


@pytest.mark.parametrize('frame, gap', [(2, 1), (7, 3)])
def test_probe_shows_eq_1_and_its_map(correlation, frame, gap):
    """Maps against plain numpy, exemplars from predicted heatmaps."""
    views = probe_correlation(correlation, VIDEO, frame, gap)
    assert (views.frame, views.exemplar_frame) == (frame, frame - gap)
    dataset, model = correlation.dataset, correlation.model
    items = dict(dataset.videos)[VIDEO]
    memory = None
    with torch.no_grad():
        for number in (*range(1, frame - gap + 1), frame):
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


def test_probe_shows_the_prediction_of_the_test(correlation):
    """With the frame just before, the estimate is that of the test."""
    views = probe_correlation(correlation, VIDEO, 5)
    samples = [s[0] for _, s in stream_predictions([correlation], VIDEO)]
    crop = np.asarray(samples[4].crops[-1])
    keypoints = samples[4].pred_instances.keypoints[0]
    expected = 3 * (keypoints @ crop[:, :2].T + crop[:, 2])
    np.testing.assert_allclose(views.keypoints, expected, atol=0.1)
    assert not np.allclose(views.keypoints_alone, expected, atol=0.1)


def test_probe_refuses_a_model_without_maps(tiny_model_files):
    video_model = load_video_model(*tiny_model_files('heatmap'))
    with pytest.raises(ValueError, match="temporal='heatmap'"):
        probe_correlation(video_model, VIDEO)


@pytest.mark.parametrize('numbers, frame, gap, expected', [
    ([1, 2, 3, 4, 5], None, None, (1, 2)),
    ([1, 2, 3, 4, 5], 5, 3, (1, 4)),
    ([1, 2, 3, 4, 5], None, 3, (0, 3)),
    ([1, 4, 7], 7, 3, (1, 2)),
    ([1, 4, 7], 4, None, (0, 1)),
    ([1, 2], None, None, (0, 1)),
], ids=[
    'middle', 'given', 'the middle comes too early', 'stride',
    'stride, the frame just before', 'two frames'
])
def test_pair_of_frames(numbers, frame, gap, expected):
    assert select_pair(numbers, 'v', frame, gap) == expected


@pytest.mark.parametrize('numbers, frame, gap, message', [
    ([1], None, None, 'one frame only'),
    ([1, 2, 3], 1, None, 'no earlier frame.*1 to 3'),
    ([1, 2, 3], 9, None, 'not there.*1 to 3'),
    ([1, 2, 3], 2, 2, 'no exemplar frame is 2 frames before'),
    ([1, 2, 3], 2, 0, 'no exemplar frame is 0'),
    ([1, 4, 7], 4, 1, 'in steps of 3'),
    ([1, 2, 3], None, 40, 'not there'),
])
def test_impossible_pairs_are_refused(numbers, frame, gap, message):
    with pytest.raises(ValueError, match=message):
        select_pair(numbers, 'v', frame, gap)


def test_real_clip_is_streamed(jhmdb_root, tiny_model_files, tmp_path):
    """A real clip, frames as its avi has them."""
    import cv2
    path = sorted(jhmdb_root.glob('ReCompress_Videos/*/*.avi'))[0]
    folder = f'Rename_Images/{path.parent.name}/{path.stem}'
    (tmp_path / folder).mkdir(parents=True)
    video = cv2.VideoCapture(str(path))
    images, annotations = [], []
    for number in range(1, 5):
        image = video.read()[1]
        name = f'{folder}/{number:05d}.png'
        cv2.imwrite(str(tmp_path / name), image)
        height, width = image.shape[:2]
        images.append(
            dict(id=10000 + number, file_name=name, width=width,
                 height=height, vid_id=1, frame_id=number,
                 nframes=4))  # yapf: disable
        annotations.append(
            dict(id=number, image_id=10000 + number, category_id=1,
                 track_id=0, keypoints=[100., 100., 2.] * 15,
                 bbox=[80, 60, 100, 120]))  # yapf: disable
    (tmp_path / 'test.json').write_text(
        json.dumps(
            dict(
                images=images,
                annotations=annotations,
                categories=[dict(id=1, name='person')])))
    video_model = load_video_model(
        *tiny_model_files(),
        cfg_options={
            'test_dataloader.dataset.data_root': str(tmp_path),
            'test_dataloader.dataset.ann_file': 'test.json'
        })
    frames = list(stream_predictions([video_model], folder))
    assert len(frames) == 4
    for image, (sample, ) in frames:
        assert image.shape == (240, 320, 3)
        assert np.isfinite(sample.pred_instances.keypoints).all()
