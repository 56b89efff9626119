# Copyright (c) temporal_corr authors. All rights reserved.
import importlib.util

import cv2
import pytest

from projects.temporal_corr.visualization.prediction_panels import BAR

VIDEOS = ['Rename_Images/act/clip2', 'Rename_Images/act/clip5']

# MMPose's visualizer draws circles with arrays as radius.
pytestmark = pytest.mark.filterwarnings('ignore:Conversion of an array')


@pytest.fixture
def run_tool(repo_root, tmp_path, monkeypatch):
    """Runs a tool in another directory, as from a shell."""
    monkeypatch.chdir(tmp_path)

    def run(name, *args):
        path = repo_root / 'tools/analysis_tools' / f'{name}.py'
        spec = importlib.util.spec_from_file_location(name, path)
        tool = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(tool)
        monkeypatch.setattr('sys.argv', [name, *map(str, args)])
        tool.main()

    return run


def test_correlation_figure_of_a_video(run_tool, tiny_model_files, tmp_path,
                                       capsys):
    (tmp_path / 'figure.png').write_bytes(b'the one before')
    run_tool('visualize_correlation', *tiny_model_files(), '--out',
             'figure.png', '--video', VIDEOS[1], '--keypoints', 'neck')
    said = capsys.readouterr().out
    assert 'figure.png (replaced)' in said
    assert 'clip5, frame 3, exemplars from frame 2' in said
    assert cv2.imread('figure.png') is not None


def test_correlation_video(run_tool, tiny_model_files, capsys):
    run_tool('visualize_correlation', *tiny_model_files(), '--out',
             'maps.mp4', '--video', VIDEOS[1], '--keypoints', 'neck', 'head',
             '--height', 64, '--fps', 25)
    assert 'clip5, 3 frames, 25 a second' in capsys.readouterr().out
    reader = cv2.VideoCapture('maps.mp4')
    assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == 3
    assert reader.get(cv2.CAP_PROP_FPS) == 25
    # three panels of 48 x 64, two rows, each with a head, and a caption
    assert reader.get(cv2.CAP_PROP_FRAME_WIDTH) == 3 * 48
    assert reader.get(cv2.CAP_PROP_FRAME_HEIGHT) == 2 * (64 + BAR) + BAR


@pytest.mark.parametrize('args', [
    ['--out', 'maps.mp4', '--frame', 3],
    ['--out', 'maps.mp4', '--fps', 0],
    ['--out', 'maps.mp4', '--height', 8],
], ids=['frame of a video', 'fps', 'height'])
def test_unusable_arguments_are_refused(run_tool, args):
    with pytest.raises(SystemExit):
        run_tool('visualize_correlation', 'config.py', 'model.pth', *args)


def test_correlation_of_a_single_frame_model_writes_nothing(
        run_tool, tiny_model_files, tmp_path):
    with pytest.raises(ValueError, match='no correlation maps'):
        run_tool('visualize_correlation', *tiny_model_files(None), '--out',
                 'out/maps.mp4')
    assert not list((tmp_path / 'out').iterdir())


def test_video_and_sheet_of_two_models(run_tool, tiny_model_files):
    compare = []
    for temporal in ('correlation', None):
        compare += ['--compare', *tiny_model_files(temporal), str(temporal)]
    run_tool('visualize_predictions', *compare, '--videos', *VIDEOS,
             '--show-gt', '--height', 96, '--fps', 5, '--sheet-frames', 2,
             '--out', 'video.mp4', '--sheet', 'sheet.png')
    reader = cv2.VideoCapture('video.mp4')
    assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == 3 + 4
    assert reader.get(cv2.CAP_PROP_FRAME_WIDTH) == 2 * 128
    assert reader.get(cv2.CAP_PROP_FPS) == 5
    assert cv2.imread('sheet.png') is not None


def test_one_model_shows_three_videos_of_five(run_tool, tiny_model_files):
    run_tool('visualize_predictions', *tiny_model_files(), '--out',
             'video.mp4', '--height', 64)
    reader = cv2.VideoCapture('video.mp4')
    # spread over the data set: the first, third and fifth
    assert reader.get(cv2.CAP_PROP_FRAME_COUNT) == 5 + 7 + 4


@pytest.mark.parametrize('args', [
    ['--out', 'video.mp4'],
    ['config.py', '--out', 'video.mp4'],
    ['config.py', 'checkpoint.pth'],
], ids=['no model', 'no checkpoint', 'no output'])
def test_incomplete_commands_are_refused(run_tool, args):
    with pytest.raises(SystemExit):
        run_tool('visualize_predictions', *args)


def test_nothing_is_written_for_an_unknown_video(run_tool, tiny_model_files,
                                                 tmp_path):
    with pytest.raises(ValueError, match='has no video'):
        run_tool('visualize_predictions', *tiny_model_files(), '--videos',
                 VIDEOS[0], 'clip', '--out', 'out/video.mp4')
    assert not list((tmp_path / 'out').iterdir())
