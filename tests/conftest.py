# Copyright (c) temporal_corr authors. All rights reserved.
"""Fixtures shared by all tests."""
import importlib
import json
import logging
import os
import sys
from pathlib import Path

import cv2
import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.logging import MMLogger
from mmengine.registry import DefaultScope
from mmpose.registry import MODELS

ROOT = Path(__file__).resolve().parents[1]
sys.path.insert(0, str(ROOT))


def _shared_data(name: str) -> Path:
    shared = Path(
        os.environ.get('TEMPORAL_CORR_SHARED', ROOT.parent / 'shared'))
    path = shared / 'data' / name
    if not path.is_dir():
        pytest.skip(f'needs the real files of {name}: none at {path} '
                    '(set TEMPORAL_CORR_SHARED)')
    return path


@pytest.fixture(autouse=True)
def global_state():
    """The same state before every test, whichever ran before.

    One thread and one seed, so that equal means equal to the last bit;
    registries look in MMPose first, as in a run.
    """
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    with DefaultScope.overwrite_default_scope('mmpose'):
        yield
    torch.set_num_threads(threads)


@pytest.fixture
def messages():
    """What is logged, as (level, text)."""
    records = []
    handler = logging.Handler()
    handler.emit = lambda record: records.append(
        (record.levelname, record.getMessage()))
    logger = MMLogger.get_current_instance()
    level = logger.level  # which a tool that ran in this process may have set
    logger.setLevel('INFO')
    logger.addHandler(handler)
    yield records
    logger.removeHandler(handler)
    logger.setLevel(level)


@pytest.fixture(scope='session')
def repo_root() -> Path:
    """The root of the repository."""
    return ROOT


@pytest.fixture(scope='session')
def demo():
    """The demo of videos as a module."""
    return importlib.import_module('demo.video_demo')


@pytest.fixture(scope='session')
def jhmdb_root() -> Path:
    """Real JHMDB clips in the raw layout (read-only), or a skip."""
    return _shared_data('jhmdb')


@pytest.fixture(scope='session')
def penn_root() -> Path:
    """Real Penn Action label files (read-only), or a skip."""
    return _shared_data('penn_action')


@pytest.fixture(scope='session')
def tiny_jhmdb(tmp_path_factory) -> Path:
    """A data root with five tiny videos of unequal length.

    Annotations in MMPose's JHMDB format: annotations/Sub1_{train,test}.json,
    the same five videos in both; noise images of 64 x 48 pixels.
    """
    root = tmp_path_factory.mktemp('tiny_jhmdb')
    rng = np.random.default_rng(0)
    images, annotations = [], []
    for vid_id, nframes in enumerate((5, 3, 7, 1, 4), start=1):
        folder = f'Rename_Images/act/clip{vid_id}'
        (root / folder).mkdir(parents=True)
        base = rng.uniform((12, 10), (52, 38), size=(15, 2))
        for frame_id in range(1, nframes + 1):
            image_id = vid_id * 10000 + frame_id
            file_name = f'{folder}/{frame_id:05d}.png'
            noise = rng.integers(0, 256, (48, 64, 3), dtype=np.uint8)
            cv2.imwrite(str(root / file_name), noise)
            keypoints = np.full((15, 3), 2.)
            keypoints[:, :2] = base + rng.normal(size=(15, 2))
            images.append(
                dict(
                    id=image_id,
                    file_name=file_name,
                    width=64,
                    height=48,
                    vid_id=vid_id,
                    frame_id=frame_id,
                    nframes=nframes,
                    is_labeled=True))
            annotations.append(
                dict(
                    id=image_id,
                    image_id=image_id,
                    category_id=1,
                    track_id=0,
                    keypoints=keypoints.round(2).ravel().tolist(),
                    num_keypoints=15,
                    bbox=[8, 6, 48, 36],
                    area=48 * 36,
                    iscrowd=0,
                    scores=[]))
    names = ('neck', 'belly', 'head', 'right_shoulder', 'left_shoulder',
             'right_hip', 'left_hip', 'right_elbow', 'left_elbow',
             'right_knee', 'left_knee', 'right_wrist', 'left_wrist',
             'right_ankle', 'left_ankle')
    (root / 'annotations').mkdir()
    for part in ('train', 'test'):
        with open(root / f'annotations/Sub1_{part}.json', 'w') as file:
            json.dump(
                dict(
                    info=dict(description='tiny'),
                    categories=[
                        dict(id=1, name='person', keypoints=names, skeleton=[])
                    ],
                    images=images,
                    annotations=annotations), file)
    return root


@pytest.fixture(scope='session')
def tiny_config(tmp_path_factory) -> Path:
    """A config of the correlation model that runs in a moment on a CPU."""
    path = tmp_path_factory.mktemp('config') / 'tiny.py'
    base = (
        ROOT / 'projects/temporal_corr/configs/resnet/'
        'correlation_res18_1xb16-2e-finetune_jhmdb-128x96.py')
    path.write_text(f"""
_base_ = '{base}'
load_from = None
model = dict(
    backbone=dict(base_channels=8, stem_channels=8),
    head=dict(in_channels=32, deconv_out_channels=(16, 16),
              refine_channels=16))
train_dataloader = dict(batch_size=4, num_workers=1)
val_dataloader = dict(batch_size=4, num_workers=1, sampler=dict(lanes=4))
test_dataloader = val_dataloader
""")
    return path


#: What a head may remember, as a config says it.
TEMPORAL = {
    None: None,
    'correlation': dict(type='ExemplarCorrelation'),
    'heatmap': dict(type='PreviousHeatmaps'),
    'lstm': dict(type='ConvLSTM')
}


@pytest.fixture
def tiny_model_files(tiny_config, tiny_jhmdb, tmp_path, monkeypatch):
    """Makes a config and a checkpoint of random weights that fits it."""
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    monkeypatch.setenv('JHMDB_SPLIT', '1')

    def make(temporal='correlation', std=0.2):
        config = tmp_path / f'{temporal}_tiny.py'
        module = TEMPORAL[temporal]
        config.write_text(f"_base_ = '{tiny_config}'\n"
                          f'model = dict(head=dict(temporal={module!r}))\n')
        model = MODELS.build(Config.fromfile(config).model)
        torch.manual_seed(0)
        for parameter in model.parameters():
            # The block starts as identity, blind to the maps.
            torch.nn.init.normal_(parameter, std=std)
        checkpoint = config.with_suffix('.pth')
        torch.save(dict(state_dict=model.state_dict(), meta={}), checkpoint)
        return str(config), str(checkpoint)

    return make


@pytest.fixture
def write_video(tmp_path):
    """Writes frames, BGR uint8 (H, W, 3), as a video."""

    def write(frames, name='clip.avi', fps=12.5, fourcc='MJPG'):
        writer = cv2.VideoWriter(
            str(tmp_path / name), cv2.VideoWriter_fourcc(*fourcc), fps,
            frames[0].shape[1::-1])
        for frame in frames:
            writer.write(frame)
        writer.release()
        return str(tmp_path / name)

    return write


@pytest.fixture
def write_images(tmp_path):
    """Writes pictures by their names, None for a file that is broken."""

    def write(pictures, folder='frames'):
        path = tmp_path / folder
        path.mkdir(parents=True, exist_ok=True)
        for name, image in pictures.items():
            if image is None:
                (path / name).write_bytes(b'no image')
            else:
                cv2.imwrite(str(path / name), image)
        return str(path)

    return write
