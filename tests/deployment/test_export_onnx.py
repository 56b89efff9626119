# Copyright (c) temporal_corr authors. All rights reserved.
"""The tool: what it writes, and when it does not."""
import json

import numpy as np
import onnx
import pytest
import torch


@pytest.fixture
def export(tool, tmp_path, monkeypatch):
    """Runs the tool in another directory, as from a shell."""
    monkeypatch.chdir(tmp_path)
    module = tool('export_onnx')

    def run_tool(*args):
        monkeypatch.setattr('sys.argv', ['export_onnx', *map(str, args)])
        module.main()

    return run_tool


@pytest.fixture
def no_data(monkeypatch, tmp_path):
    """No data set where the config looks; to be asked for after ``tool``."""

    def forget():
        monkeypatch.setenv('JHMDB_ROOT', str(tmp_path / 'nowhere'))

    return forget


def metadata(path):
    """The metadata of an ONNX file."""
    return {
        item.key: json.loads(item.value)
        for item in onnx.load(path).metadata_props
    }


def test_a_model_with_what_one_needs_to_know(export, model_files, tmp_path,
                                             capsys):
    export(*model_files('correlation'), '--out', 'sub/model.onnx', '--verify',
           6)
    said = capsys.readouterr().out
    assert 'image, exemplars -> heatmaps, new_exemplars' in said
    assert 'over 6 frames of test data and batches of 3' in said
    assert [file.name for file in (tmp_path / 'sub').iterdir()] == [
        'model.onnx'
    ]
    known = metadata('sub/model.onnx')
    assert known['config'] == 'correlation_tiny'
    assert known['temporal'] == 'correlation'
    assert known['input_size'] == [96, 128]
    assert known['heatmap_size'] == [24, 32]
    assert known['image'] == 'float32 RGB'
    np.testing.assert_allclose(known['mean'], [123.675, 116.28, 103.53])
    np.testing.assert_allclose(known['std'], [58.395, 57.12, 57.375])
    assert (known['cell_stride'], known['cell_origin']) == ([4, 4], [0, 0])
    assert known['codec']['type'] == 'MSRAHeatmap'
    assert len(known['keypoint_names']) == 15
    assert known['keypoint_names'][2] == 'head'
    assert onnx.load('sub/model.onnx').opset_import[0].version == 17


def test_openpose_and_its_cells(export, model_files, no_data, capsys):
    no_data()
    export(*model_files('openpose'), '--out', 'model.onnx', '--verify', 3,
           '--include-normalization', '--opset', 16)
    said = capsys.readouterr().out
    assert 'over 3 frames of noise' in said
    assert 'annotations' not in said  # no word of files that are not needed
    known = metadata('model.onnx')
    assert known['image'] == 'uint8 BGR'
    assert known['pad_value'] == 128
    # a cell of 8 pixels is centred between the fourth and the fifth
    assert known['cell_stride'] == [8, 8]
    assert known['cell_origin'] == [3.5, 3.5]
    assert onnx.load('model.onnx').opset_import[0].version == 16


@torch.no_grad()
def test_torchscript_takes_any_batch_too(export, model_files, make_step,
                                         no_data):
    no_data()
    export(*model_files('heatmap'), '--out', 'model.onnx', '--verify', 2,
           '--torchscript', 'model.pt')
    traced, step = torch.jit.load('model.pt'), make_step('heatmap')
    for count in (1, 3):
        inputs = step.example(count)
        inputs['image'] = torch.randn(count, 3, 128, 96)
        for a, b in zip(traced(*inputs.values()), step(*inputs.values())):
            torch.testing.assert_close(a, b)


def test_a_checkpoint_of_another_model_is_refused(export, model_files,
                                                  tmp_path):
    config, _ = model_files('correlation')
    _, other = model_files('single')
    with pytest.raises(RuntimeError, match='does not belong to this model'):
        export(config, other, '--out', 'model.onnx')
    assert not (tmp_path / 'model.onnx').exists()


def test_a_missing_checkpoint_is_told(export, model_files):
    with pytest.raises(SystemExit, match='no checkpoint nothing.pth'):
        export(model_files('single')[0], 'nothing.pth', '--out', 'model.onnx')


@pytest.mark.parametrize('alone, reason', [
    (2e-4, 'try another --opset'),
    (1e-6, 'was it trained'),
], ids=['each step is off', 'errors grow'])
def test_what_differs_is_not_kept(alone, reason, export, model_files, tool,
                                  tmp_path, monkeypatch, no_data):
    no_data()
    (tmp_path / 'model.onnx').write_bytes(b'the one before')
    monkeypatch.setattr(
        tool('export_onnx'), 'largest_difference',
        lambda *args, own_memory=True: 2e-4 if own_memory else alone)
    with pytest.raises(RuntimeError, match=f'differ by 2.0e-04.*{reason}'):
        export(*model_files('single'), '--out', 'model.onnx')
    assert (tmp_path / 'model.onnx').read_bytes() == b'the one before'
    assert len(list(tmp_path.iterdir())) == 1


@pytest.mark.parametrize('args, problem', [
    (['--out', 'model.pth'], 'must end with .onnx'),
    (['--out', 'model.onnx', '--opset', '11'], 'a number from 16'),
    (['--out', 'model.onnx', '--verify', '0'], 'a number from 1'),
    (['--out', 'model.onnx', '--torchscript', 'x.pth'], 'must end with .pt'),
], ids=['suffix', 'opset', 'verify', 'torchscript'])
def test_impossible_requests_are_refused_before_any_work(
        export, model_files, args, problem, capsys):
    with pytest.raises((SystemExit, ValueError)) as error:
        export(*model_files('single'), *args)
    assert problem in f'{error.value}{capsys.readouterr().err}'


@pytest.mark.parametrize('wrong, least, most', [
    (lambda outputs: outputs, 0, 1e-5),
    (lambda outputs: [outputs[0], outputs[1] * 0], 1e-2, 1),
    (lambda outputs: [outputs[0] + 1e-3, outputs[1]], 0.9e-3, 1.1e-3),
    (lambda outputs: [outputs[0] * np.nan, outputs[1]], np.inf, np.inf),
], ids=['the same', 'forgetful', 'a little off', 'not a number'])
def test_the_comparison_sees_what_is_wrong(tool, make_step, session_of,
                                           wrong, least, most):
    parity = tool('onnx_parity')
    step = make_step('correlation')
    session = session_of(step)

    def run(inputs):
        return wrong(session.run(list(step.output_names), inputs))

    found = parity.largest_difference(step, run, parity.random_frames(step, 3))
    assert least <= found <= most


def test_single_steps_start_from_the_same_memory(tool, make_step,
                                                 session_of):
    parity = tool('onnx_parity')
    step = make_step('correlation')
    session, given = session_of(step), []

    def run(inputs):
        given.append(inputs['exemplars'])
        heatmaps, exemplars = session.run(list(step.output_names), inputs)
        return heatmaps, exemplars + 0.5

    frames = list(parity.random_frames(step, 3))
    found = parity.largest_difference(step, run, frames, own_memory=False)
    # off, but not handed on
    assert found == pytest.approx(0.5, abs=1e-3)
    np.testing.assert_allclose(np.linalg.norm(given[2], axis=2), 1, atol=1e-5)


def test_each_video_of_the_data_starts_without_memory(tool, make_step,
                                                      model_files):
    from mmengine.config import Config
    from mmpose.registry import DATASETS
    parity = tool('onnx_parity')
    cfg = Config.fromfile(model_files('correlation')[0])
    dataset = DATASETS.build(cfg.test_dataloader.dataset)
    step = make_step('heatmap')
    frames = list(parity.dataset_frames(step, dataset, 17))
    # videos of 5, 3, 7, 1 and 4 frames
    firsts = [index for index, frame in enumerate(frames) if frame[0]]
    assert firsts == [0, 5, 8, 15, 16] and len(frames) == 17
    assert sorted(frames[0][1]) == ['crops', 'image']
    # what the model's own test sees
    packed = dataset[0]
    expected = step.model.data_preprocessor(
        dict(inputs=[packed['inputs']], data_samples=[]))['inputs']
    assert torch.equal(frames[0][1]['image'], expected)
