# Copyright (c) temporal_corr authors. All rights reserved.
"""The table of exemplar_memory.py, against numbers averaged by hand."""
import sys

import pytest

COLUMNS = ('Head', 'Sho', 'Elb', 'Wri', 'Hip', 'Knee', 'Ank', 'Mean')


@pytest.fixture
def table(repo_root, monkeypatch):
    """The module, which imports its neighbours by bare names."""
    for folder in ('tools', 'tools/analysis_tools'):
        monkeypatch.syspath_prepend(str(repo_root / folder))
    import memory_table
    yield memory_table
    sys.modules.pop('memory_table')


def run(mean, held, seconds):
    metrics = {name: mean for name in COLUMNS}
    metrics['acceleration error'] = mean / 10
    return dict(
        metrics=metrics,
        by_distance={
            '0': mean,
            '5': mean - 0.1
        },
        bytes_per_person=held,
        frames=100,
        seconds=seconds)


def content():
    rows = [
        dict(
            name='single frame',
            seeds={
                '0': run(0.5, 0, 2.),
                '1': run(0.6, 0, 4.)
            }),
        dict(
            name='labelled: the first frame',
            seeds={
                '0': run(0.7, 64, 4.),
                '1': run(0.9, 1024, 4.)
            }),
    ]
    return dict(
        rows=rows,
        thr=0.2,
        device='a CPU',
        num_threads=1,
        torch='2.1',
        commit='0123456789',
        dirty=False,
        command='python tool.py')


def test_means_spreads_and_differences(table):
    """Differences are those of equal seeds: 20 and 30 points."""
    text = table.memory_table(content())
    single, labelled = [
        [cell.strip() for cell in line.strip('|').split('|')]
        for line in text.splitlines() if line.startswith(('| sin', '| lab'))
    ]
    assert single[8:] == ['55.0 ± 7.1', '-', '5.50 ± 0.7', '0']
    assert labelled[8:] == [
        '80.0 ± 14.1', '+25.0 ± 7.1', '8.00 ± 1.4', '1,024'
    ]
    assert 'commit 0123456.' in text and 'python tool.py' in text


def test_curves(table):
    axes = table.draw_distances(content()).axes[0]
    curves = {line.get_label(): line.get_ydata() for line in axes.get_lines()}
    assert list(curves) == ['single frame', 'labelled: the first frame']
    assert curves['single frame'] == pytest.approx([55., 45.])
