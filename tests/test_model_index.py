# Copyright (c) temporal_corr authors. All rights reserved.
"""The model and data set indices say what is true of the configs."""
import hashlib
import re
import subprocess
import tarfile
from pathlib import Path

import pytest
import yaml
from mmengine.config import Config

ROOT = Path(__file__).resolve().parents[1]
FOLDER = ROOT / 'projects/temporal_corr/configs'
COLUMNS = ('Head', 'Sho', 'Elb', 'Wri', 'Hip', 'Knee', 'Ank', 'Mean')
#: Training Data by the type of the data set.
DATA = dict(
    SubJhmdbDataset='sub-JHMDB',
    PennActionDataset='Penn Action',
    MpiiPartsDataset='MPII')


def load(path):
    return yaml.safe_load((ROOT / path).read_text())


def metafiles():
    return [load(path) for path in load('model-index.yml')['Import']]


def models():
    return [model for file in metafiles() for model in file['Models']]


def by_name(model):
    return model['Name']


def test_index_imports_all_metafiles():
    found = {
        path.relative_to(ROOT).as_posix()
        for path in (ROOT / 'projects').rglob('metafile.yml')
    }
    assert set(load('model-index.yml')['Import']) == found


def test_every_config_is_listed_once():
    names = [model['Name'] for model in models()]
    assert len(names) == len(set(names))
    stems = {path.stem for path in FOLDER.glob('*/*.py')}
    assert set(names) == stems, 'to be added: ' + '\n'.join(
        entry(name) for name in sorted(stems - set(names)))


def entry(name):
    """The entry that a config should have, to be pasted."""
    path, = FOLDER.glob(f'*/{name}.py')
    facts = dict(
        Name=name,
        Config=path.relative_to(ROOT).as_posix())
    facts['In Collection'] = metafiles()[0]['Collections'][0]['Name']
    facts['Metadata'] = metadata(path)
    return yaml.safe_dump([facts], sort_keys=False)


def metadata(path):
    """What is to be said of a config."""
    cfg = Config.fromfile(path)
    gpus, batch = map(int, re.search(r'_(\d+)xb(\d+)-', path.stem).groups())
    loop = cfg.train_cfg
    schedule = (
        dict(Iterations=loop.max_iters)
        if 'max_iters' in loop else dict(Epochs=loop.max_epochs))
    return {
        'Architecture': [cfg.model.backbone.type, cfg.model.head.type],
        'Training Data': DATA[cfg.train_dataloader.dataset.type],
        'Batch Size': gpus * batch,
        **schedule
    }


@pytest.mark.parametrize('model', models(), ids=by_name)
def test_says_what_the_config_says(model, monkeypatch):
    path = ROOT / model['Config']
    assert path.is_file() and path.stem == model['Name']
    assert set(model) <= {
        'Name', 'Config', 'In Collection', 'Metadata', 'Results', 'Weights',
        'Alias'
    }
    assert model['Metadata'] == metadata(path)
    # The name says how many processes; the paper's batch is dealt to them.
    gpus, batch = re.search(r'_(\d+)xb(\d+)-', path.stem).groups()
    monkeypatch.setenv('WORLD_SIZE', gpus)
    assert Config.fromfile(path).train_dataloader.batch_size == int(batch)


def test_collections_are_defined():
    for file in metafiles():
        collections = {item['Name']: item for item in file['Collections']}
        for item in collections.values():
            assert (ROOT / item['README']).is_file()
            assert item['Paper']['Title'] in (ROOT /
                                              item['README']).read_text()
        for model in file['Models']:
            assert model['In Collection'] in collections


@pytest.mark.parametrize(
    'model', [model for model in models() if 'Results' in model], ids=by_name)
def test_results_are_those_of_the_readme(model):
    """A row of one of its tables, to the digit, and of no other data."""
    readme = (ROOT / 'README.md').read_text()
    for result in model['Results']:
        assert result['Dataset'] == 'JHMDB-6 (180 clips)'
        assert result['Task'] == 'Body 2D Keypoint'
        assert tuple(result['Metrics']) == COLUMNS
        row = ' | '.join(f'{value:.1f}'
                         for value in result['Metrics'].values())
        assert f'| {row} ' in readme, (
            f'README.md has no row {row} (of {model["Name"]}): bring '
            'Results up to date, or leave them out')


def test_weights_are_what_their_names_say():
    """Local files only: what is downloaded cannot be looked at here."""
    for model in models():
        weights = model.get('Weights')
        if weights is None or '://' in weights:
            continue
        path = ROOT / weights
        named = re.fullmatch(
            re.escape(model['Name']) + r'-([0-9a-f]{8})_\d{8}\.pth', path.name)
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        assert named and digest.startswith(named[1]), weights


def test_data_sets_have_openmmlabs_fields():
    index = load('dataset-index.yml')
    assert index.pop('openxlab') is True
    for name, fields in index.items():
        assert set(fields) == {
            'dataset', 'download_root', 'data_root', 'script'
        }, name
        assert fields['dataset'].startswith('OpenDataLab/')
        assert (ROOT / fields['script']).is_file()


def test_mpii_is_unpacked_where_it_is_said(tmp_path):
    raw = tmp_path / 'download/OpenDataLab___MPII_Human_Pose/raw'
    raw.mkdir(parents=True)
    image = tmp_path / 'one.jpg'
    image.write_bytes(b'1')
    with tarfile.open(raw / 'MPII_Human_Pose.tar.gz', 'w:gz') as archive:
        archive.add(image, 'mpii/images/one.jpg')
    script = ROOT / load('dataset-index.yml')['mpii']['script']
    result = subprocess.run(
        [script, tmp_path / 'download', tmp_path / 'data'],
        capture_output=True, text=True, check=True)
    root = tmp_path / 'data/mpii'
    assert result.stdout == f'export MPII_ROOT={root}\n'
    assert (root / 'images/one.jpg').read_bytes() == b'1'
    assert not raw.exists()
    assert subprocess.run([script], capture_output=True).returncode == 2
