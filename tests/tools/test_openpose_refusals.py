# Copyright (c) temporal_corr authors. All rights reserved.
"""What the converter of OpenPose's weights refuses, and what it says."""
import os
import sys
from pathlib import Path

import numpy as np
import pytest
import torch

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools/model_converters'))
sys.path.insert(0, str(ROOT / 'tests/models'))

import openpose_mpi  # noqa: E402
import openpose_reference as reference  # noqa: E402
from openpose_weight_files import (caffemodel, hollow,  # noqa: E402
                                   sequential_places)


def coco_shapes():
    shapes = reference.layer_shapes()
    for name, shape in shapes.items():
        outputs = {28: 38, 16: 19}.get(shape[0], shape[0])
        inputs = 128 + 38 + 19 if shape[1] == 172 else shape[1]
        shapes[name] = (outputs, inputs, *shape[2:])
    return shapes


def changed(**layers):
    shapes = dict(reference.layer_shapes(), **layers)
    return {name: shape for name, shape in shapes.items() if shape}


def body_25_shapes():
    return {
        'conv1_1': (64, 3, 3, 3),
        'Mconv1_stage0_L2_0': (96, 128, 3, 3),
    }


def not_finite():
    weights = hollow(reference.layer_shapes())
    weights['conv4_2.bias'] = torch.full((512, ), float('nan'))
    return weights


def vgg_batch_norm():
    # convolution, norm, ReLU: the first places of vgg19_bn
    names = hollow({f'features.{i}': (64, 3, 3, 3) for i in (0, 3, 7)})
    names.update(hollow({'features.1': (64, )}))
    return names


class Call:
    """Pickles as a call of any function."""

    def __reduce__(self):
        return os.system, ('touch called', )


@pytest.mark.parametrize('content, words', [
    pytest.param(lambda: hollow(coco_shapes()),
                 ['COCO model', '38', '19', 'pose_iter_160000.caffemodel',
                  'conv5_5_CPM_L1.weight is (38, 512, 1, 1), not '
                  '(28, 512, 1, 1)'], id='COCO, Caffe names'),
    pytest.param(lambda: hollow(coco_shapes(), sequential_places().get),
                 ['COCO model'], id='COCO, nn.Sequential'),
    pytest.param(lambda: hollow(body_25_shapes()),
                 ['BODY_25', 'not of this network: Mconv1_stage0_L2_0'],
                 id='BODY_25'),
    pytest.param(lambda: hollow(changed(Mconv3_stage4_L2=None)),
                 ['missing: Mconv3_stage4_L2'], id='a layer is missing'),
    pytest.param(lambda: hollow(changed(conv6=(1, 1, 1, 1))),
                 ['not of this network: conv6.weight; conv6.bias'],
                 id='a layer too many'),
    pytest.param(lambda: hollow(changed(conv1_1=(64, 4, 3, 3))),
                 ['other shapes: conv1_1.weight is (64, 4, 3, 3)'],
                 id='another shape'),
    pytest.param(lambda: {key: value for key, value in
                          hollow(changed()).items() if key != 'conv1_2.bias'},
                 ['missing: conv1_2.bias'], id='no bias'),
    pytest.param(not_finite, ['not finite: conv4_2.bias'], id='NaN'),
    pytest.param(vgg_batch_norm, ["not torchvision's VGG-19"],
                 id='VGG-19 with batch norm'),
    pytest.param(lambda: hollow({'layer1.0.conv1': (64, 64, 3, 3)}),
                 ['no layer of this network', 'layer1.0.conv1.weight'],
                 id='ResNet'),
    pytest.param(lambda: dict(hollow({'a.conv1_1': (64, 3, 3, 3)}),
                              **hollow({'b.conv1_1': (64, 3, 3, 3)})),
                 ['a.conv1_1.weight and b.conv1_1.weight'], id='two models'),
    pytest.param(lambda: [1, 2], ['no state dict'], id='a list'),
    pytest.param(lambda: dict(model=Call()), ['could run code'], id='code'),
])  # yapf: disable
def test_refused_state_dicts(content, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    torch.save(content(), 'weights.pth')
    with pytest.raises(RuntimeError) as error:
        openpose_mpi.convert(Path('weights.pth'))
    for word in ['weights.pth', *words]:
        assert word in str(error.value)
    assert not Path('called').exists()


TINY = caffemodel(dict(conv1_1=[np.zeros((64, 3, 3, 3)), np.zeros(64)]))


@pytest.mark.parametrize('content, words', [
    pytest.param(b'', ['is empty'], id='empty'),
    pytest.param(b'\n <!DOCTYPE html><html>', ['web page'], id='web page'),
    pytest.param(b'version https://git-lfs.github.com/spec/v1\noid sha256:1',
                 ['git lfs pull'], id='Git LFS'),
    pytest.param(b'input: "image"\ninput_dim: 1', ['is a text file'],
                 id='prototxt'),
    pytest.param(TINY[:-100], ['cut off', 'fetch it again'],
                 id='cut off in a layer'),
    pytest.param(b'\xff\xfe\xfd' * 100, ['no Caffe model'], id='noise'),
    pytest.param(b'PK\x03\x04' + bytes(100), ['cannot load'],
                 id='cut off PyTorch file'),
    pytest.param(TINY, ['missing: conv1_2.weight; conv1_2.bias; conv2_1'],
                 id='one layer'),
    pytest.param(caffemodel(dict(Mconv1_stage0_L2_0=[np.zeros((4, 4))])),
                 ['BODY_25'], id='BODY_25'),
    pytest.param(caffemodel(dict(conv6_1_CPM=[np.zeros((4, 4))])),
                 ['hands or faces'], id='hands'),
])  # yapf: disable
def test_refused_files(content, words, tmp_path):
    path, out = tmp_path / 'pose.caffemodel', tmp_path / 'out.pth'
    path.write_bytes(content)
    with pytest.raises(SystemExit) as error:
        openpose_mpi.main([str(path), '--out', str(out)])
    for word in [str(path), *words]:
        assert word in error.value.code
    assert not out.exists()


@pytest.mark.parametrize('name', ['nothing.caffemodel', '.'])
def test_no_such_file(name, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit, match=f'no file {name}: check the path.*'
                       'docs/data_preparation.md, "Weights of OpenPose"'):
        openpose_mpi.main([name, '--out', 'out.pth'])
