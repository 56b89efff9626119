# Copyright (c) temporal_corr authors. All rights reserved.
"""Draw what a correlation model sees (the paper's Fig. 2).

The exemplar frame with the chosen keypoints marked, their correlation maps
and heatmaps on a later frame, and the pose with and without the maps; of one
frame or, as a video, of all:

    visualize_correlation.py CONFIG CHECKPOINT --out FILE.png
    visualize_correlation.py CONFIG CHECKPOINT --out FILE.mp4
"""
import argparse
import os.path as osp
import sys
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from mmengine.visualization.utils import img_from_canvas

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from repo_path import add_drawing_arguments, add_model_arguments, model_files

from projects.temporal_corr.apis.correlation_views import stream_correlation
from projects.temporal_corr.apis.video_model import load_video_model
from projects.temporal_corr.video_io.arguments import run_command
from projects.temporal_corr.video_io.output_files import (SameSize, VideoFile,
                                                          output_path,
                                                          save_figure)
from projects.temporal_corr.visualization import draw_correlation_figure
from projects.temporal_corr.visualization.maps import keypoint_indices


def parse_args():
    parser = argparse.ArgumentParser(
        description='Draw correlation maps beside heatmaps')
    add_model_arguments(parser)
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
    add_drawing_arguments(parser)
    args = parser.parse_args()
    args.is_video = args.out.lower().endswith('.mp4')
    if args.is_video and args.frame is not None:
        parser.error('--frame is for a picture: an .mp4 shows all frames')
    return args


def main():
    args = parse_args()
    output_path(args.out, ('.png', '.jpg', '.pdf', '.svg', '.mp4'))
    model = load_video_model(
        *model_files(args.config, args.checkpoint), args.device,
        args.cfg_options)
    metainfo = model.dataset.metainfo
    keypoint_indices(args.keypoints, metainfo)
    video_id = args.video or model.video_ids[0]
    existed = osp.exists(args.out)
    frame = None if args.is_video else args.frame or 'middle'
    figures = ((views,
                draw_correlation_figure(views, args.keypoints, metainfo,
                                        args.height))
               for views in stream_correlation(model, video_id, args.gap,
                                               frame))
    if args.is_video:
        fit = SameSize()
        with VideoFile(args.out, args.fps) as file:
            for _, figure in figures:
                file.write(fit(img_from_canvas(FigureCanvasAgg(figure))))
        what = f'{file.num_frames} frames, {args.fps:g} a second'
    else:
        (views, figure), = figures
        save_figure(figure, args.out)
        what = (f'frame {views.frame}, exemplars from frame '
                f'{views.exemplar_frame}')
    print(f'{args.out}{" (replaced)" if existed else ""}: {video_id}, {what}')


if __name__ == '__main__':
    run_command(main)
