# Copyright (c) temporal_corr authors. All rights reserved.
"""PCK against the temporal downsampling rate is what tools/test.py gives."""
import json

import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from studies import frame_stride


@pytest.fixture
def model(tiny_model_files):
    """Config and checkpoint of random weights."""
    config, checkpoint = tiny_model_files()
    with open(config, 'a') as file:
        file.write('test_dataloader = dict(num_workers=0)\n')
    content = dict(torch.load(checkpoint), meta=dict(
        train_videos=['Rename_Images/act/clip2']))
    torch.save(content, checkpoint)
    return config, checkpoint


def test_equals_a_run_at_that_stride(model, tmp_path):
    config, checkpoint = model
    frame_stride.main(['--model', 'ours', config, checkpoint, '--strides',
                       '3', '--out', str(tmp_path)])
    content = json.loads((tmp_path / 'frame_stride.json').read_text())
    found = content['rows'][0]['seeds']['0']
    means = []
    # The five tiny videos have 5, 3, 7, 1 and 4 frames.
    for stride, frames in {1: 20, 3: 2 + 1 + 3 + 1 + 2}.items():
        cfg = Config.fromfile(config)
        cfg.test_dataloader.dataset.frame_stride = stride
        cfg.test_dataloader.persistent_workers = False
        cfg.update(load_from=checkpoint, work_dir=str(tmp_path / 'other'),
                   experiment_name=f'other_{stride}')
        expected = Runner.from_cfg(cfg).test()
        assert found['strides'][str(stride)] == dict(
            expected, num_frames=frames)
        means.append(f'{100 * expected["Mean"]:.1f}')
    assert found['tested'] == dict(
        ann_file='Sub1_test.json', videos=5, frames=20, leaked_videos=1,
        thr=0.2)  # yapf: disable
    text = (tmp_path / 'frame_stride.md').read_text()
    assert '| rate | 1 | 3 |' in text
    assert f'| ours | {" | ".join(means)} |' in text
    assert 'Trained on test videos' in text and 'ours on 1.' in text
    assert (tmp_path / 'frame_stride.png').stat().st_size > 1000


@pytest.mark.parametrize('dataset, error, word', [
    ('indices=5', ValueError, 'single and other are tested on different'),
    ("type='CocoDataset'", TypeError, 'frame_stride'),
])
def test_other_data(model, tmp_path, dataset, error, word):
    config = tmp_path / 'other.py'
    config.write_text(f"_base_ = '{model[0]}'\n"
                      f'test_dataloader = dict(dataset=dict({dataset}))\n')
    with pytest.raises(error, match=word):
        frame_stride.main(['--out', str(tmp_path), '--model', 'single',
                           *model, '--model', 'other', str(config),
                           model[1]])  # yapf: disable


@pytest.mark.parametrize('argv', [
    2 * ['--model', 'single', 'c.py', 'c.pth'],
    ['--model', 'single', 'c.py', 'c.pth', '--strides', '0'],
])
def test_refused(argv, tmp_path):
    with pytest.raises(SystemExit):
        frame_stride.main([*argv, '--out', str(tmp_path)])
