# Copyright (c) temporal_corr authors. All rights reserved.
"""Draw the predictions of one or more models on videos of the test data.

The models run over whole videos, in order, as in test. Several are shown
side by side:

    visualize_predictions.py --compare CONFIG CHECKPOINT 'single frame' \
        --compare CONFIG CHECKPOINT correlation --out FILE.mp4
"""
import argparse
import os.path as osp
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from repo_path import add_drawing_arguments, add_model_arguments, model_files

from projects.temporal_corr.apis.video_model import (load_video_model,
                                                     read_rgb,
                                                     stream_predictions)
from projects.temporal_corr.video_io.arguments import number, run_command
from projects.temporal_corr.video_io.output_files import (VideoFile, fit_image,
                                                          output_path,
                                                          save_figure)
from projects.temporal_corr.video_io.progress import Progress
from projects.temporal_corr.visualization import (draw_contact_sheet,
                                                  draw_prediction)
from projects.temporal_corr.visualization.predictions import (
    join_panels, panel_size, prediction_colors)


def parse_args():
    parser = argparse.ArgumentParser(
        description='Draw predictions on videos')
    add_model_arguments(parser, nargs='?')
    parser.add_argument(
        '--compare',
        nargs=3,
        action='append',
        default=[],
        metavar=('CONFIG', 'CHECKPOINT', 'NAME'),
        help='another model, in a panel of its own with this name; may be '
        'given several times')
    parser.add_argument(
        '--videos',
        nargs='+',
        metavar='ID',
        help='videos of the test data set: folders of their frames. Defaults '
        'to three, spread over the data set')
    parser.add_argument(
        '--show-gt',
        action='store_true',
        help='draw the ground truth in white, and a magenta line from each '
        'keypoint that PCK@0.2 counts as wrong to where it should be')
    parser.add_argument('--out', required=True, help='video to write: .mp4')
    parser.add_argument(
        '--sheet', help='picture of some frames to write: .png, .jpg, .pdf')
    parser.add_argument(
        '--sheet-frames',
        type=number(int, 1),
        default=6,
        help='frames of each video on the sheet. Defaults to 6')
    add_drawing_arguments(parser)
    args = parser.parse_args()
    if not args.config and not args.compare:
        parser.error('give CONFIG CHECKPOINT, or --compare')
    return args


def main():
    args = parse_args()
    output_path(args.out, ('.mp4', ))
    if args.sheet:
        output_path(args.sheet, ('.png', '.jpg', '.pdf', '.svg'))
    first = [(args.config, args.checkpoint, None)] if args.config else []
    models = [
        load_video_model(
            *model_files(config, checkpoint), args.device, args.cfg_options,
            name) for config, checkpoint, name in first + args.compare
    ]
    names = [model.name for model in models]
    dataset, known = models[0].dataset, models[0].video_ids
    # the first of each of three parts
    videos = args.videos or known[::max(-(-len(known) // 3), 1)]
    items = {video_id: models[0].items(video_id) for video_id in videos}
    size = panel_size([
        read_rgb(dataset.get_data_info(int(rows[0]))['img_path']).shape[1::-1]
        for rows in items.values()
    ], args.height)
    existed = [path for path in (args.out, args.sheet)
               if path and osp.exists(path)]  # yapf: disable
    colors = prediction_colors(dataset.metainfo, args.show_gt)
    excerpts = {video_id: [] for video_id in videos}
    with VideoFile(args.out, args.fps) as file, Progress(
            sum(map(len, items.values()))) as progress:
        for video_id, rows in items.items():
            kept = np.linspace(0, len(rows) - 1, args.sheet_frames).round()
            for position, (image, samples) in enumerate(
                    stream_predictions(models, video_id)):
                matrix = fit_image(image.shape[1::-1], size)
                panels = [
                    draw_prediction(image, sample, dataset.metainfo, matrix,
                                    size, args.show_gt) for sample in samples
                ]
                caption = f'{video_id}   frame {samples[0].frame_index + 1}'
                file.write(join_panels(panels, names, caption, colors))
                if args.sheet and position in kept:
                    excerpts[video_id].append((image, samples))
                progress.update()
    if args.sheet:
        save_figure(
            draw_contact_sheet(excerpts, names, dataset.metainfo,
                               args.show_gt), args.sheet)
    for path in filter(None, (args.out, args.sheet)):
        print(path + (' (replaced)' if path in existed else ''))


if __name__ == '__main__':
    run_command(main)
