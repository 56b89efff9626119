# Copyright (c) temporal_corr authors. All rights reserved.
"""Draw what a correlation model sees (the paper's Fig. 2).

The exemplar frame with the chosen keypoints marked, their correlation maps
and heatmaps on a later frame, and the pose estimate with and without the
maps:

    visualize_correlation.py CONFIG CHECKPOINT --out FILE.png

Or a whole video, frame by frame, with a row for each keypoint: exemplar
frame, correlation map, heatmap:

    visualize_correlation.py CONFIG CHECKPOINT --out FILE.mp4
"""
import argparse
import os.path as osp
import sys

from mmengine.config import DictAction
from mmengine.utils import track_iter_progress

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))
from repo_path import config_path  # noqa: E402

from projects.temporal_corr.video_io.arguments import number  # noqa: E402
from projects.temporal_corr.video_io.output_files import \
    output_path  # noqa: E402
from projects.temporal_corr.visualization.correlation_figure import \
    keypoint_indices  # noqa: E402

from projects.temporal_corr.visualization import (  # noqa: E402 isort: skip
    VideoFile, draw_correlation_figure, draw_correlation_panels,
    load_video_model, probe_correlation, save_figure, stream_correlation)

PICTURES = ('.png', '.jpg', '.pdf', '.svg')


def parse_args():
    parser = argparse.ArgumentParser(
        description='Draw correlation maps beside heatmaps')
    parser.add_argument('config', help='test config file path')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--video',
        help='video of the test data set: the folder of its frames, such as '
        'Rename_Images/catch/CLIP. Defaults to the first')
    parser.add_argument(
        '--frame',
        type=int,
        help='number of the current frame, counted from 1. Defaults to the '
        'middle of the video')
    parser.add_argument(
        '--gap',
        type=int,
        help='the exemplars are those of this many frames before. Defaults '
        'to the frame just before')
    parser.add_argument(
        '--keypoints',
        nargs='+',
        default=['head', 'right_wrist', 'right_ankle'],
        help='names of keypoints. Defaults to head right_wrist right_ankle')
    parser.add_argument(
        '--out',
        required=True,
        help='picture to write: .png, .jpg, .pdf, or video of all frames: '
        '.mp4')
    parser.add_argument(
        '--fps',
        type=number(float, 0.01, 1000),
        default=12,
        help='frames per second of an .mp4. Defaults to 12')
    parser.add_argument(
        '--height',
        type=int,
        default=256,
        help='height of a panel of an .mp4 in pixels. Defaults to 256')
    parser.add_argument(
        '--device', default='cpu', help='device to run on. Defaults to cpu')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='override settings of the config, as KEY=VALUE: '
        'test_dataloader.dataset.frame_stride=3')
    args = parser.parse_args()
    if args.height < 32:
        parser.error('--height must be at least 32')
    if is_video(args.out) and args.frame is not None:
        parser.error('--frame is for a picture: an .mp4 shows all frames')
    return args


def is_video(path: str) -> bool:
    """Whether a file is to be a video."""
    return path.lower().endswith('.mp4')


def write_picture(args, video_model, video_id: str) -> str:
    """Write one pair of frames; returns what is on it."""
    metainfo = video_model.dataset.metainfo
    views = probe_correlation(video_model, video_id, args.frame, args.gap,
                              track_iter_progress)
    save_figure(
        draw_correlation_figure(views, args.keypoints, metainfo), args.out)
    return f'frame {views.frame}, exemplars from frame {views.exemplar_frame}'


def write_video(args, video_model, video_id: str) -> str:
    """Write all frames; returns what is on them."""
    metainfo = video_model.dataset.metainfo
    with VideoFile(args.out, args.fps) as file:
        for views in stream_correlation(video_model, video_id, args.gap,
                                        track_iter_progress):
            file.write(
                draw_correlation_panels(views, args.keypoints, metainfo,
                                        args.height))
    return f'{file.num_frames} frames, {args.fps:g} a second'


def main():
    args = parse_args()
    output_path(args.out, (*PICTURES, '.mp4'))
    video_model = load_video_model(
        config_path(args.config), args.checkpoint, args.device,
        args.cfg_options)
    keypoint_indices(args.keypoints, video_model.dataset.metainfo)
    video_id = args.video or video_model.video_ids[0]
    existed = osp.exists(args.out)
    write = write_video if is_video(args.out) else write_picture
    what = write(args, video_model, video_id)
    print(f'\n{args.out}{" (replaced)" if existed else ""}: {video_id}, '
          f'{what}')


if __name__ == '__main__':
    try:
        main()
    except (ValueError, TypeError, FileNotFoundError, RuntimeError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
