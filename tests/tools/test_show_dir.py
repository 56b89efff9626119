# Copyright (c) temporal_corr authors. All rights reserved.
"""Pictures of tools/test.py: no two frames share one."""
from pathlib import Path

import cv2
import pytest
from mmpose.visualization import PoseLocalVisualizer

#: Frames of the five videos of tiny_jhmdb.
FRAMES = (5, 3, 7, 1, 4)


def pictures(folder: Path) -> set:
    return {
        path.relative_to(folder).as_posix()
        for path in folder.rglob('*') if path.is_file()
    }


def test_every_third_frame_of_each_video(run_launcher, tiny_config, untrained,
                                         tiny_jhmdb, tmp_path, monkeypatch):
    """Four videos side by side in a batch, with equal file names. Windows,
    too, are named, and shown as long as told."""
    shown = []
    monkeypatch.setattr(
        PoseLocalVisualizer, 'show',
        lambda self, image, win_name, wait_time: shown.append(
            (f'{win_name}.png', wait_time)))
    monkeypatch.setattr(
        'projects.temporal_corr.engine.launch.can_open_windows', lambda: True)
    run_launcher('tools/test.py', tiny_config, untrained, '--work-dir',
                 tmp_path, '--show', '--wait-time', 0.25, '--interval', 3,
                 '--show-dir', 'pictures',
                 options=['model.test_cfg.output_heatmaps=True'])
    folder, = tmp_path.glob('*/pictures')
    names = {f'Rename_Images/act/clip{video}/{frame:05d}.png'
             for video, count in enumerate(FRAMES, start=1)
             for frame in range(1, count + 1, 3)}  # yapf: disable
    assert pictures(folder) == names
    assert set(shown) == {(name, 0.25) for name in names}
    # the frame itself with something drawn on it, and below it its heatmap
    name = 'Rename_Images/act/clip5/00004.png'
    frame = cv2.imread(str(tiny_jhmdb / name)).astype(int)
    drawn = cv2.imread(str(folder / name)).astype(int)
    assert drawn.shape == (2 * frame.shape[0], *frame.shape[1:])
    same = (drawn[:len(frame)] == frame).all(axis=-1).mean()
    assert 0.3 < same < 1


def test_tensorboard(run_launcher, tiny_config, untrained, tmp_path):
    """One image a video, one step a frame; the same for local files."""
    accumulator = pytest.importorskip(
        'tensorboard.backend.event_processing.event_accumulator')
    config = tmp_path / 'both_backends.py'
    config.write_text(f"""
_base_ = '{tiny_config}'
visualizer = dict(vis_backends=[
    dict(type='LocalVisBackend'), dict(type='TensorboardVisBackend')])
default_hooks = dict(visualization=dict(enable=True, interval=2))
""")
    run_launcher('tools/test.py', config, untrained, '--work-dir', tmp_path)
    events, = tmp_path.glob('*/vis_data/events.out.tfevents*')
    reader = accumulator.EventAccumulator(
        str(events), size_guidance=dict(images=0))
    reader.Reload()
    steps = {
        tag: [event.step for event in reader.Images(tag)]
        for tag in reader.Tags()['images']
    }
    assert steps == {
        f'Rename_Images-act-clip{video}': list(range(1, count + 1, 2))
        for video, count in enumerate(FRAMES, start=1)
    }
    local, = tmp_path.glob('*/vis_data/vis_image')
    assert pictures(local) == {
        f'{tag}_{step}.png' for tag in steps for step in steps[tag]
    }
