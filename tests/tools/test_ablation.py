# Copyright (c) temporal_corr authors. All rights reserved.
"""A study runs once, goes on, and says what it found and with what."""
import importlib
import json
import re
import sys
import textwrap
from types import SimpleNamespace

import pytest
from mmengine.config import Config

#: Tools that take no time and say what they were told: the Mean is the seed
#: plus what the config says.
TRAIN = """
import os, sys
config, _, work_dir = sys.argv[1:4]
assert sys.argv[4:] == ['--resume', '--no-validate']
cfg = {}
exec(open(config).read(), cfg)
if cfg.get('broken'):
    sys.exit('the loss is broken')
os.makedirs(work_dir, exist_ok=True)
with open(work_dir + '/epoch_1.pth', 'w') as file:
    file.write(str(cfg['load_from']))
with open(work_dir + '/last_checkpoint', 'w') as file:
    file.write(work_dir + '/epoch_1.pth')
"""
TEST = """
import json, os, sys
config, checkpoint, _, _, _, out = sys.argv[1:7]
open(checkpoint)
cfg = {}
exec(open(config).read(), cfg)
truth = cfg['model'].get('test_cfg', {}).get('exemplars') == 'ground_truth'
mean = cfg['worth'] + cfg['randomness']['seed'] / 100 + truth / 2
run = dict(ann_file='some/where/test.json', test_videos=['b', 'c'],
           train_videos=['a', 'b'], num_frames=30)
with open(out + '.incomplete', 'w') as file:
    json.dump(dict(Mean=mean, run=run), file)
os.replace(out + '.incomplete', out)
"""
STRIDES = """
import json, os, sys
name, config, checkpoint = sys.argv[2:5]
strides = sys.argv[6:-2]
os.makedirs(sys.argv[-1], exist_ok=True)
models = {name: dict(strides={k: dict(Mean=1 / int(k)) for k in strides})}
path = sys.argv[-1] + '/frame_stride.json'
with open(path + '.incomplete', 'w') as file:
    json.dump(dict(models=models), file)
os.replace(path + '.incomplete', path)
"""
LOG = "import sys\nopen({!r}, 'a').write(' '.join(sys.argv) + '\\n')\n"


@pytest.fixture
def modules(repo_root, monkeypatch):
    for folder in ('tools', 'tools/analysis_tools'):
        monkeypatch.syspath_prepend(str(repo_root / folder))
    names = ('ablation', 'ablation_study', 'trained_row', 'side_by_side')
    return SimpleNamespace(
        **{name: importlib.import_module(name)
           for name in names})


@pytest.fixture
def study(tmp_path):
    """Writes a study of tiny configs."""
    config = tmp_path / 'tiny.py'
    config.write_text("""
model = dict(head=dict(temporal=None))
train_dataloader = dict(batch_size=4)
test_evaluator = dict(type='GroupPCKAccuracy', thr=0.2)
load_from = None
worth = 0.5
broken = False
""")

    def write(changes=''):
        path = tmp_path / 'study.py'
        path.write_text(
            textwrap.dedent(f"""
            _config = {str(config)!r}
            start = dict(name='scratch', config=_config)
            rows = [
                dict(name='single', config=_config),
                dict(name='ours', config=_config,
                     options={{'model.head.temporal': 'correlation',
                               'worth': 0.75}}),
            ]
            seeds = [0, 1]
            """) + textwrap.dedent(changes))
        return path

    return write


@pytest.fixture
def call(modules, study, monkeypatch, tmp_path):
    """Runs a study; returns the results and what was run, in order."""
    tools = tmp_path / 'tools'
    (tools / 'analysis_tools').mkdir(parents=True)
    log = tmp_path / 'calls'
    for name, text in (('train', TRAIN), ('test', TEST),
                       ('analysis_tools/frame_stride', STRIDES)):
        (tools / f'{name}.py').write_text(LOG.format(str(log)) + text)
    monkeypatch.setattr(modules.trained_row, 'ROOT', str(tmp_path))
    monkeypatch.setattr(modules.side_by_side, 'INTERVAL', 0.01)
    # The models of these configs are none.
    monkeypatch.setattr(modules.trained_row.TrainedRow, 'check_model',
                        lambda self: None)
    monkeypatch.setattr(modules.trained_row, 'describe_schedule',
                        lambda cfg: dict(epochs=1, iterations=7))
    monkeypatch.chdir(tmp_path)

    def run(*options, changes=''):
        log.write_text('')
        monkeypatch.setattr(
            sys, 'argv',
            ['ablation.py', str(study(changes)), *map(str, options)])
        try:
            modules.ablation.main()
        finally:
            run.calls = [_called(x) for x in log.read_text().splitlines()]
        return json.loads((tmp_path / 'results/study.json').read_text())

    return run


def _called(line):
    """Which tool was run on which row and seed."""
    tool = line.split('/tools/')[1].split('.py')[0]
    row, seed = re.search(r'/(\w+)/seed_(\d+)_', line).groups()
    return tool.split('/')[-1], row, int(seed)


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


class TestRun:

    def test_all_pieces_in_order(self, call):
        results = call(changes=TRUTH + 'strides = [2, 1]')
        assert means(results) == {
            ('single', '0'): .5, ('single', '1'): .51,
            ('ours', '0'): .75, ('ours', '1'): .76}  # yapf: disable
        assert means(results, 'the truth') == {
            ('ours', '0'): 1.25, ('ours', '1'): 1.26}  # yapf: disable
        assert results['start']['seeds']['1']['metrics']['Mean'] == .51
        ours, = (x for x in results['rows'] if x['name'] == 'ours')
        found = ours['seeds']['0']
        assert found['strides'] == {'1': dict(Mean=1), '2': dict(Mean=.5)}
        assert found['tested'] == dict(
            ann_file='test.json', videos=2, frames=30, leaked_videos=1,
            thr=.2)  # yapf: disable
        assert found['training']['schedule'] == dict(epochs=1, iterations=7)
        assert {'seconds', 'commit', 'dirty', 'device', 'torch',
                'num_threads', 'resumed'} <= set(found['training'])
        assert ours['options']['worth'] == .75
        assert call.calls[:4] == [('train', 'scratch', 0),
                                  ('test', 'scratch', 0),
                                  ('train', 'single', 0),
                                  ('test', 'single', 0)]
        assert [name for name, _, _ in call.calls[-4:]] == 4 * ['frame_stride']

    @pytest.mark.parametrize('jobs', [1, 3])
    def test_rows_go_on_from_the_start_of_their_seed(self, call, tmp_path,
                                                     jobs):
        call('--jobs', jobs)
        folder = tmp_path / 'work_dirs/ablation/study'
        for seed in (0, 1):
            start, = folder.glob(f'scratch/seed_{seed}_*/train/epoch_1.pth')
            assert start.read_text() == 'None'
            for row in ('single', 'ours'):
                path, = folder.glob(f'{row}/seed_{seed}_*/train/epoch_1.pth')
                assert path.read_text() == str(start)

    def test_what_is_finished_is_not_done_again(self, call):
        first = call()
        assert call() == first and call.calls == []
        more = call(changes='strides = [1]')
        assert {x for x, _, _ in call.calls} == {'frame_stride'}
        assert means(more) == means(first)
        # Other rates of the same checkpoint.
        assert call(changes='strides = [1, 3]')
        assert {x for x, _, _ in call.calls} == {'frame_stride'}

    def test_other_options_are_another_training(self, call):
        call()
        results = call('--overwrite', changes="rows[0]['options']="
                       "{'worth': .25}")  # yapf: disable
        assert call.calls == [('train', 'single', 0), ('test', 'single', 0),
                              ('train', 'single', 1), ('test', 'single', 1)]
        assert means(results)['single', '0'] == .25
        # Options of the start are those of what follows it.
        call('--overwrite', '--seeds', 0, changes="common={'new': 1}")
        assert len(call.calls) == 6

    def test_rows_that_differ_in_the_test_share_a_training(
            self, call, tmp_path):
        """So do studies in one work directory; each has its own results."""
        told = textwrap.dedent("""
            rows.append(dict(name='told', config=_config, options={
                'model.head.temporal': 'correlation', 'worth': .75,
                'model.test_cfg.exemplars': 'ground_truth'}))
            """)
        results = call('--seeds', 0, '--jobs', 2, changes=told)
        assert means(results)['told', '0'] == 1.25
        assert means(results)['ours', '0'] == .75
        assert sorted(call.calls) == [
            ('test', 'ours', 0), ('test', 'ours', 0), ('test', 'scratch', 0),
            ('test', 'single', 0), ('train', 'ours', 0),
            ('train', 'scratch', 0), ('train', 'single', 0)]  # yapf: disable
        assert call('--seeds', 0, '--jobs', 2, changes=told) == results
        assert call.calls == []
        only = told + "rows = rows[2:]; rows[0]['name'] = 'other'"
        found = call('--seeds', 0, '--overwrite', changes=only)
        assert means(found) == {('other', '0'): 1.25} and call.calls == []
        # Trained again for one of them: the tests of both are done again.
        path, = tmp_path.glob('work_dirs/ablation/*/ours/*/train/epoch_1.pth')
        path.unlink()
        results = call(
            '--seeds', 0, '--rows', 'told', '--overwrite',
            changes=told + "rows[2]['tests'] = {'b': {'worth': .5}}")
        assert {kind for kind, _, _ in call.calls} == {'train', 'test'}
        assert means(results)['ours', '0'] == .75
        assert means(results, 'b') == {('told', '0'): 1.}

    def test_trainings_first(self, call):
        """Then the tests, which another test does not repeat."""
        results = call('--seeds', 0, '--train-only')
        assert call.calls == [('train', 'scratch', 0), ('train', 'single', 0),
                              ('train', 'ours', 0)]
        assert not any('metrics' in row['seeds']['0']
                       for row in results['rows'])
        call('--seeds', 0)
        assert call.calls == [('test', 'scratch', 0), ('test', 'single', 0),
                              ('test', 'ours', 0)]
        results = call('--seeds', 0, changes=TRUTH)
        assert call.calls == [('test', 'ours', 0)]
        assert means(results, 'the truth') == {('ours', '0'): 1.25}

    def test_chosen_rows_and_seeds(self, call):
        results = call('--rows', 'ours', '--seeds', 1)
        assert results['command'].endswith(
            'study.py --seeds 1 --rows ours --jobs 1')
        assert call.calls == [('train', 'scratch', 1), ('test', 'scratch', 1),
                              ('train', 'ours', 1), ('test', 'ours', 1)]
        results = call('--seeds', 5)
        assert '--rows' not in results['command']
        # What was finished before is still in the file.
        assert set(means(results)) == {('ours', '1'), ('single', '5'),
                                       ('ours', '5')}

    def test_checkpoints_may_be_removed_when_all_is_tested(
            self, call, tmp_path):
        first = call('--seeds', 0)
        for path in tmp_path.glob('work_dirs/ablation/*/*/*/*/epoch_1.pth'):
            path.unlink()
        assert call('--seeds', 0) == first and call.calls == []
        # Another rate needs them again.
        call('--seeds', 0, '--rows', 'ours', changes='strides = [2]')
        assert call.calls == [('train', 'scratch', 0), ('test', 'scratch', 0),
                              ('train', 'ours', 0), ('test', 'ours', 0),
                              ('frame_stride', 'ours', 0)]

    def test_a_failure_does_not_lose_the_others(self, call, capsys, tmp_path):
        broken = "rows[0]['options']={'broken': True}"
        with pytest.raises(SystemExit, match='2 pieces failed, and 2 were'):
            call(changes=broken)
        out = capsys.readouterr().out
        assert 'single, seed 1: train: FAILED' in out
        assert 'the loss is broken' in out
        path = tmp_path / 'results/study.json'
        assert set(means(json.loads(path.read_text()))) == {
            ('ours', '0'), ('ours', '1')}  # yapf: disable
        assert '[12/12]' in out

    def test_progress(self, call, capsys):
        call('--seeds', 0)
        out = capsys.readouterr().out
        assert '6 pieces left to do' in out
        assert '[2/6] scratch, seed 0: test: Mean 50.00 in' in out
        assert ' used, about 0 s left' in out


@pytest.fixture
def elsewhere(modules, study, tmp_path):
    """Writes what tools/train.py leaves of a row with seed 0."""

    def write(row, start=None, **changes):
        content = modules.ablation_study.read_study(str(study()))
        rows = {x.name: x for x in [content.start, *content.rows]}
        cfg = modules.ablation_study.build_config(rows[row], {}, 0, start)
        cfg.merge_from_dict(changes)
        folder = tmp_path / 'elsewhere' / f'{row}_s0'
        folder.mkdir(parents=True)
        (folder / 'tiny.py').write_text(cfg.pretty_text)
        checkpoint = folder / 'epoch_1.pth'
        checkpoint.touch()
        (folder / 'last_checkpoint').write_text(f'/moved/{checkpoint.name}')
        return checkpoint

    write.option = ['--trained'] + [
        tmp_path / f'elsewhere/{row}_s0' for row in ('ours', 'scratch')
    ]
    return write


class TestTrainedElsewhere:

    def test_taken_over(self, call, elsewhere, tmp_path):
        start = elsewhere('scratch')
        elsewhere('ours', str(start))
        results = call('--seeds', 0, *elsewhere.option)
        assert sorted(call.calls) == [
            ('test', 'ours', 0), ('test', 'scratch', 0),
            ('test', 'single', 0), ('train', 'single', 0)]  # yapf: disable
        path, = tmp_path.glob('work_dirs/*/*/single/*/train/epoch_1.pth')
        assert path.read_text() == str(start)
        training = results['rows'][1]['seeds']['0']['training']
        assert training['checkpoint'] == 'epoch_1.pth'
        assert training['commit'] is None
        assert call('--seeds', 0) == results and call.calls == []

    @pytest.mark.parametrize('changes, word', [
        ({'model.head.temporal': 'lstm'}, 'model='),
        ({'train_dataloader.batch_size': 8}, 'batch_size=8, and .* says 4'),
        ({'load_from': 'other.pth'}, 'load_from='),
    ])  # yapf: disable
    def test_of_other_settings(self, call, elsewhere, changes, word):
        start = elsewhere('scratch')
        elsewhere('ours', str(start), **changes)
        with pytest.raises(ValueError, match=f'tiny.py was trained .*{word}'):
            call('--seeds', 0, *elsewhere.option)
        assert call.calls == []

    def test_not_finished(self, call, elsewhere):
        folder = elsewhere('scratch').parent
        elsewhere('ours')
        (folder / 'last_checkpoint').write_text('epoch_0.pth')
        with pytest.raises(FileNotFoundError, match='epoch_0.pth, not ep'):
            call('--seeds', 0, *elsewhere.option)
        (folder / 'last_checkpoint').unlink()
        with pytest.raises(FileNotFoundError, match='no last_checkpoint'):
            call('--seeds', 0, *elsewhere.option)

    @pytest.mark.parametrize('changes', [{'randomness.seed': 7}, {}])
    def test_of_another_seed_or_config(self, call, elsewhere, changes):
        start = elsewhere('scratch')
        path = elsewhere('ours', str(start), **changes).parent / 'tiny.py'
        if not changes:
            path.rename(path.with_name('other.py'))
        with pytest.raises(ValueError, match='ours_s0 is of no row of the st'):
            call('--seeds', 0, *elsewhere.option)
        assert call.calls == []


class TestRefused:

    def test_results_that_would_be_lost(self, call, tmp_path):
        call()
        other = ['--work-dir', tmp_path / 'work_dirs/ablation/study/other']
        with pytest.raises(ValueError, match='"scratch" with seed 0'):
            call(*other)
        assert call.calls == []
        call(*other, '--overwrite', '--rows', 'ours', '--seeds', 0)
        assert len(call.calls) == 4

    def test_another_file(self, call, tmp_path):
        (tmp_path / 'results').mkdir()
        (tmp_path / 'results/study.json').write_text('{"kind": "other"}')
        with pytest.raises(ValueError, match='study.json is none of this'):
            call()

    def test_a_second_process(self, call, modules, tmp_path):
        with modules.ablation.lock(tmp_path / 'work_dirs/ablation/study'):
            with pytest.raises(RuntimeError, match='another ablation.py'):
                call()

    def test_row_that_there_is_not(self, call):
        with pytest.raises(ValueError, match='no row "hours": choose --rows '
                           'from "single", "ours"'):
            call('--rows', 'hours')

    @pytest.mark.parametrize('changes, word', [
        pytest.param('row = rows', 'there is no row in a study', id='key'),
        pytest.param('rows = []', 'rows must hold', id='no rows'),
        pytest.param("rows[0]['option'] = {}", r'rows\[0\] must be',
                     id='key of a row'),
        pytest.param("start = dict(name='x')", 'start must be',
                     id='no config'),
        pytest.param("rows[0]['name'] = 'Ours!'", 'come down to "ours"',
                     id='one name twice'),
        pytest.param("rows[0]['name'] = '...'", 'needs a letter', id='dots'),
        pytest.param("rows[0]['tests'] = {'A b': {}, 'a-b': {}}",
                     r'rows\[0\].tests must be', id='one test twice'),
        pytest.param("rows[0]['tests'] = {'a': 1}",
                     r'rows\[0\].tests must be', id='no options'),
        pytest.param('seeds = 3', r'seeds must be .* not 3', id='seeds'),
        pytest.param('strides = [0]', 'strides must be', id='stride'),
    ])  # yapf: disable
    def test_study(self, modules, study, changes, word):
        with pytest.raises(ValueError, match=word) as error:
            modules.ablation_study.read_study(str(study(changes)))
        assert 'study.py' in str(error.value)


def test_a_model_that_cannot_be_built_is_told_at_once(
        modules, tiny_config, study, monkeypatch, tmp_path):
    """Nothing is trained before it, though its row is the last."""
    path = study(f"""
        rows = [dict(name='single', config={str(tiny_config)!r}), dict(
            name='misspelt', config={str(tiny_config)!r},
            options={{'model.train_cfg.exemplars': dict(drop=0.5)}})]
        start = None
        """)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(sys, 'argv', ['ablation.py', str(path)])
    monkeypatch.setattr(modules.ablation, 'SideBySide', None)
    with pytest.raises(ValueError, match='model of "misspelt" .* there is no '
                       'train_cfg.exemplars.drop'):
        modules.ablation.main()


class TestConfig:

    def test_values_of_any_kind_arrive(self, modules, tiny_config, tmp_path):
        """Dicts and lists, merged as MMEngine merges them, and written to a
        file that says the same."""
        study = modules.ablation_study
        row = study.Row(
            'x', str(tiny_config), {
                'model.head.train_cfg': dict(
                    exemplars=dict(type='mix', prob=[.5, (1, None)], a='b')),
                'param_scheduler.0.T_max': 7,
                'train_dataloader.sampler': dict(_delete_=True, type='New'),
                'train_cfg.max_epochs': 3
            })
        common = {'train_cfg.max_epochs': 1, 'train_cfg.val_interval': 9}
        cfg = study.build_config(row, common, 5, 'some.pth')
        path = tmp_path / 'written.py'
        path.write_text(cfg.pretty_text)
        for found in (cfg, Config.fromfile(path)):
            assert found.model.head.train_cfg.exemplars == dict(
                type='mix', prob=[.5, (1, None)], a='b')
            assert found.param_scheduler[0].T_max == 7
            assert found.param_scheduler[0].type == 'CosineAnnealingLR'
            assert found.train_dataloader.sampler == dict(type='New')
            assert found.train_cfg.max_epochs == 3
            assert found.train_cfg.val_interval == 9
            assert found.randomness.seed == 5
            assert found.load_from == 'some.pth'
        plain = study.Row('x', str(tiny_config), {})
        assert study.digest(cfg) != study.digest(
            study.build_config(plain, common, 5, 'some.pth'))

    def test_the_repositorys_studies(self, modules, repo_root):
        paths = list((repo_root / 'projects/temporal_corr/configs/studies'
                      ).glob('*.py'))  # yapf: disable
        assert paths
        for path in paths:
            study = modules.ablation_study.read_study(str(path))
            for row in study.rows + ([study.start] if study.start else []):
                modules.ablation_study.build_config(row, study.common, 0,
                                                    None)


def test_processes_end_with_the_tool(modules, tmp_path):
    """On Ctrl-C, as on SIGTERM, which raises, too."""
    tool = modules.side_by_side

    def piece(code, needs=None):
        return tool.Piece(
            title='x',
            kind='x',
            command=lambda: [sys.executable, '-c', code],
            log=tmp_path / 'log',
            finish=lambda _: '',
            needs=needs)

    def interrupt():
        raise KeyboardInterrupt

    work = tool.SideBySide(
        [piece('import time; time.sleep(600)'), piece('')], 2, None,
        interrupt)
    with pytest.raises(KeyboardInterrupt):
        work.run()
    (process, _, _), = work.running.values()
    assert process.poll() is not None


@pytest.mark.parametrize('seconds, text', [(5.6, '6 s'), (61, '1:01'),
                                           (3723, '1:02:03')])
def test_duration(modules, seconds, text):
    assert modules.side_by_side.duration(seconds) == text


def test_real_tools(modules, tiny_config, tiny_jhmdb, monkeypatch, tmp_path):
    """A training, a test and a ceiling of a real, tiny model."""
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    monkeypatch.setenv('OMP_NUM_THREADS', '1')
    monkeypatch.chdir(tmp_path)
    (tmp_path / 'study.py').write_text(f"""
rows = [dict(name='ours', config={str(tiny_config)!r},
             options={{'train_cfg.max_epochs': 1}},
             tests=dict(truth={{
                'model.test_cfg.exemplars': 'ground_truth'}}))]
seeds = [0]
""")
    monkeypatch.setattr(sys, 'argv',
                        ['ablation.py', 'study.py', '--out', 'r.json'])
    modules.ablation.main()
    row, = json.loads((tmp_path / 'r.json').read_text())['rows']
    found = row['seeds']['0']
    assert set(found['metrics']) == set(found['tests']['truth'])
    assert 0 <= found['metrics']['Mean'] <= 1
    assert found['training']['schedule'] == dict(
        epochs=1, iterations=5, batch_size=4, optimizer='Adam', lr=3e-4,
        train_videos=5, train_frames=20)  # yapf: disable
    assert found['training']['num_threads'] == 1
    assert found['tested'] == dict(
        ann_file='Sub1_test.json', videos=5, frames=20, leaked_videos=5,
        thr=0.2)  # yapf: disable
