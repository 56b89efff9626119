# Copyright (c) temporal_corr authors. All rights reserved.
"""A study runs once, goes on, and says what it found and with what."""
import fcntl
import json
import shutil
import textwrap
from pathlib import Path

import pytest
import torch
from mmengine.config import Config

from studies import ablation
from studies.study import Row, build_config, digest, read_study

#: What was called: the tool, the row's folder and the seed.
CALLS = []


class FakeTool:
    """Works as tools/train.py and tools/test.py do and ends when it is asked
    for the second time; the Mean is the seed plus what the config says."""
    running, most = 0, 0

    def __init__(self, command, log, _):
        tool, config, *arguments = map(str, command)
        folder = Path(config).parent
        CALLS.append((tool[:-len('.py')], folder.parent.name,
                      int(folder.name.split('_')[1])))
        FakeTool.running += 1
        FakeTool.most = max(FakeTool.most, FakeTool.running)
        self.returncode, self.ended = 0, False
        cfg = Config.fromfile(config)
        work_dir = Path(arguments[-1])
        if cfg.broken:
            self.returncode = 1
            log.write_text('the loss is broken')
        elif tool == 'train.py':
            work_dir.mkdir(exist_ok=True)
            (work_dir / 'epoch_1.pth').write_text(str(cfg.get('load_from')))
            (work_dir / 'last_checkpoint').write_text('/moved/epoch_1.pth')
        else:
            assert Path(arguments[0]).is_file()
            truth = 'exemplars' in cfg.model.get('test_cfg', {})
            stride = cfg.test_dataloader.dataset.get('frame_stride', 1)
            mean = cfg.worth + cfg.randomness.seed / 100 + truth / 2
            run = dict(ann_file='some/where/test.json',
                       test_videos=['b', 'c'], train_videos=['a', 'b'],
                       num_frames=30 // stride)  # yapf: disable
            out = Path(arguments[arguments.index('--out') + 1])
            out.write_text(json.dumps(dict(Mean=mean / stride, run=run)))

    def poll(self):
        if not self.ended:
            self.ended = True
            return None
        FakeTool.running -= 1
        return self.returncode


@pytest.fixture
def study(tmp_path):
    """Writes a study of tiny configs."""
    (tmp_path / 'tiny.py').write_text("""
model = dict(head=dict(temporal=None))
train_dataloader = dict(batch_size=4)
train_cfg = dict(max_epochs=1)
test_dataloader = dict(dataset=dict())
test_evaluator = dict(type='GroupPCKAccuracy', thr=0.2)
worth = 0.5
broken = False
""")

    def write(changes=''):
        path = tmp_path / 'study.py'
        path.write_text(
            textwrap.dedent(f"""
            _config = {str(tmp_path / 'tiny.py')!r}
            start = dict(name='scratch', config=_config)
            rows = [
                dict(name='single', config=_config),
                dict(name='ours', config=_config,
                     options={{'model.head.temporal': 'correlation',
                               'worth': 0.75}}),
            ]
            seeds = [0, 1]
            """) + textwrap.dedent(changes))
        return str(path)

    return write


@pytest.fixture
def call(study, monkeypatch, tmp_path):
    """Runs a study; returns the results. CALLS are in order."""
    monkeypatch.setattr(ablation, 'call_tool', FakeTool)
    monkeypatch.setattr(ablation.time, 'sleep', lambda _: None)
    # The models of these configs are none.
    monkeypatch.setattr(ablation.Run, 'check_model', lambda self: None)
    monkeypatch.setattr(ablation, 'describe_schedule',
                        lambda cfg: dict(epochs=1, iterations=7))
    monkeypatch.chdir(tmp_path)

    def run(*options, changes=''):
        CALLS.clear()
        FakeTool.running = FakeTool.most = 0
        ablation.main([study(changes), *map(str, options)])
        return json.loads((tmp_path / 'results/study.json').read_text())

    return run


def means(results, test=None):
    return {(row['name'], seed): found['Mean'] for row in results['rows']
            for seed, run in row['seeds'].items()
            for found in [run.get('tests', {}).get(test) if test else run.get(
                'metrics')] if found}  # yapf: disable


#: Another test of the row with correlation.
TRUTH = """
rows[1]['tests'] = {
    'the truth': {'model.test_cfg.exemplars': 'ground_truth'}}
"""


@pytest.mark.parametrize('jobs', [1, 3])
def test_all_rows(call, tmp_path, capsys, jobs):
    results = call('--jobs', jobs, changes=TRUTH + 'strides = [2, 1]')
    assert FakeTool.most == jobs
    assert means(results) == {
        ('single', '0'): .5, ('single', '1'): .51,
        ('ours', '0'): .75, ('ours', '1'): .76}  # yapf: disable
    assert means(results, 'the truth') == {
        ('ours', '0'): 1.25, ('ours', '1'): 1.26}  # yapf: disable
    assert results['start']['seeds']['1']['metrics']['Mean'] == .51
    ours = results['rows'][1]
    found = ours['seeds']['0']
    assert found['strides'] == {'1': dict(Mean=.75, num_frames=30),
                                '2': dict(Mean=.375, num_frames=15)}
    assert found['tested'] == dict(
        ann_file='test.json', videos=2, frames=30, leaked_videos=1, thr=.2)
    assert found['training']['schedule'] == dict(epochs=1, iterations=7)
    assert {'seconds', 'commit', 'dirty', 'device', 'torch',
            'num_threads', 'resumed'} <= set(found['training'])
    assert ours['options']['worth'] == .75
    # All rows go on from the start of their seed.
    folder = tmp_path / 'work_dirs/ablation/study'
    for seed in (0, 1):
        start, = folder.glob(f'scratch/seed_{seed}_*/train/epoch_1.pth')
        assert start.read_text() == 'None'
        for row in ('single', 'ours'):
            path, = folder.glob(f'{row}/seed_{seed}_*/train/epoch_1.pth')
            assert path.read_text() == str(start)
    assert '[18/18]' in capsys.readouterr().out


def test_what_is_finished_is_not_done_again(call, tmp_path):
    one = '--rows', 'ours', '--seeds', 1
    first = call(*one)
    assert first['command'].endswith('study.py --seeds 1 --jobs 1')
    assert CALLS == [('train', 'scratch', 1), ('test', 'scratch', 1),
                     ('train', 'ours', 1), ('test', 'ours', 1)]
    assert call(*one) == first and not CALLS
    results = call()
    # What was finished before is still in the file.
    assert len(means(results)) == 4
    more = call('--seeds', 0, changes=TRUTH + 'strides = [1, 3]')
    assert CALLS == [('test', 'single', 0)] + 2 * [('test', 'ours', 0)]
    assert means(more) == means(results)
    # Without checkpoints there are no other tests, and these stay.
    for path in tmp_path.glob('work_dirs/ablation/*/*/*/*/epoch_1.pth'):
        path.unlink()
    assert call() == results and not CALLS
    with pytest.raises(FileNotFoundError, match='epoch_1.pth is gone.*remove'):
        call(changes='strides = [2]')
    # Other options are another training.
    path = tmp_path / 'results/study.json'
    path.unlink()
    call('--seeds', 0, changes="start['options']={'worth': .25}")
    assert CALLS == [(tool, row, 0) for row in ('scratch', 'single', 'ours')
                     for tool in ('train', 'test')]  # yapf: disable


def test_rows_that_differ_in_the_test_share_a_training(call, tmp_path):
    """So do studies in one work directory; each has its own results."""
    told = textwrap.dedent("""
        rows.append(dict(name='told', config=_config, options={
            'model.head.temporal': 'correlation', 'worth': .75,
            'model.test_cfg.exemplars': 'ground_truth'}))
        """)
    results = call('--seeds', 0, '--jobs', 2, changes=told)
    assert means(results)['told', '0'] == 1.25
    assert means(results)['ours', '0'] == .75
    assert [tool for tool, row, _ in sorted(CALLS) if row == 'ours'] == [
        'test', 'test', 'train']
    (tmp_path / 'results/study.json').unlink()
    found = call('--seeds', 0,
                 changes=told + "rows = rows[2:]; rows[0]['name'] = 'other'")
    assert means(found) == {('other', '0'): 1.25} and not CALLS


def test_a_failure_does_not_lose_the_others(call, capsys, tmp_path):
    with pytest.raises(SystemExit, match='4 of 12 failed'):
        call('--jobs', 2, changes="rows[0]['options']={'broken': True}")
    out = capsys.readouterr().out
    assert 'train.log:\n    the loss is broken' in out
    assert 'single, seed 1: test: FAILED, skipped' in out
    path = tmp_path / 'results/study.json'
    assert set(means(json.loads(path.read_text()))) == {
        ('ours', '0'), ('ours', '1')}  # yapf: disable


def test_processes_end_with_the_study(call, monkeypatch):
    """On Ctrl-C, as on SIGTERM, which raises, too."""
    ended = []

    def poll(self):
        raise KeyboardInterrupt

    monkeypatch.setattr(FakeTool, 'poll', poll)
    for name in ('terminate', 'wait'):
        monkeypatch.setattr(
            FakeTool, name, lambda self, name=name: ended.append(name),
            raising=False)
    with pytest.raises(KeyboardInterrupt):
        call('--jobs', 2)
    assert ended == 2 * ['terminate', 'wait']


@pytest.fixture
def elsewhere(study, tmp_path):
    """Writes what tools/train.py leaves of a row with seed 0."""

    def write(row, start=None, epoch=1, **changes):
        content = read_study(study())
        rows = {x.name: x for x in [content.start, *content.rows]}
        cfg = build_config(rows[row], {}, 0, start)
        cfg.merge_from_dict(changes)
        folder = tmp_path / 'elsewhere' / row
        folder.mkdir(parents=True)
        (folder / 'tiny.py').write_text(cfg.pretty_text)
        torch.save(
            dict(state_dict=dict(weight=torch.ones(1)), optimizer={},
                 message_hub={}, meta=dict(epoch=epoch)),
            folder / 'epoch_1.pth')  # yapf: disable
        return folder

    return write


def test_trained_elsewhere(call, elsewhere, tmp_path):
    folders = [elsewhere('scratch')]
    start = str(folders[0] / 'epoch_1.pth')
    folders.append(elsewhere('ours', start))
    results = call('--seeds', 0, '--trained', *folders)
    assert [row for tool, row, _ in CALLS if tool == 'train'] == ['single']
    path, = tmp_path.glob('work_dirs/*/*/single/*/train/epoch_1.pth')
    assert path.read_text() == start
    training = results['rows'][1]['seeds']['0']['training']
    assert training['checkpoint'] == 'epoch_1.pth'
    assert training['commit'] is None and training['resumed']
    assert call('--seeds', 0) == results and not CALLS
    # It may be named again, but another one of the same row is too much.
    assert call('--seeds', 0, '--trained', *folders) == results
    twin = tmp_path / 'twin'
    shutil.copytree(folders[1], twin)
    with pytest.raises(ValueError, match='twin: row "ours" with seed 0'):
        call('--seeds', 0, '--trained', *folders, twin)


@pytest.mark.parametrize('changes, word', [
    ({'model.head.temporal': 'lstm'}, 'model differ from row "ours"'),
    ({'train_dataloader.batch_size': 8}, 'batch_size differ'),
    ({'train_dataloader.dataset': dict(pipeline=['flip'])}, 'pipeline differ'),
    ({'load_from': 'other.pth'}, 'load_from differ'),
    ({'randomness.seed': 7}, 'its config and its seed'),
])  # yapf: disable
def test_trained_otherwise(call, elsewhere, tmp_path, changes, word):
    start = elsewhere('scratch')
    other = elsewhere('ours', str(start / 'epoch_1.pth'), **changes)
    with pytest.raises(ValueError, match=word):
        call('--seeds', 0, '--trained', start, other)
    with pytest.raises(ValueError, match='not trained to its end'):
        call('--trained', elsewhere('single', epoch=0))
    with pytest.raises(FileNotFoundError, match='holds no training'):
        call('--trained', tmp_path)
    assert not CALLS


def test_refused(call, tmp_path):
    with pytest.raises(ValueError, match='no row "hours": choose --rows '
                       'from "single", "ours"'):
        call('--rows', 'hours')
    path = tmp_path / 'work_dirs/ablation/study/.lock'
    path.parent.mkdir(parents=True)
    with open(path, 'w') as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        with pytest.raises(RuntimeError, match='another study is at'):
            call()
    call()
    # Of results that would be lost.
    with pytest.raises(ValueError, match='"scratch" with seed 0'):
        call('--work-dir', tmp_path / 'other')
    (tmp_path / 'results/study.json').write_text('{"kind": "other"}')
    with pytest.raises(ValueError, match='study.json is no file of resu'):
        call()
    assert not CALLS


@pytest.mark.parametrize('changes, word', [
    ('row = rows', "unexpected .* 'row'"),
    ('rows = []', 'rows must hold'),
    ("rows[0]['option'] = {}", r"rows\[0\]: .* 'option'; its fields"),
    ("start = dict(name='x')", "start: .* 'config'"),
    ("rows[0]['name'] = 'Ours!'", 'differ in letters or digits'),
    ("rows[0]['name'] = '...'", 'differ in letters or digits'),
    ("rows[0]['tests'] = {'A b': {}, 'a-b': {}}", 'tests of "single"'),
    ('seeds = 3', r'seeds must be .* not 3'),
    ('strides = [0]', 'strides must be'),
])  # yapf: disable
def test_refused_study(study, changes, word):
    with pytest.raises(ValueError, match=f'study.py: .*{word}'):
        read_study(study(changes))


def test_a_model_that_cannot_be_built_is_told_at_once(
        tiny_config, study, monkeypatch, tmp_path):
    """Nothing is trained before it, though its row is the last."""
    path = study(f"""
        rows = [dict(name='single', config={str(tiny_config)!r}), dict(
            name='misspelt', config={str(tiny_config)!r},
            options={{'model.head.temporall': 1}})]
        start = None
        """)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(ablation, 'work', None)
    with pytest.raises(ValueError, match='"misspelt" .*temporall'):
        ablation.main([path])


def test_values_of_any_kind_arrive(tiny_config, tmp_path):
    """Also in the file that is written; the row's win over those of all."""
    options = {
        'model.head.train_cfg': dict(exemplars=dict(prob=[.5, (1, None)])),
        'train_dataloader.sampler': dict(_delete_=True, type='New'),
        'train_cfg.max_epochs': 3
    }
    common = {'train_cfg.max_epochs': 1, 'train_cfg.val_interval': 9}
    rows = [Row('x', str(tiny_config), x) for x in (options, {})]
    cfg, plain = (build_config(row, common, 5, 'some.pth') for row in rows)
    path = tmp_path / 'written.py'
    path.write_text(cfg.pretty_text)
    for found in (cfg, Config.fromfile(path)):
        assert found.model.head.train_cfg == options['model.head.train_cfg']
        assert found.train_dataloader.sampler == dict(type='New')
        assert (found.train_cfg.max_epochs, found.train_cfg.val_interval,
                found.randomness.seed, found.load_from) == (
                    3, 9, 5, 'some.pth')  # yapf: disable
    assert digest(cfg) != digest(plain)


def test_the_repositorys_studies(repo_root, monkeypatch):
    monkeypatch.chdir(repo_root)
    paths = [*(repo_root / 'studies/configs').glob('*.py')]
    assert paths
    for path in paths:
        study = read_study(str(path))
        for row in [study.start, *study.rows]:
            build_config(row, study.common, 0)


@pytest.mark.slow
def test_real_tools(tiny_config, tiny_jhmdb, monkeypatch, tmp_path):
    """A training and a test of a real, tiny model."""
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'study.py').write_text(f"""
rows = [dict(name='ours', config={str(tiny_config)!r},
             options={{'train_cfg.max_epochs': 1}})]
seeds = [0]
""")
    ablation.main(['study.py', '--out', 'r.json'])
    row, = json.loads((tmp_path / 'r.json').read_text())['rows']
    found = row['seeds']['0']
    assert 0 <= found['metrics']['Mean'] <= 1
    assert found['training']['schedule'] == dict(
        epochs=1, iterations=5, batch_size=4, optimizer='Adam', lr=3e-4,
        train_videos=5, train_frames=20)  # yapf: disable
    assert found['training']['num_threads'] == 1
    assert found['tested'] == dict(
        ann_file='Sub1_test.json', videos=5, frames=20, leaked_videos=5,
        thr=0.2)  # yapf: disable
