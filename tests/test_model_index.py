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
COLUMNS = ('Head', 'Sho', 'Elb', 'Wri', 'Hip', 'Knee', 'Ank', 'Mean')
#: Training Data by the type of the data set.
DATA = dict(
    SubJhmdbDataset='sub-JHMDB',
    PennActionDataset='Penn Action',
    MpiiPartsDataset='MPII')


def load(path):
    return yaml.safe_load((ROOT / path).read_text())


METAFILE, = map(load, load('model-index.yml')['Import'])
MODELS = METAFILE['Models']


def test_every_config_is_listed_once():
    paths = (ROOT / 'projects/temporal_corr/configs').glob('*/*.py')
    assert sorted(model['Config'] for model in MODELS) == sorted(
        path.relative_to(ROOT).as_posix() for path in paths)


@pytest.mark.parametrize('model', MODELS, ids=lambda model: model['Name'])
def test_says_what_the_config_says(model, monkeypatch):
    path = ROOT / model['Config']
    assert path.stem == model['Name']
    # The name says how many processes; the paper's batch is dealt to them.
    gpus, batch = map(int, re.search(r'_(\d+)xb(\d+)-', path.stem).groups())
    monkeypatch.setenv('WORLD_SIZE', str(gpus))
    cfg = Config.fromfile(path)
    loader, loop = cfg.train_dataloader, cfg.train_cfg
    assert loader.batch_size == batch
    assert model['Metadata'] == {
        'Architecture': [cfg.model.backbone.type, cfg.model.head.type],
        'Training Data': DATA[loader.dataset.type],
        'Batch Size': gpus * batch,
        **(dict(Iterations=loop.max_iters) if 'max_iters' in loop else dict(
            Epochs=loop.max_epochs))
    }


def test_collections_are_defined():
    collections = {item['Name']: item for item in METAFILE['Collections']}
    for item in collections.values():
        assert item['Paper']['Title'] in (ROOT / item['README']).read_text()
    assert {model['In Collection'] for model in MODELS} == set(collections)


def test_results_are_those_of_the_tables():
    """To the digit."""
    tables = (ROOT / 'docs/results.md').read_text()
    results = sum((model.get('Results', []) for model in MODELS), [])
    assert results
    for result in results:
        assert tuple(result['Metrics']) == COLUMNS
        row = ' | '.join(f'{x:.1f}' for x in result['Metrics'].values())
        assert f'| {row} ' in tables, f'there is no row {row}'


def test_weights_are_what_their_names_say():
    for model in MODELS:
        if 'Weights' in model:
            path = ROOT / model['Weights']
            digest = hashlib.sha256(path.read_bytes()).hexdigest()
            assert re.fullmatch(
                f'{model["Name"]}-{digest[:8]}_\\d{{8}}.pth', path.name)


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
