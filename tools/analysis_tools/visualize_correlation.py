# Copyright (c) temporal_corr authors. All rights reserved.
"""Draw what a correlation model sees (the paper's Fig. 2).

The exemplar frame with the chosen keypoints marked, their correlation maps
and heatmaps on a later frame, and the pose estimate with and without the
maps.
"""
import argparse
import os.path as osp
import sys

from mmengine.config import DictAction
from mmengine.utils import track_iter_progress

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))
from repo_path import config_path  # noqa: E402

from projects.temporal_corr.visualization import (  # noqa: E402
    draw_correlation_figure, load_video_model, probe_correlation, save_figure)
from projects.temporal_corr.visualization.correlation_figure import \
    keypoint_indices  # noqa: E402
from projects.temporal_corr.visualization.video_file import \
    output_path  # noqa: E402


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
        '--out', required=True, help='picture to write: .png, .jpg, .pdf')
    parser.add_argument(
        '--device', default='cpu', help='device to run on. Defaults to cpu')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='override settings of the config, as KEY=VALUE: '
        'test_dataloader.dataset.frame_stride=3')
    return parser.parse_args()


def main():
    args = parse_args()
    output_path(args.out, ('.png', '.jpg', '.pdf', '.svg'))
    video_model = load_video_model(
        config_path(args.config), args.checkpoint, args.device,
        args.cfg_options)
    metainfo = video_model.dataset.metainfo
    keypoint_indices(args.keypoints, metainfo)
    video_id = args.video or video_model.video_ids[0]
    views = probe_correlation(video_model, video_id, args.frame, args.gap,
                              track_iter_progress)
    existed = osp.exists(args.out)
    save_figure(
        draw_correlation_figure(views, args.keypoints, metainfo), args.out)
    print(f'\n{args.out}{" (replaced)" if existed else ""}: {video_id}, '
          f'frame {views.frame}, exemplars from frame '
          f'{views.exemplar_frame}')


if __name__ == '__main__':
    try:
        main()
    except (ValueError, TypeError, FileNotFoundError, RuntimeError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
