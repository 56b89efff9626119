# Copyright (c) temporal_corr authors. All rights reserved.
"""The table over the splits, and what must not stand in one."""
import json
import statistics

import pytest

from studies import average_splits
from studies.published_results import COLUMNS, PUBLISHED, published_rows

SPLITS = {1: ['a', 'b'], 2: ['b', 'c'], 3: ['d']}
TRAIN = {1: ['c', 'd'], 2: ['a', 'd'], 3: ['a', 'b', 'c']}


@pytest.fixture
def call(tmp_path):
    """Runs the tool on rows of files; returns the table."""

    def run(*rows, options=()):
        argv = ['--out', tmp_path / 'table.md', *options]
        for row in rows:
            argv += ['--row', *row]
        average_splits.main([*map(str, argv)])
        return (tmp_path / 'table.md').read_text()

    return run


@pytest.fixture
def result(tmp_path):
    """Writes a file as tools/test.py --out does."""

    def write(name, split=1, score=0.9, drop=(), prefixes=('', ), **run):
        # Each prefix a tenth lower than the one before.
        content = {
            prefix + column: score + number / 1000 - step / 10
            for step, prefix in enumerate(prefixes)
            for number, column in enumerate((*COLUMNS, 'PCK', 'Pooled'))
        }
        content['run'] = dict(
            ann_file=f'/data/annotations/Sub{split}_test.json',
            test_videos=SPLITS[split], train_videos=TRAIN[split],
            frame_stride=1, indices=None,
            num_frames=30 * len(SPLITS[split]))  # yapf: disable
        content['run'].update(run)
        for key in drop:
            content.pop(key, None)
            content.get('run', {}).pop(key, None)
        path = tmp_path / f'{name}.json'
        path.write_text(json.dumps(content))
        return path

    return write


def line_of(text, name):
    line, = [x for x in text.splitlines() if x.startswith(f'| {name} |')]
    return [cell.strip() for cell in line.strip('|').split('|')][1:]


def test_mean_and_spread_over_three_splits(call, result):
    scores = [0.90, 0.93, 0.96]
    files = [result(f's{k}', k, s)
             for k, s in zip((3, 1, 2), scores)]  # any order
    text = call(['ours', *files])
    spread = 100 * statistics.stdev(scores)
    assert line_of(text, 'ours') == [
        f'{93 + number / 10:.1f} ± {spread:.1f}' for number in range(8)]
    assert 'mean over 3 of 3 splits' in text
    assert ('Sub1_test.json, 2 videos, 60 frames; Sub2_test.json, 2 '
            'videos, 60 frames; Sub3_test.json, 1 videos' in text)


def test_the_papers_rows_are_beside(call, result):
    text = call(['ours', result('s1')])
    assert line_of(text, 'paper: Ours')[-1] == '94.0'
    assert line_of(text, 'paper: PAF [21]')[0] == '96.7'
    assert line_of(text, 'paper: previous heatmaps (text)') == [
        *'-------', '93.5']
    assert 'mean over 1 of 3 splits (Sub1_test.json' in text
    assert '±' not in text and 'not known' not in text
    text = call(['ours', result('s1', train_videos=None)],
                options=['--data', 'penn'])
    assert 'splits' not in text and 'Table 2' in text
    assert line_of(text, 'paper: Ours')[-1] == '98.0'
    assert 'not known on which videos' in text.splitlines()[-1]


def test_columns_of_a_prefix(call, result):
    # A file of an earlier version, which does not say its indices.
    file = result('s1', prefixes=['', 'assembled/'], drop=['indices'])
    assert line_of(call(['ours', file]), 'ours')[0] == '90.0'
    text = call(['ours', file], options=['--prefix', 'assembled'])
    assert line_of(text, 'ours')[0] == '80.0'
    assert 'assembled/Head to assembled/Mean of the results' in text


@pytest.mark.parametrize('change, word', [
    (dict(train_videos=['b', 'c']),
     'trained on 1 of the 2 videos it was tested on, such as b'),
    (dict(drop=['run']), 'run'),
    (dict(drop=['num_frames']), 'num_frames'),
    (dict(test_videos=None), 'test_videos'),
    (dict(drop=['Wri', 'Ank']), 'Wri'),
    (dict(score=float('nan')), 'nan'),
    (dict(prefixes=['a/', 'b/']), '--prefix'),
    (dict(indices=list(range(999))), 'indices=[0, 1, 2, 3, 4'),
])  # yapf: disable
def test_refused_file(call, result, change, word):
    with pytest.raises(ValueError, match='bad.json') as error:
        call(['ours', result('bad', **change)])
    assert word in str(error.value)


@pytest.mark.parametrize('rows, word, data', [
    ([['s1', 'again']], 'one split twice', 'jhmdb'),
    ([['s1', 's2'], ['s1', 's3']], 'different videos', 'jhmdb'),
    ([['s1', 's2'], ['s1']], 'different videos', 'jhmdb'),
    ([['s1'], ['third']], 'frame_stride=3', 'jhmdb'),
    ([['s1'], ['half']], 'num_frames=7', 'jhmdb'),
    ([['s1', 's2', 's3', 'half']], 'has 4 files', 'jhmdb'),
    ([['s1', 's2']], 'the data set 1 split', 'penn'),
])  # yapf: disable
def test_refused_rows(call, result, rows, word, data, tmp_path):
    files = dict(
        s1=result('s1'), s2=result('s2', 2), s3=result('s3', 3),
        again=result('again'), third=result('third', frame_stride=3),
        half=result('half', num_frames=7))  # yapf: disable
    rows = [[f'row {number}', *map(files.get, row)]
            for number, row in enumerate(rows)]
    with pytest.raises(ValueError, match=word):
        call(*rows, options=['--data', data])
    assert not (tmp_path / 'table.md').exists()


@pytest.mark.parametrize('data', ['jhmdb', 'penn'])
def test_published_rows(data):
    """The last column is the mean of the others, as printed, on the paper's
    own rows; and ours is above the baseline in every column, as it says."""
    rows = published_rows(data)
    assert len(rows) == 8
    assert all(len(row) == len(COLUMNS) for row in rows.values())
    for name in ('LSTM [12]', 'PAF [21]', 'Ours'):
        assert sum(rows[name][:-1]) / 7 == pytest.approx(
            rows[name][-1], abs=0.11), name
    better = zip(rows['Ours'], rows['PAF [21]'])
    assert all(ours > baseline for ours, baseline in better)
    assert list(rows)[-1] == 'Ours'
    assert PUBLISHED[data].num_splits == (3 if data == 'jhmdb' else 1)
