# Copyright (c) temporal_corr authors. All rights reserved.
"""Which models exemplar_memory.py tests, and the command that it keeps."""
import json
import shlex
import sys

import pytest

SINGLE = 'single_res18_1xb16-2e-finetune_jhmdb-128x96.py'
OURS = 'correlation-cosine_res18_1xb16-2e-finetune_jhmdb-128x96.py'


@pytest.fixture
def tool(repo_root, monkeypatch):
    for folder in ('tools', 'tools/analysis_tools'):
        monkeypatch.syspath_prepend(str(repo_root / folder))
    import exemplar_memory
    return exemplar_memory


@pytest.fixture
def study(tmp_path, monkeypatch):
    """A study of two rows and two seeds, in the current directory."""
    monkeypatch.chdir(tmp_path)
    path = tmp_path / 'study.py'
    folder = 'projects/temporal_corr/configs/'
    path.write_text(f"rows = [dict(name='single', config='{folder}{SINGLE}'), "
                    f"dict(name='ours', config='{folder}{OURS}')]\n"
                    'seeds = [4, 7]\n')
    return str(path)


def pretend_to_train(tool, path, names, work_dir):
    """Leaves what ablation.py leaves of a training."""
    study = tool.read_study(path)
    runs = tool.Ablation(study, [], work_dir, 1).runs
    for name in names:
        for seed in study.seeds:
            folder = runs[name, seed].folder
            (folder / 'train').mkdir(parents=True)
            (folder / 'train' / 'epoch_2.pth').touch()
            (folder / 'train.json').write_text(
                json.dumps(dict(checkpoint='epoch_2.pth')))


def call(tool, monkeypatch, *argv):
    monkeypatch.setattr(sys, 'argv', ['exemplar_memory.py', *argv])
    return tool.parse_args()


def test_rows_of_a_study(tool, study, tmp_path, monkeypatch):
    work_dir = tmp_path / 'work_dirs/ablation/study'
    pretend_to_train(tool, study, ['single', 'ours'], work_dir)
    argv = ['--study', 'study.py', '--single', 'single', '--correlation',
            'ours', '--out']  # yapf: disable
    args = call(tool, monkeypatch, *argv, 'some/memory.json')
    assert args.seeds == [4, 7]
    for name, found in (('single', args.single), ('ours', args.correlation)):
        config, *checkpoints = found
        folder, file = config.split('/')[-2:]
        assert folder.startswith('seed_4_') and file.startswith('test_')
        assert [path.split('/')[-5:-3] for path in checkpoints
                ] == [['study', name]] * 2
        seeds = [path.split('/')[-3].split('_')[1] for path in checkpoints]
        assert seeds == ['4', '7']
    assert shlex.split(args.command)[2:] == [*argv, 'some/memory.json']


@pytest.mark.parametrize('row, message', [
    ('theirs', 'has no row "theirs": choose from "single", "ours"'),
    ('ours', 'ours, seed 4 is not trained in .*: set JHMDB_ROOT'),
])
def test_what_is_not_there(row, message, tool, study, tmp_path, monkeypatch):
    pretend_to_train(tool, study, ['single'],
                     tmp_path / 'work_dirs/ablation/study')
    with pytest.raises(ValueError, match=message):
        call(tool, monkeypatch, '--study', 'study.py', '--single', 'single',
             '--correlation', row, '--out', 'memory.json')


@pytest.mark.parametrize('argv, message', [
    (['--single', 'c', 'a', 'b', '--correlation', 'd', 'a'], 'as many'),
    (['--study', 'study.py', '--single', 'a', 'b', '--correlation', 'c'],
     'the name of one row each'),
])
def test_bad_arguments(argv, message, tool, study, monkeypatch, capsys):
    with pytest.raises(SystemExit):
        call(tool, monkeypatch, *argv, '--out', 'memory.json')
    assert message in capsys.readouterr().err
