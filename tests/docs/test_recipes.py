# Copyright (c) temporal_corr authors. All rights reserved.
"""The complete configs of the documentation train, validate and save."""
import json
import sys
from pathlib import Path

import pytest
import torch
from mmengine.config import Config
from mmengine.hub import get_config
from mmengine.runner import Runner
from mmengine.utils import import_modules_from_strings
from mmpose.datasets.datasets.utils import parse_pose_metainfo
from mmpose.registry import MODELS

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tests'))
sys.path.insert(0, str(ROOT / 'tools/model_converters'))

import keypoints_by_name  # noqa: E402
from readme_commands import blocks  # noqa: E402

STOCK = ('mmpose::body_2d_keypoint/topdown_heatmap/coco/'
         'td-hm_res50_8xb64-210e_coco-256x192.py')


@pytest.fixture
def recipe(tmp_path):
    """The config of a document, for one small iteration."""

    def load(document, data_root):
        text, *_ = [  # the second trains on what the demo wrote
            block.text for block in blocks(ROOT / 'docs' / document)
            if block.language == 'python' and '_base_ =' in block.text
        ]
        path = tmp_path / 'config.py'
        path.write_text(text.replace("'./", f"'{ROOT}/"))
        cfg = Config.fromfile(path)
        import_modules_from_strings(**cfg.custom_imports)
        cfg.work_dir = str(tmp_path / 'work_dir')
        cfg.train_cfg.max_epochs = 1
        for name in ('train', 'val', 'test'):
            loader = cfg[f'{name}_dataloader']
            loader.update(
                batch_size=2, num_workers=0, persistent_workers=False)
            loader.dataset.update(data_root=str(data_root), indices=2)
        return cfg

    return load


def run(cfg):
    """Trains; returns the scores and the checkpoint."""
    cfg.experiment_name = Path(cfg.work_dir).parent.name
    runner = Runner.from_cfg(cfg)
    runner.train()
    scores = runner.message_hub.log_scalars['val/Mean'].data[0]
    path, = Path(cfg.work_dir).glob('epoch_*.pth')
    return scores[-1], torch.load(path, map_location='cpu')['state_dict']


def test_a_stock_config_becomes_a_video_model(recipe, tiny_jhmdb, tmp_path):
    """From COCO's weights, whose last layer is refused as it is."""
    cfg = recipe('mmpose_config.md', tiny_jhmdb)
    model = get_config(STOCK).model
    model.backbone.init_cfg = None
    weights = tmp_path / 'coco.pth'
    torch.save(MODELS.build(model).state_dict(), weights)
    cfg.load_from = str(weights)
    with pytest.raises(RuntimeError, match='head.final_layer'):
        run(cfg)
    cfg.load_from = str(tmp_path / 'jhmdb.pth')
    keypoints_by_name.main(
        [str(weights), cfg.load_from, '--from', 'coco', '--to', 'sub_jhmdb'])
    score, state_dict = run(cfg)
    assert 0 <= score <= 100
    assert state_dict['head.final_layer.weight'].shape[0] == 15
    assert any(key.startswith('head.correlation.') for key in state_dict)


def test_videos_of_ones_own(recipe, tiny_jhmdb, tmp_path):
    """The 17 keypoints of COCO, as any tool exports them."""
    coco = parse_pose_metainfo(
        dict(from_file='configs/_base_/datasets/coco.py'))
    names = list(coco['keypoint_name2id'])
    data = json.loads(
        (tiny_jhmdb / 'annotations/Sub1_train.json').read_text())
    data.pop('info', None)
    data['categories'] = [dict(id=1, name='person', keypoints=names[::-1])]
    for annotation in data['annotations']:
        annotation['keypoints'] += annotation['keypoints'][:6]
        annotation.pop('track_id', None)
    (tmp_path / 'annotations').mkdir()
    for entry in tiny_jhmdb.iterdir():
        if entry.name != 'annotations':
            (tmp_path / entry.name).symlink_to(entry)
    for name in ('train', 'val'):
        (tmp_path / f'annotations/{name}.json').write_text(json.dumps(data))
    cfg = recipe('data_preparation.md', tmp_path)
    # instead of a download
    cfg.model.backbone.init_cfg = None
    score, state_dict = run(cfg)
    assert 0 <= score <= 100
    assert state_dict['head.final_layer.weight'].shape[0] == 17
