# Copyright (c) temporal_corr authors. All rights reserved.
"""Tables from files of results, and whether a document has them."""
import statistics

import pytest

from studies import table
from studies.published_results import COLUMNS

#: Mean of each seed.
MEANS = dict(
    scratch=[.70, .71, .73], single=[.70, .74, .72], ours=[.75, .78, .80])
CEILING = [.90, .94, .95]


def metrics(mean):
    return {name: mean + (k - 7) / 1000 for k, name in enumerate(COLUMNS)}


def entry(name, seeds, **tested):
    training = dict(
        schedule=dict(
            epochs=2, iterations=1234, batch_size=16, optimizer='Adam',
            lr=3e-4, train_videos=129, train_frames=4603),
        seconds=1800., resumed=False, commit='0123456789abcdef', dirty=False,
        device='2 x Some CPU', num_threads=1, torch='2.1.2')  # yapf: disable
    tested = {**dict(ann_file='Sub1_test.json', videos=51, frames=1771,
                     leaked_videos=0, thr=.2), **tested}  # yapf: disable
    found = {}
    for seed in seeds:
        mean = MEANS[name][seed]
        found[str(seed)] = dict(
            training=training, tested=tested, metrics=metrics(mean),
            strides={str(k): metrics(mean - k / 100) for k in (2, 10)})
        if name == 'ours':
            found[str(seed)]['tests'] = {
                'ground-truth exemplars': metrics(CEILING[seed])
            }
    return dict(name=name, seeds=found)


def content(seeds=(0, 1, 2), start=None):
    return dict(
        kind='ablation', study='x', command='python x', start=start,
        rows=[entry('single', seeds), entry('ours', seeds)])  # yapf: disable


@pytest.fixture
def call(capsys):
    """Runs the tool; returns what it prints."""

    def run(*argv):
        table.main([*map(str, argv)])
        return capsys.readouterr().out

    return run


@pytest.fixture
def result(tmp_path):
    """Writes a file of results."""

    def write(value=None, name='x'):
        path = tmp_path / 'results' / f'{name}.json'
        table.write_results(content() if value is None else value, path)
        return path

    return write


def line_of(text, name, head='model'):
    """Cells of a row, by the head of its table."""
    lines = [[cell.strip() for cell in line.strip('|').split('|')]
             for line in text[text.index(f'| {head} |'):].splitlines()]
    row = next(cells for cells in lines if cells[0] == name)
    return dict(zip(lines[0], row))


def cell(values, spec='.1f'):
    return (f'{statistics.mean(values):{spec}} ± '
            f'{statistics.stdev(values):.1f}')


def test_mean_spread_ceiling_and_paired_difference(call, result):
    text = call(result())
    ours, single = line_of(text, 'ours'), line_of(text, 'single')
    means = [100 * x for x in MEANS['ours']]
    pairs = [x - 100 * y for x, y in zip(means, MEANS['single'])]
    assert ours['Mean'] == cell(means)
    assert ours['Mean, to single'] == cell(pairs, '+.1f')
    assert ours['Mean, ground-truth exemplars'] == cell(
        [100 * x for x in CEILING])
    for k, name in enumerate(COLUMNS[:-1]):
        expected = statistics.mean(means) + (k - 7) / 10
        assert ours[name] == f'{expected:.1f}'
    assert single['Mean, to single'] == '-'
    assert single['Mean, ground-truth exemplars'] == '-'
    strides = line_of(text, 'ours', 'rate')
    assert list(strides) == ['rate', '2', '10']
    assert strides['10'] == cell([x - 10 for x in means])
    assert 'PCK@0.2 in percent on 51 videos, 1,771 frames' in text
    assert 'mean over the seeds 0, 1, 2; ±' in text


def test_what_was_measured_with(call, result):
    value = content(start=entry('scratch', [0, 1, 2]))
    run = value['rows'][1]['seeds']['2']
    run['training'] = dict(run['training'], dirty=True, commit='f' * 40)
    text = call(result(value))
    assert ('"scratch", "single", "ours": 2 epochs (1,234 iterations) on '
            '4,603 frames of 129 videos, batch 16, Adam, learning rate '
            '0.0003') in text
    assert ('2 x Some CPU, 1 thread, torch 2.1.2; commit 0123456, commit '
            'fffffff with uncommitted changes; 4.5 hours') in text
    assert 'python x' in text and 'without results' not in text
    assert line_of(text, 'scratch')['Mean, to single'] == '-'
    run['training']['resumed'] = True  # its seconds are not all
    value['rows'].append(dict(name='theirs, too', seeds={}))
    text = call(result(value))
    assert '; more than 4.5 hours' in text
    assert 'without results: "theirs, too".' in text


def test_seeds(call, result):
    """One has no spread; only those of both rows are compared."""
    text = call(result(content([1])))
    assert '±' not in text and 'seed 1.' in text
    assert line_of(text, 'ours')['Mean, to single'] == '+4.0'
    value = content()
    value['rows'] = [entry('single', [0, 1]), entry('ours', [1, 2])]
    row = line_of(call(result(value)), 'ours (seed 1, 2 only)')
    assert row['Mean, to single'] == '+4.0'
    value['rows'] = [entry('single', []), entry('ours', [1, 2])]
    assert 'Mean, to single' not in line_of(call(result(value)), 'ours')


def test_rows_of_filters(call, result):
    """With one evaluator each; differences are those of one filter."""
    value = content([0, 1])
    for row, gain in zip(value['rows'], (0, .05)):
        for run in row['seeds'].values():
            mean = run['metrics']['Mean']
            run['metrics'].update({
                'Mean@0.1': mean / 2, 'Mean@0.05': mean / 4,
                'acceleration error': .07,
                'acceleration error/Mean': .5})  # yapf: disable
            run['metrics'].update({
                f'Gaussian/{name}': score + gain
                for name, score in run['metrics'].items()})
    text = call(result(value))
    ours, plain = line_of(text, 'ours + Gaussian'), line_of(text, 'ours')
    assert ours['Mean'].startswith('81.5')
    assert ours['@0.1'].startswith('43')
    assert ours['@0.05'].startswith('24.1')
    assert ours['acc. error'] == '12.00 ± 0.0'
    assert ours['Mean, to single'] == '+9.5 ± 0.7'
    assert plain['Mean, to single'] == '+4.5 ± 0.7'
    assert plain['@0.1'] == '38.2 ± 1.1'
    assert 'the same filter' in text and 'Acc. error: ' in text


@pytest.mark.parametrize('leaked, word', [
    (3, 'so that the result says nothing about others: ours on 3.'),
    (None, 'a leak is not ruled out: ours.')
])  # yapf: disable
def test_leaks_are_said(call, result, leaked, word):
    value = content()
    value['rows'][1] = entry('ours', [0], leaked_videos=leaked)
    assert word in call(result(value))


def test_figure(call, result, monkeypatch):
    drawn = {}
    monkeypatch.setattr(table, 'save_figure',
                        lambda figure, path: drawn.update({path: figure}))
    call(result(), '--figure', 'all.png')
    call(result(), '--figure', 'some.png', '--only', 'sing')
    labels = {path: [line.get_label() for line in figure.axes[0].lines]
              for path, figure in drawn.items()}  # yapf: disable
    assert labels == {'all.png': ['single', 'ours'], 'some.png': ['single']}
    mean, spread = (100 * f(MEANS['ours'])
                    for f in (statistics.mean, statistics.stdev))
    axes, = drawn['all.png'].axes
    assert axes.lines[1].get_xdata().tolist() == [2, 10]
    assert axes.lines[1].get_ydata() == pytest.approx([mean - 2, mean - 10])
    band = axes.collections[1].get_paths()[0].vertices[:, 1]
    assert [band.min(), band.max()] == pytest.approx(
        [mean - 10 - spread, mean - 2 + spread])
    with pytest.raises(ValueError, match='no temporal downsampling'):
        call(result(), '--figure', 'a.png', '--only', 'theirs')


def test_chosen_rows_of_several_files(call, result):
    """By the names of their tables, under names of their own."""
    value = content()
    for row in value['rows']:
        for run in row['seeds'].values():
            run['metrics'].update({'Mean@0.1': .5, 'acceleration error': .071})
    result(value, 'a')
    result(content(), 'b')
    rows = [['alone', 'a.json', 'single'], ['with', 'b.json', 'ours']]
    text = call(result(dict(kind='headline', rows=rows), 'head'))
    assert line_of(text, 'alone', '') == {
        '': 'alone', 'Mean': '72.0 ± 2.0', '@0.1': '50.0 ± 0.0',
        'acc. error': '7.10 ± 0.0'}  # yapf: disable
    assert line_of(text, 'with', '')['@0.1'] == '-'
    rows.append(['x', 'b.json', 'theirs'])
    with pytest.raises(ValueError, match='no row "theirs" in .*b.json: choos'):
        call(result(dict(kind='headline', rows=rows), 'head'))


BEGIN, END = '<!-- results/x.json -->\n', '<!-- end of results/x.json -->\n'


@pytest.mark.parametrize('named', [True, False])
def test_document(call, result, tmp_path, named):
    """Written, then the same."""
    document = tmp_path / 'README.md'
    document.write_text(f'# Title\n\n{BEGIN}old\n{END}\nmore\n')
    with pytest.raises(FileNotFoundError, match='results/x.json'):
        call('--check', document)
    files = [result()][:named]
    with pytest.raises(SystemExit, match='differs from .*x.json: run'):
        call(*files, '--check', document)
    assert 'old' in document.read_text()
    for said in ('replaced', 'has the table'):
        assert said in call(*files, '--write', document)
        text = document.read_text()
        assert 'old' not in text and call(tmp_path / 'results/x.json') in text
        assert text.startswith(f'# Title\n\n{BEGIN}\nPCK')
        assert text.endswith(f'{END}\nmore\n')
    assert 'has the table' in call(*files, '--check', document)


@pytest.mark.parametrize('text', [BEGIN, END + BEGIN, 2 * (BEGIN + END)])
def test_marks(call, result, tmp_path, text):
    document = tmp_path / 'README.md'
    document.write_text(text)
    with pytest.raises(ValueError, match='README.md needs these two'):
        call(result(), '--write', document)
    assert document.read_text() == text


@pytest.mark.parametrize('value, word', [
    (dict(kind='other'), 'its kind is other'),
    ([], 'no file of results'),
    (content([]), 'no test is finished'),
    (content(start=entry('scratch', [0], frames=60)),
     'tested.frames is 60 and 1771'),
])  # yapf: disable
def test_refused(call, result, value, word):
    with pytest.raises(ValueError, match=f'x.json.*{word}'):
        call(result(value))


def test_documents_have_the_tables_of_the_results(call, repo_root):
    for path in [repo_root / 'README.md', *repo_root.glob('docs/*.md')]:
        call('--check', path)
