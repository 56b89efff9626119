# Copyright (c) temporal_corr authors. All rights reserved.
import numpy as np
import pytest
import torch
from mmdet.structures import DetDataSample
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmengine.structures import InstanceData

from projects.temporal_corr.apis import SourceFrame, detection

FRAME = SourceFrame(0, np.zeros((48, 64, 3), np.uint8), True)


class Detector:
    """Finds the same in every picture, as MMDetection's do."""

    cfg = Config(
        dict(
            test_dataloader=dict(
                dataset=dict(pipeline=[
                    dict(type='LoadImageFromFile'),
                    dict(type='PackDetInputs', meta_keys=('img_shape', ))
                ]))))

    def __init__(self):
        self.data_preprocessor = torch.nn.Identity()
        self.data_preprocessor.device = torch.device('cpu')

    def modules(self):
        return iter(())

    def test_step(self, data):
        assert data['inputs'][0].shape == (3, 48, 64)
        sample = DetDataSample()
        sample.pred_instances = InstanceData(
            bboxes=torch.tensor([
                [0., 0., 10., 40.],  # a person
                [1., 0., 11., 40.],  # the same, weaker
                [6., 0., 16., 40.],  # another, who is behind
                [30., 0., 60., 40.],  # a dog
                [20., 5., 20., 30.],  # nothing
            ]),
            scores=torch.tensor([0.8, 0.9, 0.7, 0.95, 0.6]),
            labels=torch.tensor([0, 0, 0, 16, 0]))
        return [sample]


@pytest.fixture
def detector(monkeypatch):
    monkeypatch.setattr(detection, 'init_detector',
                        lambda *args, **kwargs: Detector())
    return detection.PersonDetector('config.py')


def test_people_strongest_first(detector):
    boxes, scores = detector(FRAME)
    assert boxes.tolist() == [[1, 0, 11, 40], [6, 0, 16, 40]]
    np.testing.assert_allclose(scores, [0.9, 0.7])


def test_default_scope_stays(detector):
    detector(FRAME)
    assert DefaultScope.get_current_instance().scope_name == 'mmpose'


def test_missing_checkpoint():
    with pytest.raises(FileNotFoundError, match='none.pth of the detector'):
        detection.PersonDetector('config.py', 'none.pth')
