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

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from repo_path import add_drawing_arguments, add_model_arguments, model_files

from projects.temporal_corr.apis.video_model import (load_video_model,
                                                     read_rgb,
                                                     stream_predictions)
from projects.temporal_corr.video_io.arguments import run_command
from projects.temporal_corr.video_io.output_files import VideoFile, output_path
from projects.temporal_corr.video_io.progress import Progress
from projects.temporal_corr.visualization.predictions import (
    draw_prediction, join_panels, panel_size, prediction_colors)


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
    add_drawing_arguments(parser)
    args = parser.parse_args()
    if not args.config and not args.compare:
        parser.error('give CONFIG CHECKPOINT, or --compare')
    return args


def main():
    args = parse_args()
    output_path(args.out, ('.mp4', ))
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
    existed = osp.exists(args.out)
    colors = prediction_colors(dataset.metainfo, args.show_gt)
    with VideoFile(args.out, args.fps) as file, Progress(
            sum(map(len, items.values()))) as progress:
        for video_id in videos:
            for image, samples in stream_predictions(models, video_id):
                panels = [
                    draw_prediction(image, sample, dataset.metainfo, size,
                                    args.show_gt) for sample in samples
                ]
                caption = f'{video_id}   frame {samples[0].frame_index + 1}'
                file.write(join_panels(panels, names, caption, colors))
                progress.update()
    print(args.out + ' (replaced)' * existed)


if __name__ == '__main__':
    run_command(main)
