# Copyright (c) temporal_corr authors. All rights reserved.
import importlib.util

import cv2
import numpy as np
import pytest
from mmpose.visualization import PoseLocalVisualizer

from projects.temporal_corr.datasets import SubJhmdbDataset

CONFIG = '''
codec = dict(
    type='MSRAHeatmap', input_size=(48, 64), heatmap_size=(12, 16), sigma=1.5)
frame = [
    dict(type='LoadVideoFrame'),
    dict(type='GetBBoxCenterScale'),
    dict(type='CropAffine', input_size=(48, 64)),
]
pack = dict(type='PackClipInputs')
target = dict(type='GenerateTarget', encoder=codec)
dataset = dict(
    type='SubJhmdbDataset', ann_file='{ann_file}', data_root='{data_root}')
train_dataloader = dict(
    dataset=dict(
        dataset,
        clip_len=2,
        pipeline=[
            dict(type='ClipTransforms', transforms=[*frame, target]), pack
        ]))
test_dataloader = dict(
    dataset=dict(dataset, test_mode=True, pipeline=[*frame, pack]))
'''


@pytest.fixture
def tool(repo_root):
    spec = importlib.util.spec_from_file_location(
        'browse_dataset', repo_root / 'tools/misc/browse_dataset.py')
    tool = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(tool)
    return tool


@pytest.fixture
def browse(tool, make_videos, tmp_path, monkeypatch):
    ann_file = make_videos([4, 4])
    config = tmp_path / 'config.py'
    config.write_text(
        CONFIG.format(ann_file=ann_file, data_root=ann_file.parent))

    def run(*args):
        out = tmp_path / 'out'
        monkeypatch.setattr(
            'sys.argv', ['', str(config), '--output-dir', str(out), *args])
        tool.main()
        return sorted(path.name for path in out.iterdir()), out

    return run


def test_clips_are_drawn_side_by_side(browse):
    names, out = browse('--max-item-per-dataset', '2', '--not-show')
    # the first and the last of the 8 items: spread over the videos
    assert names == ['frames-clip1-00001.jpg', 'frames-clip2-00004.jpg']
    picture = cv2.imread(str(out / names[0]))
    # a crop of 48 x 64 is enlarged five times; below it are the targets;
    # a gap of 4 between the frames and a bar of 22 above them
    assert picture.shape == (2 * 320 + 22, 2 * 240 + 4, 3)
    current, targets = picture[22:342, 244:], picture[342:, 244:]
    assert np.abs(current.astype(int) - targets.astype(int)).mean() > 5


def test_frames_and_seeds(browse):
    names, out = browse('--phase', 'test')
    assert len(names) == 8, 'one picture a frame, none overwritten'
    picture = cv2.imread(str(out / names[0]))
    assert picture.shape == (320 + 22, 240, 3), 'a frame alone'
    pictures = []
    for seed in ('0', '1', '2', '3', '0'):
        names, out = browse('--max-item-per-dataset', '1', '--seed', seed)
        pictures.append((out / names[0]).read_bytes())
    assert pictures[0] == pictures[-1]
    assert len(set(pictures)) > 1, 'other exemplars'


def test_background_and_images_without_a_video(tool):
    """The background of the heatmaps is not shown, all people are."""
    meta = SubJhmdbDataset(lazy_init=True).metainfo
    visualizer = PoseLocalVisualizer(name='browse_test')
    visualizer.set_dataset_meta(meta)
    people = np.random.default_rng(0).uniform(40, 280, (2, 15, 2))
    frame = dict(
        img_path='images/000000012.jpg',
        id=7,
        img=np.zeros((320, 320, 3), np.uint8),
        transformed_keypoints=people,
        keypoints_visible=np.ones((2, 15)))
    assert tool.frame_names(frame) == ('000000012-00007', '000000012')
    heatmaps = np.zeros((16, 40, 40), np.float32)
    heatmaps[3, 10:20, 10:20] = 1
    heatmaps[15] = 1 - heatmaps[3]
    shown, alone = (
        tool.draw_frame(dict(frame, heatmaps=maps), 'title', visualizer)
        for maps in (heatmaps, heatmaps[:15]))
    np.testing.assert_array_equal(shown, alone)
    picture = shown[22:342]
    for x, y in people.reshape(-1, 2).astype(int):
        assert picture[y - 4:y + 5, x - 4:x + 5].any()
