# Copyright (c) temporal_corr authors. All rights reserved.
"""What the benchmark counts, and what it says of it; no times."""
import itertools
import json
import mmap
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch


@pytest.fixture(autouse=True)
def tool_paths(repo_root, monkeypatch):
    """As Python sets them up for the tool."""
    for folder in ('tools/misc', 'tools', 'tools/analysis_tools'):
        monkeypatch.syspath_prepend(str(repo_root / folder))


def settings(tmp_path, **kwargs):
    from benchmarks.settings import Settings
    return Settings('cpu', 1, tmp_path, **kwargs)


def test_in_turns():
    from benchmarks.timing import interleave
    calls = []
    times = interleave(
        dict(a=lambda: calls.append('a'), b=lambda: calls.append('b')),
        repeat=3,
        warm_up=1)
    assert ''.join(calls) == 'abababab'
    assert all(len(durations.wall) == len(durations.cpu) == 3
               for durations in times.values())


def test_blocks_of_calls(monkeypatch):
    """A call of 0.25 s in blocks of a second: four in a row, of which the
    mean counts."""
    from benchmarks import timing
    now, calls = [0.], []
    monkeypatch.setattr(timing.time, 'perf_counter', lambda: now[0])

    def call(name, seconds):
        calls.append(name)
        now[0] += seconds

    times = timing.interleave(
        dict(a=lambda: call('a', 0.25), b=lambda: call('b', 2.)),
        repeat=2,
        block=1.)
    assert ''.join(calls) == 'ab' + 2 * 'aaaab'
    assert times['a'].wall.tolist() == [0.25] * 2
    assert times['b'].wall.tolist() == [2.] * 2


def test_medians_and_quartiles():
    from benchmarks.timing import Durations
    durations = Durations(np.array([3., 1., 2., 9., 4.]), np.ones(5))
    assert durations.median('wall') == 3 and durations.median('cpu') == 1
    summary = durations.describe()
    assert summary['repetitions'] == 5
    assert summary['wall'] == dict(median=3., quartiles=[2., 4.])


@pytest.mark.parametrize('goal, met', [
    (dict(bound=0.5), True),
    (dict(bound=0.49), False),
    (dict(bound=0.5, at_least=True), True),
    (dict(bound=0.51, at_least=True), False),
    (dict(bound=2, of='ours'), True),
    (dict(bound=1.9, of='ours'), False),
])
def test_goals(goal, met):
    from benchmarks.report import Goal, Row
    assert Row('s', 'n', 'ms', 2., 4., goal=Goal(**goal)).met is met
    assert Row('s', 'n', 'ms', 2., 4.).met is None


def test_table_and_json(tmp_path):
    from benchmarks.report import Goal, Row, format_table, write_json
    rows = [
        Row('Speed', 'one', 'ms', 1.23456, 2., goal=Goal(0.5)),
        Row('Speed', 'two', 's', 3., goal=Goal(5, 'ours')),
        Row('Memory', 'three', 'bytes', 7680, 126984)
    ]
    lines = [line.split() for line in format_table(rows).splitlines() if line]
    assert lines == [
        ['ours', 'other', 'ratio', 'goal', 'met?'], ['Speed'],
        ['one', '1.235', 'ms', '2', 'ms', '0.6173', '<=', '0.5', 'NO'],
        ['two', '3', 's', '<=', '5', 's', 'yes'], ['Memory'],
        ['three', '7680', 'bytes', '126984', 'bytes', '0.06048']
    ]
    path = tmp_path / 'new' / 'out.json'
    write_json(path, dict(rows=[row.to_dict() for row in rows]))
    stored = json.loads(path.read_text())['rows']
    assert [Row.from_dict(row) for row in stored] == rows
    assert [row['met'] for row in stored] == [False, True, None]
    assert stored[2]['ratio'] == 7680 / 126984
    assert list(path.parent.iterdir()) == [path]


def test_table_of_a_document(tmp_path):
    """What the JSON file holds, as Markdown, and with what it was made."""
    import benchmark
    from benchmark_table import benchmark_table
    from benchmarks.report import Goal, Row
    rows = [
        Row('Speed', 'one', 'ms', 1.23456, 2., goal=Goal(0.5)),
        Row('Memory', 'two', 'bytes', 7680, 126984)
    ]
    args = benchmark.parse_args(
        ['--only', 'memory', '--out', str(tmp_path / 'cpu.json')])
    content = dict(
        kind='benchmark',
        command=benchmark.command_line(args),
        device='cpu',
        machine=dict(device='2 x Some CPU', num_threads=1, torch='2.1.2'),
        code=dict(commit='0123456789', dirty=True),
        clock='cpu',
        seconds=dict(memory=90.),
        rows=[row.to_dict() for row in rows])
    lines = benchmark_table(json.loads(json.dumps(content))).splitlines()
    assert lines[2:6] == [
        '| **Speed** |  |  |  |  |  |',
        '| one | 1.235 ms | 2 ms | 0.6173 | <= 0.5 | NO |',
        '| **Memory** |  |  |  |  |  |',
        '| two | 7680 bytes | 126984 bytes | 0.06048 |  |  |'
    ]
    assert lines[7] == (
        'Medians, measured in turns; ratio: ours / other, which are before '
        'and behind the slash of a name; times of the processor where nothing '
        'else is said. 2 x Some CPU, 1 thread, models on cpu, torch 2.1.2; '
        'commit 0123456 with uncommitted changes; 1.5 minutes in all.')
    assert lines[10] == (
        'python tools/analysis_tools/benchmark.py --only memory --device cpu '
        '--threads 1 --out cpu.json')


def test_makespan_against_all_dealings():
    """The ideal is a bound; the makespan is that of a dealing."""
    from benchmarks.sharding import makespan_and_ideal
    lengths = [5, 8, 3, 9, 4, 7]
    for ranks in (1, 2, 3):
        best = min(
            max(np.bincount(dealing, lengths, ranks))
            for dealing in itertools.product(
                range(ranks), repeat=len(lengths)))
        makespan, ideal = makespan_and_ideal(lengths, ranks)
        assert ideal <= best <= makespan <= best + max(lengths)
    assert makespan_and_ideal([2, 9, 3], 64) == (9, 9)
    assert makespan_and_ideal(lengths, 1) == (36, 36)


def test_synthetic_clips_are_as_many(tmp_path):
    from benchmarks.penn_source import penn_source, synthetic_lengths
    lengths, is_test = synthetic_lengths()
    assert len(lengths) == 2326 and lengths.sum() == 163841
    assert lengths.min() >= 18 and lengths.max() == 663
    assert is_test.sum() == 1068
    source = penn_source(settings(tmp_path))
    assert source.kind == 'synthetic'
    assert source.test_lengths() == lengths[is_test].tolist()


def test_converter_reads_synthetic_labels(tmp_path, monkeypatch, repo_root):
    from benchmarks import penn_labels, penn_source
    monkeypatch.syspath_prepend(str(repo_root / 'tools/dataset_converters'))
    import penn_action
    monkeypatch.setattr(
        penn_source, 'synthetic_lengths',
        lambda: (np.array([4, 18, 7]), np.array([True, False, True])))
    source = penn_source.penn_source(settings(tmp_path))
    root = source.prepare()
    assert [path.name for path in penn_source.label_files(root)
            ] == ['0001.mat', '0002.mat', '0003.mat']
    real = penn_source.PennSource(root, 'real')
    assert real.test_lengths() == source.test_lengths() == [4, 7]
    report = penn_action.convert(root, tmp_path / 'out')
    assert report['subsets']['test']['frames'] == 11
    assert not report['degenerate_boxes_filled_from_the_nearest']
    whole = penn_labels.merged(tmp_path / 'out')
    assert len(whole['images']) == len(whole['annotations']) == 29


def test_real_lengths(penn_root):
    """1068 test clips of 76,298 frames, counted from the labels before."""
    from benchmarks.penn_source import PennSource
    lengths = PennSource(Path(penn_root), 'real').test_lengths()
    assert len(lengths) == 1068 and sum(lengths) == 76298


def test_heatmaps_follow_the_flow():
    """Every pixel came from 16 to the right and 8 below."""
    from benchmarks.optical_flow import carry_along
    heatmaps = torch.zeros(1, 2, 6, 8)
    heatmaps[0, 0, 3, 5] = 1
    heatmaps[0, 1, 0, 7] = 1
    flow = np.empty((48, 64, 2), np.float32)
    flow[:] = (16, 8)
    wanted = torch.zeros(1, 2, 6, 8)
    wanted[0, 0, 2, 3] = 1  # cells of 8 pixels; the other leaves the image
    torch.testing.assert_close(
        carry_along(heatmaps, flow, (64, 48)), wanted, atol=1e-5, rtol=0)


def test_flows_find_a_shift():
    from benchmarks.optical_flow import flow_methods
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (140, 140, 3), dtype=np.uint8)
    image = cv2.GaussianBlur(image, (0, 0), 3)
    image = cv2.normalize(image, None, 0, 255, cv2.NORM_MINMAX)
    frames = np.stack([image[:128, :128], image[2:130, 3:131]])
    methods = flow_methods(frames, 'cpu')
    assert list(methods) == [
        'DIS ultrafast', 'DIS fast', 'DIS medium', 'Farneback'
    ]
    for method in methods.values():
        flow = np.median(method()[32:-32, 32:-32], axis=(0, 1))
        np.testing.assert_allclose(flow, [-3, -2], atol=0.5)


def test_held_bytes_count_whole_storages():
    from benchmarks.held_bytes import held_bytes

    from projects.temporal_corr.models.memory import TrackFrame, TrackMemory
    memory = TrackMemory()
    batch = torch.zeros(2, 15, 128)
    frames = [TrackFrame('v', 0, True, False, track_id=i) for i in range(2)]
    memory.remember(frames, dict(a=batch, b=torch.zeros(2, 6)))
    assert held_bytes(memory) == 2 * 4 * (15 * 128 + 6)


@pytest.mark.parametrize('config, wanted', [
    ('correlation', 15 * 128 * 4),
    ('heatmap', 15 * 4 * 6 * 4 + 6 * 4),
])
def test_bytes_of_a_person(config, wanted):
    from benchmarks.memory import value_bytes
    found = value_bytes(f'{config}_openpose-slim_1xb16-6e_jhmdb-128x128', 128,
                        (4, 6))
    assert found == wanted


def test_bytes_of_an_lstm():
    """Hidden maps, cell and heatmaps, and on any backbone their crop."""
    from benchmarks.memory import OPPONENT, value_bytes
    assert value_bytes(*OPPONENT) == (48 + 48 + 15) * 46 * 46 * 4
    found = value_bytes('lstm_res50_8xb32-20e_jhmdb-256x192', 256, (4, 6))
    assert found == (48 + 48 + 15) * 4 * 6 * 4 + 6 * 4


def test_a_long_video_is_remembered_as_a_short_one():
    from benchmarks.long_video import predict_long_video
    found = predict_long_video(8, 2)
    assert found['held'] == [4 * 15 * 8] * 4
    assert len(found['resident']) == 4


@pytest.mark.skipif(sys.platform != 'linux', reason='reads /proc')
def test_process_memory_grows():
    from benchmarks.process_memory import memory_bytes
    before, size = memory_bytes('VmRSS'), 64 << 20
    # Mapped anew: malloc may hand out what earlier tests have touched.
    with mmap.mmap(-1, size, mmap.MAP_PRIVATE | mmap.MAP_ANONYMOUS) as block:
        block.write(b'1' * size)
        assert memory_bytes('VmRSS') - before > 0.9 * size
        assert memory_bytes('VmHWM') >= memory_bytes('VmRSS')
        assert memory_bytes('Private_Dirty') > 0.9 * size
    assert memory_bytes('VmSomethingElse') is None


@pytest.mark.parametrize('argv, message', [
    (['--repeat', '0'], '--repeat must be at least 1'),
    (['--only', 'speed'], 'invalid choice'),
    (['--penn-labels', '/nowhere'], 'no folder /nowhere/labels'),
])
def test_bad_arguments(argv, message, capsys):
    import benchmark
    with pytest.raises(SystemExit):
        benchmark.parse_args(argv)
    assert message in capsys.readouterr().err


def test_labels_of_the_environment(tmp_path, monkeypatch):
    import benchmark
    monkeypatch.setenv('PENN_ROOT', str(tmp_path))
    assert benchmark.parse_args([]).penn_labels is None
    (tmp_path / 'labels').mkdir()
    assert benchmark.parse_args([]).penn_labels == tmp_path
    assert benchmark.parse_args([]).only == list(benchmark.SECTIONS)
