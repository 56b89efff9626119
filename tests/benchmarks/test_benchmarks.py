# Copyright (c) temporal_corr authors. All rights reserved.
"""What the benchmarks count, and what they say of it; no times."""
import json

import cv2
import numpy as np
import pytest
import torch

from benchmarks import __main__ as tool
from benchmarks import memory, models, optical_flow, streaming, timing
from benchmarks.report import benchmark_table, make_row


@pytest.mark.parametrize('block, calls', [
    (0., 3 * 'ab' + 'ab'),
    # A call of a median of 0.5 s in blocks of two seconds: four in a row, of
    # which the mean counts.
    (2., 'ab' + 3 * 'aaaab'),
])
@pytest.mark.parametrize('clock, name', [('wall', 'perf_counter'),
                                         ('cpu', 'process_time')])
def test_in_turns(monkeypatch, block, calls, clock, name):
    now, found = [0.], []
    monkeypatch.setattr(timing.time, name, lambda: now[0])

    def call(name, seconds):
        found.append(name)
        now[0] += seconds

    seconds = [.5, .25] + 15 * [.5]
    times = timing.interleave(
        dict(a=lambda: call('a', seconds.pop(0)), b=lambda: call('b', 4.)),
        3, clock, block=block)  # yapf: disable
    assert ''.join(found) == calls
    assert times == dict(a=0.5, b=4.)


def test_file_and_table(tmp_path, monkeypatch):
    """What the JSON file holds, as Markdown, and with what it was made."""

    def measure(args):
        return [make_row('Speed', 'one', 'ms', .00123456, .002, 0.5),
                make_row('Speed', 'two', 's', 3., 6., 0.5),
                make_row('Memory', 'three', 'bytes', 7680, 126984)]

    monkeypatch.setattr(memory, 'measure', measure)
    path = tmp_path / 'new' / 'cpu.json'
    tool.main(['--only', 'memory', '--out', str(path)])
    content = json.loads(path.read_text())
    content.update(
        machine=dict(device='2 x Some CPU', num_threads=1, torch='2.1.2'),
        code=dict(commit='0123456789', dirty=True),
        seconds=dict(memory=90.))
    lines = benchmark_table(content).splitlines()
    assert lines[2:7] == [
        '| **Speed** |  |  |  |  |  |',
        '| one | 1.235 ms | 2 ms | 0.6173 | <= 0.5 | NO |',
        '| two | 3 s | 6 s | 0.5 | <= 0.5 | yes |',
        '| **Memory** |  |  |  |  |  |',
        '| three | 7680 bytes | 126984 bytes | 0.06048 |  |  |'
    ]
    assert lines[8].endswith(
        'CPU time. 2 x Some CPU, 1 thread, models on cpu, torch 2.1.2; commit '
        '0123456 with uncommitted changes; 1.5 minutes in all.')
    assert lines[11] == 'python -m benchmarks --only memory --out cpu.json'


def test_flows_find_a_shift():
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (140, 140), dtype=np.uint8)
    image = cv2.GaussianBlur(image, (0, 0), 3)
    image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)
    methods = optical_flow.flow_methods(
        [image[:128, :128].copy(), image[2:130, 3:131].copy()])
    assert list(methods) == ['DIS ultrafast', 'DIS fast', 'DIS medium']
    for method in methods.values():
        flow = np.median(method()[32:-32, 32:-32], axis=(0, 1))
        np.testing.assert_allclose(flow, [-3, -2], atol=0.5)


@pytest.mark.parametrize('method, network, wanted', [
    ('correlation', ('openpose-slim_1xb16-6e_jhmdb-128x128', 32, (4, 6)),
     15 * 32 * 4),
    ('heatmap', ('openpose-slim_1xb16-6e_jhmdb-128x128', 128, (4, 6)),
     15 * 4 * 6 * 4 + 6 * 4),
    # Hidden maps, cell and heatmaps, and on any backbone their crop.
    ('lstm', memory.LSTM_PM, (48 + 48 + 15) * 46 * 46 * 4),
    ('lstm', ('res50_8xb32-20e_jhmdb-256x192', 256, (4, 6)),
     (48 + 48 + 15) * 4 * 6 * 4 + 6 * 4),
])
def test_bytes_of_a_person(method, network, wanted):
    """Of whole storages."""
    assert memory.value_bytes(method, *network) == wanted


@pytest.mark.parametrize('method', ['correlation', 'lstm'])
def test_a_step_and_its_added_work_run(method):
    """On a small network, as on those that are timed."""
    config = f'{method}_res18_1xb16-2e-finetune_jhmdb-128x96'
    model = models.build_model(models.load_config(config))
    step, added = streaming.step_and_added(model, torch.rand(1, 3, 128, 96))
    step()
    added()
