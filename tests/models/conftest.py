# Copyright (c) temporal_corr authors. All rights reserved.
"""Fixtures of the tests of the models: a tiny model and its samples.

64 x 64 inputs, 16 x 16 heatmaps, 5 keypoints.
"""
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData, PixelData
from mmpose.models import build_pose_estimator
from mmpose.structures import PoseDataSample

import projects.temporal_corr.models  # noqa: F401

KEYPOINTS = 5
FLIP_INDICES = [0, 2, 1, 4, 3]
TYPES = dict(
    correlation='ExemplarCorrelation',
    heatmap='PreviousHeatmaps',
    lstm='ConvLSTM')


@pytest.fixture
def single_frame_config():
    """Settings of a model of MMPose's own classes."""
    return dict(
        type='TopdownPoseEstimator',
        backbone=dict(
            type='ResNet',
            depth=18,
            base_channels=8,
            stem_channels=8,
            num_stages=3,
            strides=(1, 2, 2),
            dilations=(1, 1, 1),
            out_indices=(2, )),
        head=dict(
            type='HeatmapHead',
            in_channels=32,
            out_channels=KEYPOINTS,
            deconv_out_channels=(16, 16),
            deconv_kernel_sizes=(4, 4),
            loss=dict(type='KeypointMSELoss', use_target_weight=True),
            decoder=dict(
                type='MSRAHeatmap',
                input_size=(64, 64),
                heatmap_size=(16, 16),
                sigma=2)))


@pytest.fixture
def single_frame_model(single_frame_config):
    """A model of MMPose's own classes, random weights, for evaluation."""
    model = build_pose_estimator(single_frame_config)
    return randomise(model).eval()


@pytest.fixture(params=[*TYPES, None])
def temporal(request):
    """Every temporal module, and none."""
    return request.param


@pytest.fixture
def make_model(single_frame_config):
    """Builds the temporal models.

    ``options`` are those of the temporal module, ``head`` those of the head;
    ``refine`` (float) is the size of the residual branch relative to the
    features, 0 for the initial weights.
    """

    def make(temporal='correlation', refine=1., test_cfg={}, train_cfg={},
             head={}, **options):
        if temporal is not None:
            options = dict(type=TYPES.get(temporal, temporal), **options)
        settings = dict(
            single_frame_config['head'],
            type='TemporalCorrelationHead',
            temporal=options or None,
            refine_channels=8)
        model = build_pose_estimator(
            dict(
                single_frame_config,
                type='VideoTopdownPoseEstimator',
                head=dict(settings, **head),
                test_cfg=dict(test_cfg),
                train_cfg=dict(train_cfg)))
        if refine:
            randomise(model)
            with torch.no_grad():
                model.head.refinement.conv2.weight *= refine
        return model.eval()

    return make


def randomise(model: torch.nn.Module) -> torch.nn.Module:
    """Gives every layer weights that keep the size of its input."""
    with torch.no_grad():
        for module in model.modules():
            if isinstance(module, (torch.nn.Conv2d,
                                   torch.nn.ConvTranspose2d)):
                torch.nn.init.kaiming_normal_(module.weight)
                if module.bias is not None:
                    module.bias.normal_(std=0.1)
            elif isinstance(module, torch.nn.BatchNorm2d):
                module.running_mean.normal_(std=0.1)
                module.running_var.uniform_(0.8, 1.2)
    return model


@pytest.fixture
def video_sample():
    """Makes a test sample; ``video=None`` gives a single image's.

    ``crop`` is the (2, 3) matrix from image to input, or None.
    """

    def make(index=0, video='catch/A', length=10, crop=None):
        sample = PoseDataSample(
            metainfo=dict(
                img_path=f'{video}/{index + 1:05d}.png',
                input_center=np.array([32., 32.]),
                input_scale=np.array([64., 64.]),
                input_size=(64, 64),
                flip_indices=FLIP_INDICES))
        if video is not None:
            sample.set_metainfo(
                dict(
                    video_id=video,
                    frame_index=index,
                    is_first=index == 0,
                    is_last=index == length - 1,
                    previous_frame_index=index - 1,
                    track_id=0))
        sample.gt_instances = InstanceData(
            bboxes=np.array([[0., 0., 64., 64.]]),
            bbox_scores=np.ones(1, dtype=np.float32))
        if crop is not None:
            sample.set_field(crop.view(1, 2, 3), 'crops')
        return sample

    return make


@pytest.fixture
def videos():
    """Frames (T, 3, 64, 64) and moving crops (T, 2, 3) of four videos."""
    frames, crops = {}, {}
    for name, length in dict(A=5, B=3, C=1, D=4).items():
        frames[name] = torch.randn(length, 3, 64, 64)
        crops[name] = torch.eye(2, 3).repeat(length, 1, 1)
        crops[name][:, :, 2] = 12 * torch.rand(length, 2)
    return frames, crops


@pytest.fixture
def predict(video_sample, videos):
    """Predicts a batch of frames of ``videos``: 'A0 B1'."""

    def run(model, batch):
        rows = [(row[0], int(row[1])) for row in batch.split()]
        samples = [
            video_sample(index, name, len(videos[0][name]),
                         videos[1][name][index]) for name, index in rows
        ]
        inputs = torch.stack([videos[0][name][index] for name, index in rows])
        with torch.no_grad():
            return model.predict(inputs, samples)

    return run


@pytest.fixture
def stream():
    """Heatmaps (T, P, h, w) of one video, frame by frame."""

    def run(model, frames, crops, memory=None, **conditions):
        heatmaps = []
        with torch.no_grad():
            for frame, crop in zip(frames, crops):
                maps, memory = model.step(frame[None], memory, crop[None],
                                          **conditions)
                heatmaps.append(maps)
        return torch.cat(heatmaps)

    return run


@pytest.fixture
def clip_batch():
    """Makes a training batch: clips (N, T, 3, H, W) and their samples, with
    targets of ``1 / stride`` of the size and further channels.

    ``frames=0`` gives single frames (N, 3, H, W) as MMPose's.
    """

    def make(count=3, frames=2, size=(64, 64), keypoints=KEYPOINTS, stride=4,
             background=0):
        shape = (count, frames) if frames else (count, )
        maps = (keypoints + background, *(side // stride for side in size))
        inputs = torch.randn(*shape, 3, *size)
        samples = []
        for _ in range(count):
            sample = PoseDataSample()
            sample.gt_fields = PixelData(heatmaps=torch.rand(maps))
            sample.gt_instance_labels = InstanceData(
                keypoint_weights=torch.ones(1, keypoints))
            if frames > 1:
                crops = torch.eye(2, 3).repeat(frames, 1, 1)
                crops[:, :, 2] = 8 * torch.rand(frames, 2)
                for name, value in dict(
                        previous_heatmaps=torch.rand(frames - 1, *maps),
                        previous_weights=torch.ones(frames - 1, keypoints),
                        crops=crops).items():
                    sample.set_field(value, name)
            samples.append(sample)
        return inputs, samples

    return make
