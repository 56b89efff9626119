# Copyright (c) temporal_corr authors. All rights reserved.
"""Reading of .caffemodel files, which the tests write themselves."""
import sys
from pathlib import Path

import numpy as np
import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools/model_converters'))
sys.path.insert(0, str(ROOT / 'tests/models'))

import caffe_model  # noqa: E402
from openpose_weight_files import caffemodel, prototxt  # noqa: E402


@pytest.mark.parametrize('legacy', [False, True])
def test_read(legacy):
    rng = np.random.default_rng(0)
    arrays = {
        name: [
            rng.normal(size=shape).astype(np.float32)
            for shape in shapes
        ]
        for name, shapes in dict(
            a=[(4, 3, 3, 3), (4, )], b=[(200, 4, 1, 1)]).items()
    }
    data = caffemodel(arrays, legacy)
    assert caffe_model.layers_with_weights(data) == ['a', 'b']
    read = caffe_model.read_weights(data, ['a', 'b'])
    for name, values in arrays.items():
        assert len(read[name]) == len(values)
        for value, ours in zip(values, read[name]):
            np.testing.assert_array_equal(ours.ravel(), value.ravel())
        assert read[name][0].shape == values[0].shape


def test_prototxt(tmp_path):
    path = tmp_path / 'net.prototxt'
    data = caffemodel(dict(a=[np.ones((4, 3, 1, 1))]))
    path.write_text(prototxt(['a', 'c']))
    read = caffe_model.read_weights(data, ['a'], path)
    assert [len(value) for value in read.values()] == [1]
    path.write_text(prototxt(['c']))
    with pytest.raises(RuntimeError, match='net.prototxt has no layer a'):
        caffe_model.read_weights(data, ['a'], path)
    path.write_text('layer { nonsense')
    with pytest.raises(RuntimeError, match='cannot read .*net.prototxt'):
        caffe_model.read_weights(data, ['a'], path)


def test_opencv_without_an_importer(monkeypatch):
    monkeypatch.delattr(caffe_model.cv2.dnn, 'readNetFromCaffe')
    with pytest.raises(RuntimeError, match='opencv-python<5'):
        caffe_model.read_weights(b'', [])
