# Copyright (c) temporal_corr authors. All rights reserved.
"""The tool: what it writes, and when it does not."""
import json

import export_onnx
import numpy as np
import onnx
import onnx_parity
import pytest
import torch
from mmengine.config import Config
from mmpose.registry import DATASETS


@pytest.fixture
def export(tmp_path, monkeypatch, capsys):
    """Runs the tool in another directory, as from a shell; returns what it
    prints, and the metadata of the file."""
    monkeypatch.chdir(tmp_path)

    def run_tool(*args):
        monkeypatch.setattr('sys.argv', ['export_onnx', *map(str, args)])
        export_onnx.main()
        model = onnx.load(args[args.index('--out') + 1])
        known = {p.key: json.loads(p.value) for p in model.metadata_props}
        return capsys.readouterr().out, dict(
            known, opset=model.opset_import[0].version)

    return run_tool


@pytest.fixture
def no_data(monkeypatch, tmp_path):
    """No data set where the config looks."""
    monkeypatch.setenv('JHMDB_ROOT', str(tmp_path / 'nowhere'))


def test_a_model_with_what_one_needs_to_know(export, model_files, tmp_path):
    said, known = export(*model_files('correlation'), '--out',
                         'sub/model.onnx', '--verify', 6)
    assert 'image, exemplars -> heatmaps, new_exemplars' in said
    assert 'over 6 frames of test data and batches of 3' in said
    assert len(list((tmp_path / 'sub').iterdir())) == 1
    expected = dict(
        config='correlation_tiny',
        temporal='correlation',
        input_size=[96, 128],
        heatmap_size=[24, 32],
        image='float32 RGB',
        cell_stride=[4, 4],
        cell_origin=[0, 0],
        opset=17)
    assert {name: known[name] for name in expected} == expected
    np.testing.assert_allclose(known['mean'], [123.675, 116.28, 103.53])
    np.testing.assert_allclose(known['std'], [58.395, 57.12, 57.375])
    assert known['codec']['type'] == 'MSRAHeatmap'
    assert len(known['keypoint_names']) == 15
    assert known['keypoint_names'][2] == 'head'


def test_openpose_and_its_cells(export, model_files, no_data):
    said, known = export(*model_files('openpose'), '--out', 'model.onnx',
                         '--verify', 3, '--include-normalization', '--opset',
                         16)
    assert 'over 3 frames of noise' in said
    assert 'annotations' not in said  # no word of files that are not needed
    # a cell of 8 pixels is centred between the fourth and the fifth
    expected = dict(
        image='uint8 BGR',
        pad_value=128,
        cell_stride=[8, 8],
        cell_origin=[3.5, 3.5],
        opset=16)
    assert {name: known[name] for name in expected} == expected


@pytest.mark.parametrize('args, problem', [
    (['--out', 'model.pth'], 'must end with .onnx'),
    (['--out', 'model.onnx', '--opset', '11'], 'a number from 16'),
    (['--out', 'model.onnx', '--verify', '0'], 'a number from 1'),
    (['nothing.pth', '--out', 'model.onnx'], 'no checkpoint nothing.pth'),
    # of another model
    (['other', '--out', 'model.onnx'], 'does not belong to this model'),
    # what differs is not kept
    (['own', '--out', 'model.onnx'], 'differ by 2.0e-04.*--opset.*trained'),
])
def test_nothing_is_replaced_if_it_fails(export, model_files, args, problem,
                                         tmp_path, monkeypatch, no_data,
                                         capsys):
    (tmp_path / 'model.onnx').write_bytes(b'the one before')
    monkeypatch.setattr(export_onnx, 'largest_difference', lambda *args: 2e-4)
    config, checkpoint = model_files('single')
    files = dict(own=checkpoint, other=model_files('correlation')[1])
    with pytest.raises((SystemExit, ValueError, RuntimeError)) as error:
        export(config, *[files.get(arg, arg) for arg in args])
    said = f'{error.value}{capsys.readouterr().err}'
    assert all(part in said for part in problem.split('.*'))
    assert (tmp_path / 'model.onnx').read_bytes() == b'the one before'
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize('wrong, least, most', [
    (lambda outputs: outputs, 0, 1e-5),
    (lambda outputs: [outputs[0], outputs[1] * 0], 1e-2, 1),
    (lambda outputs: [outputs[0] + 1e-3, outputs[1]], 0.9e-3, 1.1e-3),
    (lambda outputs: [outputs[0] * np.nan, outputs[1]], np.inf, np.inf),
], ids=['the same', 'forgetful', 'a little off', 'not a number'])
def test_the_comparison_sees_what_is_wrong(make_step, session_of, wrong,
                                           least, most):
    step = make_step('correlation')
    session = session_of(step)

    def run(inputs):
        return wrong(session.run(list(step.output_names), inputs))

    found = onnx_parity.largest_difference(
        step, run, onnx_parity.random_frames(step, 3))
    assert least <= found <= most


def test_each_video_of_the_data_starts_without_memory(make_step, model_files):
    cfg = Config.fromfile(model_files('correlation')[0])
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    step = make_step('heatmap')
    frames = list(onnx_parity.dataset_frames(step, dataset, 17))
    # videos of 5, 3, 7, 1 and 4 frames
    firsts = [index for index, frame in enumerate(frames) if frame[0]]
    assert firsts == [0, 5, 8, 15, 16] and len(frames) == 17
    assert sorted(frames[0][1]) == ['crops', 'image']
    # what the model's own test sees
    expected = step.model.data_preprocessor(
        dict(inputs=[dataset[0]['inputs']], data_samples=[]))['inputs']
    assert torch.equal(frames[0][1]['image'], expected)
