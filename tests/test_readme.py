# Copyright (c) temporal_corr authors. All rights reserved.
"""The commands and configs of the documentation are those of the code."""
import contextlib
import fnmatch
import io
import re
import runpy
import shlex
import sys
from functools import lru_cache
from pathlib import Path

import mmpose
import pytest
import torch
from mmengine.config import Config
from mmengine.dataset import pseudo_collate
from mmengine.optim import build_optim_wrapper
from mmengine.utils import import_modules_from_strings
from mmpose import registry
from mmpose.registry import DATASETS, MODELS

sys.path.insert(0, str(Path(__file__).parent))
from readme_commands import (blocks, commands, expand_braces,  # noqa: E402
                             inline_code)

ROOT = Path(__file__).resolve().parents[1]
DOCUMENTS = [
    ROOT / name
    for name in ('README.md', 'CONTRIBUTING.md', 'CHANGELOG.md',
                 'projects/temporal_corr/README.md')
] + sorted((ROOT / 'docs').glob('*.md')) + sorted(
    (ROOT / 'checkpoints').glob('*.md'))
#: Folders of this repository: what begins with one of them must be there.
FOLDERS = ('projects/', 'configs/', 'tools/', 'docs/', 'tests/', 'demo/',
           'requirements/', 'results/', 'studies/')
REGISTRIES = ('MODELS', 'KEYPOINT_CODECS', 'DATASETS', 'TRANSFORMS',
              'DATA_SAMPLERS', 'METRICS', 'HOOKS')
#: Whose flags the scripts take.
SCRIPTS = {
    'tools/dist_train.sh': 'tools/train.py',
    'tools/slurm_train.sh': 'tools/train.py',
    'tools/dist_test.sh': 'tools/test.py',
    'tools/slurm_test.sh': 'tools/test.py',
}


def by_path(path):
    return path.relative_to(ROOT).as_posix()


@lru_cache(maxsize=None)
def flags(tool):
    """The flags that ``--help`` of a tool lists, asked in this process."""
    path, before = ROOT / tool, set(sys.modules)
    old, printed = (sys.argv, sys.path), io.StringIO()
    sys.argv, sys.path = [str(path), '--help'], [str(path.parent), *sys.path]
    try:
        with contextlib.redirect_stdout(printed):
            if '/' in tool:
                runpy.run_path(str(path), run_name='__main__')
            else:
                runpy.run_module(tool, run_name='__main__')
    except SystemExit as end:
        assert not end.code, f'{tool} --help fails: {end.code}'
    finally:
        sys.argv, sys.path = old
        # Tools import their neighbours by bare names.
        for name in set(sys.modules) - before:
            file = getattr(sys.modules[name], '__file__', None) or ''
            if file.startswith(str(ROOT / 'tools')):
                del sys.modules[name]
    return set(re.findall(r'--[a-zA-Z][\w-]*', printed.getvalue()))


def targets():
    return re.findall(r'(?m)^([\w-]+):', (ROOT / 'Makefile').read_text())


def check_command(words, where):
    """Every path, flag and target of a command is known."""
    program, *arguments = words
    if program == 'make':
        for word in arguments:
            assert '=' in word or word in targets(), f'{where}: make {word}'
        return
    for word in arguments:
        if word.startswith(FOLDERS):
            assert (ROOT / word).exists(), f'{where}: there is no {word}'
    tools = [word for word in arguments if word.endswith(('.py', '.sh'))
             and word.startswith(('tools/', 'demo/'))]  # yapf: disable
    if re.match('-m (studies|benchmarks)', ' '.join(arguments)):
        tools = arguments[1:2]
    if program not in ('python', 'bash') or not tools:
        return
    known = flags(SCRIPTS.get(tools[0], tools[0]))
    for word in arguments:
        flag = word.split('=')[0]
        if re.fullmatch(r'--[a-zA-Z][\w-]*', flag):
            assert flag in known, f'{where}: {tools[0]} has no {flag}'


each = pytest.mark.parametrize('document', DOCUMENTS, ids=by_path)


@each
def test_commands(document, tmp_path):
    for words in commands(document, tmp_path):
        check_command(words, document)


@pytest.mark.parametrize('block, complaint', [
    ('make dmeo', 'make dmeo'),
    ('python tools/tarin.py x.py', 'there is no tools/tarin.py'),
    ('for v in penn x; do\n    python tools/train.py '
     'projects/temporal_corr/configs/${v}.py\ndone',
     'there is no projects/temporal_corr/configs/x.py'),
    ('python tools/train.py x.py \\\n    --workdir=y', 'has no --workdir'),
    ('bash tools/dist_test.sh x.py y.pth 8 --resume', 'sh has no --resume'),
    ('python tools/train.py $CONFIG', 'CONFIG'),
])
def test_a_wrong_command_is_found(block, complaint, tmp_path):
    """That the tests would fail if there were something to find."""
    document = tmp_path / 'wrong.md'
    document.write_text(f'text\n```shell\n{block}\n```\n')
    with pytest.raises((AssertionError, ValueError), match=complaint):
        test_commands(document, tmp_path)


@each
def test_inline_commands_and_files(document):
    """Paths from the root, or Python files by the end of their path."""
    folders = [ROOT / folder for folder in FOLDERS]
    # and MMPose's own tools
    folders.append(Path(mmpose.__file__).parent / '.mim' / 'tools')
    files = [str(path) for folder in folders for path in folder.rglob('*.py')]
    for code in inline_code(document):
        where = f'{document}: `{code}`'
        if re.match(r'(python|bash|make|tools/\S+|demo/\S+) ', code):
            words = shlex.split(code)
            if words[0].endswith('.py'):
                words.insert(0, 'python')
            check_command([word for word in words if '$' not in word], where)
            continue
        for word in expand_braces(code):
            if re.search(r'[\s$<>]|\.\.\.', word):
                continue
            if word.startswith(FOLDERS):
                assert list(ROOT.glob(word.split('#')[0])), where
            elif word.endswith('.py') and not word.startswith('work_dirs/'):
                assert fnmatch.filter(files, f'*/{word}'), where


def test_project_page_names_every_component():
    """All that a config can name, and where it is registered."""
    page = (ROOT / 'projects/temporal_corr/README.md').read_text()
    import_modules_from_strings('projects.temporal_corr')
    found = 0
    for kind in REGISTRIES:
        own = getattr(registry, kind)
        # or MMEngine's, where MMPose's looks, too
        above = own.parent.module_dict if own.parent else {}
        components = {**above, **own.module_dict}
        for name, component in components.items():
            if component.__module__.startswith('projects.temporal_corr.'):
                found += 1
                row = rf'(?m)^\|.*`{name}`.*\| `{kind}` \|'
                assert re.search(row, page), f'{name} ({kind}) is not there'
    assert found > 20


@each
def test_links(document):
    """Files that are linked are there, with the heading that is named."""
    for target in re.findall(r'\]\(([^)\s]+)\)', document.read_text()):
        if '://' in target or target.startswith('mailto:'):
            continue
        path, _, anchor = target.partition('#')
        linked = (document.parent / path).resolve() if path else document
        assert linked.exists(), f'{document}: {target}'
        if anchor:
            titles = re.findall(r'(?m)^#+ (.+)$', linked.read_text())
            slugs = {
                re.sub(r'[^\w -]', '', title.lower()).replace(' ', '-')
                for title in titles
            }
            assert anchor in slugs, f'{document}: {target}'


@each
def test_python_blocks_compile(document):
    for block in blocks(document):
        if block.language == 'python':
            compile(block.text, f'{document}:{block.line}', 'exec')


def test_config_takes_a_training_step(tiny_jhmdb, tmp_path):
    """One step on two clips: a finite loss, and both ends learn."""
    text, = [
        block.text for block in blocks(ROOT / 'README.md')
        if block.language == 'python' and '\n_base_' in f'\n{block.text}'
    ]
    path = tmp_path / 'own.py'
    path.write_text(text.replace("'./", f"'{ROOT}/"))
    cfg = Config.fromfile(path)
    import_modules_from_strings(**cfg.custom_imports)
    cfg.train_dataloader.dataset.data_root = str(tiny_jhmdb)
    dataset = DATASETS.build(cfg.train_dataloader.dataset)
    torch.manual_seed(0)
    # without init_weights, which would download
    model = MODELS.build(cfg.model).train()
    before = {name: value.clone() for name, value in model.named_parameters()}
    optimizer = build_optim_wrapper(model, cfg.optim_wrapper)
    losses = model.train_step(
        pseudo_collate([dataset[0], dataset[6]]), optimizer)
    assert torch.isfinite(losses['loss'])
    after = dict(model.named_parameters())
    for name in ('backbone.conv1.weight', 'head.final_layer.weight'):
        assert not torch.equal(before[name], after[name]), name
