# Copyright (c) temporal_corr authors. All rights reserved.
import cv2
import numpy as np
import pytest
import torch
from mmengine.structures import InstanceData
from mmpose.codecs import MSRAHeatmap
from mmpose.structures import PoseDataSample

from projects.temporal_corr.models.video_topdown import ground_truth_heatmaps

FLIP_INDICES = [0, 2, 1, 4, 3]
CODEC = MSRAHeatmap(input_size=(64, 48), heatmap_size=(16, 12), sigma=1.)


@pytest.fixture
def annotated():
    """A test sample with a crop that turns, and its image."""
    rng = np.random.default_rng(0)
    matrix = cv2.getRotationMatrix2D((40, 30), 20, 1.2)
    sample = PoseDataSample(
        metainfo=dict(input_size=(64, 48), flip_indices=FLIP_INDICES))
    keypoints = rng.uniform((25, 20), (55, 40), size=(1, 5, 2))
    sample.gt_instances = InstanceData(
        keypoints=keypoints, keypoints_visible=np.array([[1, 1, 1, 1, 0]]))
    sample.set_field(torch.from_numpy(matrix)[None].float(), 'crops')
    return sample, cv2.transform(keypoints, matrix)


def test_ground_truth_lies_where_the_crop_puts_it(annotated):
    sample, keypoints = annotated
    [heatmaps] = ground_truth_heatmaps([sample], CODEC)
    found, _ = CODEC.decode(heatmaps.numpy())
    np.testing.assert_allclose(found[0, :4], keypoints[0, :4], atol=4.)
    assert not heatmaps[4].any()  # not visible


def test_mirrored_ground_truth_is_that_of_the_mirrored_person(annotated):
    sample, keypoints = annotated
    [heatmaps] = ground_truth_heatmaps([sample], CODEC, FLIP_INDICES)
    mirrored = keypoints[:, FLIP_INDICES] * [-1, 1] + [63, 0]
    wanted = CODEC.encode(
        mirrored.astype(np.float32), np.array([[1, 1, 1, 0, 1]]))['heatmaps']
    np.testing.assert_allclose(heatmaps.numpy(), wanted)
