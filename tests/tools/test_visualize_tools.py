# Copyright (c) temporal_corr authors. All rights reserved.
"""The tools that draw, on the five videos of tiny_jhmdb."""
import cv2
import numpy as np
import pytest

from projects.temporal_corr.apis.video_model import (load_video_model,
                                                     stream_predictions)
from projects.temporal_corr.visualization.predictions import BAR

VIDEOS = [f'Rename_Images/act/clip{i}' for i in (2, 5)]  # 3 and 4 frames


@pytest.fixture
def draw(run_tool, tmp_path, monkeypatch, capsys):
    """Runs a tool in another directory; returns what it prints."""
    monkeypatch.chdir(tmp_path)

    def run(name, *arguments):
        run_tool(f'tools/analysis_tools/{name}.py', *arguments)
        return capsys.readouterr().out

    return run


def properties(path):
    reader = cv2.VideoCapture(path)
    return [
        reader.get(key)
        for key in (cv2.CAP_PROP_FRAME_COUNT, cv2.CAP_PROP_FPS,
                    cv2.CAP_PROP_FRAME_WIDTH, cv2.CAP_PROP_FRAME_HEIGHT)
    ]


def test_correlation_as_picture_and_video(draw, tiny_model_files, tmp_path):
    (tmp_path / 'maps.png').write_bytes(b'the one before')
    chosen = [*tiny_model_files(), '--video', VIDEOS[1], '--keypoints', 'neck']
    said = draw('visualize_correlation', *chosen, '--out', 'maps.png')
    assert 'maps.png (replaced)' in said
    assert 'clip5, frame 3, exemplars from frame 2' in said
    said = draw('visualize_correlation', *chosen, '--out', 'maps.mp4', '--fps',
                25)
    assert 'clip5, 3 frames, 25 a second' in said
    # the same pictures, made even
    height, width = (side + side % 2
                     for side in cv2.imread('maps.png').shape[:2])
    assert properties('maps.mp4') == [3, 25, width, height]


def test_released_model_by_its_name(draw, tiny_jhmdb, monkeypatch):
    monkeypatch.setenv('JHMDB_ROOT', str(tiny_jhmdb))
    monkeypatch.setenv('JHMDB_SPLIT', '1')
    said = draw('visualize_correlation', 'movenet-lightning', '--out',
                'maps.png', '--video', VIDEOS[0])
    assert 'clip2, frame 2, exemplars from frame 1' in said


def test_predictions(draw, tiny_model_files):
    """Of two models on two videos; of one on the first, third and fifth."""
    compare = []
    for temporal in ('correlation', None):
        compare += ['--compare', *tiny_model_files(temporal), str(temporal)]
    draw('visualize_predictions', *compare, '--videos', *VIDEOS, '--show-gt',
         '--height', 96, '--fps', 5, '--out', 'video.mp4')
    assert properties('video.mp4') == [3 + 4, 5, 2 * 128, 96 + 3 * BAR]
    draw('visualize_predictions', *tiny_model_files(), '--out', 'video.mp4',
         '--height', 64)
    assert properties('video.mp4')[0] == 5 + 7 + 4


def test_trajectories_and_scores(draw, tiny_model_files):
    video, names = 'Rename_Images/act/clip1', ('head', 'left_ankle')
    models = {
        name: tiny_model_files(temporal)
        for name, temporal in (('alone', None), ('ours', 'correlation'))
    }
    chosen = [f for name in models for f in ('--model', name, *models[name])]
    out = draw('plot_trajectories', *chosen, '--video', video, '--keypoints',
               *names, '--out', 'plot.png')
    assert cv2.imread('plot.png') is not None
    assert f'plot.png: {video}, 5 frames' in out
    # the tables of the metrics by body part would hide the one here
    assert 'PCK@0.2 (bbox)' not in out

    model = load_video_model(*models['ours'])
    samples = [s for _, (s, ) in stream_predictions([model], video)]
    pred = np.stack([s.pred_instances.keypoints[0] for s in samples])
    gt = np.stack([s.gt_instances.keypoints[0] for s in samples])

    def acceleration(points):
        points = points[2:] - 2 * points[1:-1] + points[:-2]
        return np.linalg.norm(points, axis=-1)

    # the boxes are all 48 x 36
    right = np.linalg.norm(pred - gt, axis=-1) <= .2 * 48
    scores = (right.mean(), acceleration(pred).mean() / 48,
              acceleration(pred - gt).mean() / 48)
    cells = ' | '.join(f'{100 * score:.1f}' for score in scores)
    assert f'| ours | {cells} |' in out


@pytest.mark.parametrize('name, arguments, message', [
    # As the arguments say.
    ('visualize_correlation', ['c.py', 'c.pth', '--out', 'a.mp4', '--frame',
                               3], 2),
    ('visualize_correlation', ['c.py', 'c.pth', '--out', 'a.mp4', '--fps', 0],
     2),
    ('visualize_predictions', ['--out', 'a.mp4'], 2),
    ('plot_trajectories', [*('--model', 'ours', 'c.py', 'c.pth') * 2, '--out',
                           'a.png'], 2),
    ('visualize_correlation', ['c.py', 'c.pth', '--out', 'a.gif'], 'gif'),
    ('visualize_predictions', ['c.py', '--out', 'a.mp4'], 'no config c.py'),
    # As the model and its data say.
    ('visualize_correlation', [None], 'no correlation maps'),
    ('visualize_predictions', [None, '--videos', VIDEOS[0], 'clip'],
     'has no video'),
    ('visualize_correlation', ['correlation', '--keypoints', 'nose'],
     'has no keypoint nose'),
])  # yapf: disable
def test_refused(draw, tiny_model_files, name, arguments, message, tmp_path):
    """And nothing is written."""
    if '--out' not in arguments:
        arguments = [*tiny_model_files(arguments[0]), *arguments[1:], '--out',
                     'out/a.mp4']
    with pytest.raises(SystemExit) as error:
        draw(name, *arguments)
    assert (error.value.code == message
            if isinstance(message, int) else message in error.value.code)
    assert not [*tmp_path.glob('**/a.*')]
