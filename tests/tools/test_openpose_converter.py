# Copyright (c) temporal_corr authors. All rights reserved.
"""Weights of OpenPose under all names, against an independent network."""
import os
import struct
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from mmengine.config import Config
from mmengine.registry import DefaultScope
from mmpose.models import build_backbone, build_pose_estimator

from projects.temporal_corr.engine.checkpoint_guard_hook import \
    check_checkpoint

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools/model_converters'))
sys.path.insert(0, str(ROOT / 'tests/models'))

import openpose_mpi  # noqa: E402
import openpose_reference as reference  # noqa: E402
from caffe_model import read_caffemodel  # noqa: E402

# --- files of weights, written independently ----------------------------


def varint(value):
    encoded = b''
    while value > 127:
        encoded += bytes([value & 127 | 128])
        value >>= 7
    return encoded + bytes([value])


def field(number, payload):
    """A field of bytes, a text or a message."""
    return varint(number << 3 | 2) + varint(len(payload)) + payload


def blob(array, legacy=False):
    array = np.ascontiguousarray(array, '<f4')
    data = field(5, array.tobytes())
    if not legacy:
        return field(7, field(1, b''.join(map(varint, array.shape)))) + data
    # num, channels, height, width, as Caffe wrote them until 2014
    sizes = (1, ) * (4 - array.ndim) + array.shape
    return b''.join(
        varint(i << 3) + varint(size)
        for i, size in enumerate(sizes, start=1)) + data


def caffemodel(layers, legacy=False):
    """{name: arrays} as a NetParameter, ReLUs and a data layer between."""
    content = [field(1, b'net')]
    kind, name_field, blobs_field = (2, 4, 6) if legacy else (100, 1, 7)
    convolution = varint(5 << 3) + varint(4) if legacy else field(
        2, b'Convolution')
    for name, arrays in layers.items():
        message = field(name_field, name.encode()) + convolution
        message += b''.join(
            field(blobs_field, blob(array, legacy)) for array in arrays)
        content.append(field(kind, message))
        if not legacy:
            relu = field(1, f'relu_{name}'.encode()) + field(2, b'ReLU')
            # loss_weight, a float (wire type 5)
            relu += varint(5 << 3 | 5) + struct.pack('<f', 1.)
            content.append(field(kind, relu))
    return b''.join(content)


def sequential_places():
    """{Caffe name: name in nn.Sequential}, counted by hand."""
    places = dict(
        zip((layer[0] for layer in reference.EXTRACTOR if layer != 'pool'),
            (f'model0.{i}'
             for i in (0, 2, 5, 7, 10, 12, 14, 16, 19, 21, 23, 25))))
    for stage in range(1, 7):
        for number, branch in enumerate(('L1', 'L2'), start=1):
            for i, name in enumerate(reference.stage_names(stage, branch)):
                places[name] = f'model{stage}_{number}.{2 * i}'
    return places


def state_dict(weights, rename=str):
    return {
        f'{rename(name)}.{parameter}': tensor
        for name, pair in weights.items()
        for parameter, tensor in zip(('weight', 'bias'), pair)
    }


def hollow(shapes, rename=str):
    """A state dict of zeros that takes no space."""
    zero = torch.zeros(1)
    return state_dict(
        {n: (zero.expand(s), zero.expand(s[0])) for n, s in shapes.items()},
        rename)


def save_caffe(path, weights):
    path.write_bytes(
        caffemodel({
            name: [tensor.numpy() for tensor in pair]
            for name, pair in weights.items()
        }))


def saver(rename, nest=lambda names: names):
    return lambda path, weights: torch.save(
        nest(state_dict(weights, rename)), path)


PLACES = sequential_places()
SAVERS = {
    'Caffe': save_caffe,
    'PyTorch, nn.Sequential': saver(
        lambda name: 'module.' + PLACES[name],
        lambda names: dict(epoch=3, state_dict=names)),
    'PyTorch, Caffe names': saver(str),
    'PyTorch, Caffe names, in nn.Sequential': saver(
        lambda name: f'{PLACES[name].split(".")[0]}.{name}')
}  # yapf: disable


# --- against an independent network -------------------------------------


@pytest.fixture(scope='module')
def weights():
    return reference.random_weights()


@pytest.fixture(scope='module')
def model():
    with DefaultScope.overwrite_default_scope('mmpose'):
        return build_pose_estimator(
            dict(
                type='VideoTopdownPoseEstimator',
                backbone=dict(type='OpenPoseExtractor'),
                head=dict(
                    type='PAFHead',
                    temporal=dict(type='ExemplarCorrelation'),
                    center_map=True,
                    decoder=dict(type='PartAffinityField')))).eval()


@pytest.fixture(scope='module')
def case(model, weights):
    """Two frames, a correlation, and what the reference makes of them."""
    torch.manual_seed(2)
    image, previous = torch.rand(2, 1, 3, 64, 64) - 0.5
    features = reference.extract(image, weights)
    heatmaps, center = torch.rand(1, 15, 8, 8), torch.zeros(1, 1, 8, 8)
    head = model.head
    maps = reference.scaled_correlation(
        features, reference.extract(previous, weights), heatmaps,
        head.correlation.scale.data, head.correlation.bias.data)
    added = {(1, branch):
             (maps, head.get_submodule(f'stage1.{branch}').maps_conv.weight)
             for branch in ('L1', 'L2')}
    with torch.no_grad():
        plain = reference.run_stages(features, weights)
        correlated = reference.run_stages(features, weights, added)
    return dict(
        frames=(image, previous),
        heatmaps=heatmaps,
        center=center,
        expected=(plain, correlated))


def close(output, expected):
    for ours, theirs in zip(output, expected):
        torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


@pytest.mark.parametrize('kind', SAVERS)
@torch.no_grad()
def test_same_outputs(kind, weights, model, case, tmp_path, capsys):
    path = tmp_path / 'weights.bin'  # the name does not matter
    out = tmp_path / 'new/openpose.pth'
    SAVERS[kind](path, weights)
    openpose_mpi.main([str(path), '--out', str(out)])
    assert os.listdir(out.parent) == ['openpose.pth']
    lines = capsys.readouterr().out.splitlines()
    for words in (('backbone', '12 of 12', '7,340,480'),
                  ('head.stage6.L2', '7 of 7', '4,309,264'),
                  ('maps_conv', 'new'), (f"load_from='{out}'", )):
        assert any(all(word in line for word in words) for line in lines)
    checkpoint = torch.load(out)
    path.unlink()
    out.unlink()
    assert checkpoint['meta'] == dict(
        source='weights.bin',
        kind=kind.replace(', in nn.Sequential', ''),
        layers=list(reference.layer_shapes()))
    report = check_checkpoint(model, checkpoint, 'converted', start=True)
    # the scale layer (2), filters of correlation (2) and centre maps (12)
    assert '16 temporal parameters are new' in report
    assert 'not used' not in report

    for name, parameter in model.named_parameters():
        if name in checkpoint['state_dict']:
            parameter.zero_()
    model.load_state_dict(checkpoint['state_dict'], strict=False)
    head = model.head
    (features, ), (previous, ) = map(model.backbone, case['frames'])
    plain, correlated = case['expected']
    outputs = head.run_stages(features)
    close(outputs[0], plain[0])
    net_output = model(case['frames'][0], None, mode='tensor')
    close([net_output], [torch.cat(plain[-1], dim=1)])

    memory = head.temporal.update(None, previous, case['heatmaps'])
    maps, _ = head.temporal.maps(features, memory)
    outputs = head.run_stages(features, maps, case['center'])
    close(outputs[0], correlated[0])
    assert not torch.allclose(plain[0][0], correlated[0][0], atol=1e-3)
    close(outputs[-1], correlated[-1])


@pytest.fixture(scope='module')
def vgg19():
    """The names and shapes of torchvision's; random as far as it is used."""
    from torchvision.models import vgg19
    with torch.device('meta'):
        names = vgg19().state_dict()
    generator = torch.Generator().manual_seed(3)
    for name, value in names.items():
        module, place, parameter = name.split('.')
        if module == 'features' and int(place) < 23:
            std = (2 / value[0].numel())**0.5 if value.dim() == 4 else 0.1
            names[name] = std * torch.randn(value.shape, generator=generator)
        else:
            names[name] = torch.zeros(1).expand(value.shape)
    return dict(names)


@torch.no_grad()
def test_vgg19_has_the_same_features(vgg19, tmp_path):
    """No padding in either network: see the docstring of the fold."""
    torch.save(vgg19, tmp_path / 'vgg19.pth')
    converted = openpose_mpi.convert(tmp_path / 'vgg19.pth')['state_dict']
    bgr = torch.rand(1, 3, 120, 120) * 255
    mean = torch.tensor([0.485, 0.456, 0.406]).view(3, 1, 1)
    std = torch.tensor([0.229, 0.224, 0.225]).view(3, 1, 1)
    theirs = (bgr.flip(1) / 255 - mean) / std
    ours = (bgr - 128) / 256
    places = iter((0, 2, 5, 7, 10, 12, 14, 16, 19, 21))
    for layer in reference.EXTRACTOR[:13]:
        if layer == 'pool':
            theirs, ours = (F.max_pool2d(x, 2) for x in (theirs, ours))
            continue
        theirs, ours = (
            F.relu(
                F.conv2d(x, source[f'{name}.weight'], source[f'{name}.bias']))
            for x, source, name in (
                (theirs, vgg19, f'features.{next(places)}'),
                (ours, converted, f'backbone.{layer[0]}')))
    assert ours.shape == (1, 512, 5, 5) and theirs.std() > 0.1
    torch.testing.assert_close(ours, theirs, atol=1e-4, rtol=0)


def test_vgg19_fills_the_extractor_as_advised(vgg19, tmp_path, capsys):
    source, out = tmp_path / 'vgg19.pth', tmp_path / 'extractor.pth'
    torch.save(vgg19, source)
    openpose_mpi.main([str(source), '--out', str(out)])
    printed = capsys.readouterr().out
    assert 'conv4_3_CPM, conv4_4_CPM' in printed
    advice = printed.split('model.backbone.init_cfg=')[1]
    # what is printed can be pasted into a config
    init_cfg = Config.fromstring(f'init_cfg = {advice}', '.py').init_cfg
    backbone = build_backbone(
        dict(type='OpenPoseExtractor', init_cfg=init_cfg))
    backbone.init_weights()
    torch.testing.assert_close(backbone.conv4_2.weight.data,
                               vgg19['features.21.weight'])
    assert backbone.conv4_3_CPM.weight.std().item() == pytest.approx(
        0.01, rel=0.05)
    assert not backbone.conv4_3_CPM.bias.any()


def test_caffe_arrays_until_2014():
    rng = np.random.default_rng(0)
    arrays = {
        name: [rng.normal(size=shape).astype(np.float32) for shape in shapes]
        for name, shapes in dict(
            a=[(4, 3, 3, 3), (4, )], b=[(200, 4, 1, 1)]).items()
    }
    read = read_caffemodel(caffemodel(arrays, legacy=True))
    assert list(read) == ['a', 'b']
    for name, values in arrays.items():
        assert read[name][0].shape == values[0].shape
        for value, ours in zip(values, read[name]):
            np.testing.assert_array_equal(ours.ravel(), value.ravel())


# --- what is refused, and what is said ----------------------------------

KERNEL = (64, 3, 3, 3)
TINY = caffemodel(dict(conv1_1=[np.zeros(KERNEL), np.zeros(64)]))


def coco():
    """18 parts: 38 channels of fields, 19 heatmaps."""
    shapes = reference.layer_shapes()
    for name, shape in shapes.items():
        outputs = {28: 38, 16: 19}.get(shape[0], shape[0])
        inputs = 128 + 38 + 19 if shape[1] == 172 else shape[1]
        shapes[name] = (outputs, inputs, *shape[2:])
    return hollow(shapes, PLACES.get)


def of_another_network():
    names = hollow(dict(reference.layer_shapes(), conv6=(1, 1, 1, 1)))
    del names['Mconv3_stage4_L2.weight']
    names['conv4_2.bias'] = torch.full((512, ), float('nan'))
    return names


class Call:
    """Pickles as a call of any function."""

    def __reduce__(self):
        return os.system, ('touch called', )


@pytest.mark.parametrize('content, words', [
    (coco, ['pose_iter_160000.caffemodel', 'of other shapes',
            'conv5_5_CPM_L1.weight is (38, 512, 1, 1), not (28, 512, 1, 1)']),
    (of_another_network, ['missing: Mconv3_stage4_L2.weight',
                          'not of this network: conv6.weight; conv6.bias',
                          'not finite: conv4_2.bias']),
    # convolution, norm, ReLU: the first places of vgg19_bn
    (lambda: {**hollow({f'features.{i}': KERNEL for i in (0, 3, 7)}),
              **hollow({'features.1': (64, )})}, ['without batch norm']),
    (lambda: hollow({'a.conv1_1': KERNEL, 'b.conv1_1': KERNEL}),
     ['a.conv1_1.weight and b.conv1_1.weight']),
    (lambda: dict(model=Call()), ['could run code']),
    # files as bytes
    (b'\n <!DOCTYPE html><html>', ['web page']),
    (TINY[:-100], ['cut off', 'fetch it again']),
    (b'\xff\xfe\xfd' * 100, ['no Caffe model']),
    (b'PK\x03\x04' + bytes(100), ['cannot load']),
    (TINY, ['missing: conv1_2.weight; conv1_2.bias; conv2_1']),
    (None, ['no file', 'docs/data_preparation.md']),
], ids=['COCO', 'another network', 'VGG-19 with batch norm', 'two models',
        'code', 'web page', 'cut off in a layer', 'noise',
        'cut off PyTorch file', 'one layer',
        'no file'])  # yapf: disable
def test_refused(content, words, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = Path('pose.caffemodel')
    if callable(content):
        torch.save(content(), path)
    elif content is not None:
        path.write_bytes(content)
    with pytest.raises((RuntimeError, FileNotFoundError)) as error:
        openpose_mpi.main([str(path), '--out', 'out.pth'])
    for word in [str(path), *words]:
        assert word in str(error.value)
    assert set(os.listdir()) <= {str(path)}
