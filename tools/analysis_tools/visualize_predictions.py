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

import numpy as np
from mmengine.config import DictAction
from mmengine.utils import ProgressBar

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))
from repo_path import config_path  # noqa: E402

from projects.temporal_corr.video_io.arguments import number  # noqa: E402
from projects.temporal_corr.video_io.output_files import (  # noqa: E402
    fit_image, output_path)
from projects.temporal_corr.visualization import (  # noqa: E402
    PredictionPainter, VideoExcerpt, VideoFile, draw_contact_sheet,
    load_video_model, save_figure, stream_predictions)
from projects.temporal_corr.visualization.prediction_panels import (  # noqa: E402,E501
    join_panels, panel_size)
from projects.temporal_corr.visualization.video_model import \
    load_frame  # noqa: E402


def parse_args():
    parser = argparse.ArgumentParser(
        description='Draw predictions on videos')
    parser.add_argument('config', nargs='?', help='test config file path')
    parser.add_argument('checkpoint', nargs='?', help='checkpoint file')
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
    parser.add_argument(
        '--fps',
        type=number(float, 0.01, 1000),
        default=12,
        help='frames per second. Defaults to 12')
    parser.add_argument(
        '--height',
        type=int,
        default=360,
        help='height of a panel in pixels. Defaults to 360')
    parser.add_argument('--out', required=True, help='video to write: .mp4')
    parser.add_argument(
        '--sheet', help='picture of some frames to write: .png, .jpg, .pdf')
    parser.add_argument(
        '--sheet-frames',
        type=int,
        default=6,
        help='frames of each video on the sheet. Defaults to 6')
    parser.add_argument(
        '--device', default='cpu', help='device to run on. Defaults to cpu')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='override settings of all configs, as KEY=VALUE: '
        'test_dataloader.dataset.frame_stride=3')
    args = parser.parse_args()
    if args.config and not args.checkpoint:
        parser.error('CONFIG needs a CHECKPOINT')
    if not args.config and not args.compare:
        parser.error('give CONFIG CHECKPOINT, or --compare')
    if args.height < 32 or args.sheet_frames < 1:
        parser.error('--height must be at least 32, --sheet-frames 1')
    return args


def load_models(args) -> list:
    """The models of the command line, in its order."""
    chosen = [(args.config, args.checkpoint, None)] if args.config else []
    return [
        load_video_model(
            config_path(config), checkpoint, args.device, args.cfg_options,
            name) for config, checkpoint, name in chosen + args.compare
    ]


def draw_video(models, video_id, painter, file, sheet_frames, progress):
    """Write one video; returns what is to be on the sheet of it."""
    names = [model.name for model in models]
    length = len(models[0].items(video_id))
    keep = set(np.linspace(0, length - 1, sheet_frames).round().astype(int))
    legend = 'white: ground truth, magenta: wrong' if painter.show_gt else ''
    excerpt = VideoExcerpt(video_id)
    stream = stream_predictions(models, video_id)
    for position, (image, samples) in enumerate(stream):
        matrix = fit_image(image.shape[1::-1], painter.size)
        panels = [painter(image, sample, matrix) for sample in samples]
        number = samples[0].frame_index + 1
        caption = f'{video_id}   frame {number}   {legend}'
        file.write(join_panels(panels, names, caption.strip()))
        if position in keep:
            excerpt.append(image, samples)
        progress.update()
    return excerpt


def spread(names: list, count: int) -> list:
    """The first of as many equal parts of a list."""
    return names[::max(-(-len(names) // count), 1)][:count]


def main():
    args = parse_args()
    output_path(args.out, ('.mp4', ))
    if args.sheet:
        output_path(args.sheet, ('.png', '.jpg', '.pdf', '.svg'))
    models = load_models(args)
    dataset = models[0].dataset
    videos = args.videos or spread(models[0].video_ids, 3)
    items = [models[0].items(video_id) for video_id in videos]
    sizes = [
        load_frame(dataset, int(rows[0]))[0].shape[1::-1] for rows in items
    ]
    painter = PredictionPainter(dataset.metainfo,
                                panel_size(sizes, args.height), args.show_gt)

    existed = [path for path in (args.out, args.sheet)
               if path and osp.exists(path)]  # yapf: disable
    progress = ProgressBar(sum(map(len, items)))
    with VideoFile(args.out, args.fps) as file:
        excerpts = [
            draw_video(models, video_id, painter, file, args.sheet_frames,
                       progress) for video_id in videos
        ]
    if args.sheet:
        sheet = draw_contact_sheet(excerpts,
                                   [model.name for model in models],
                                   dataset.metainfo, args.show_gt)
        save_figure(sheet, args.sheet)
    print()
    for path in filter(None, (args.out, args.sheet)):
        print(path + (' (replaced)' if path in existed else ''))


if __name__ == '__main__':
    try:
        main()
    except (ValueError, TypeError, FileNotFoundError, RuntimeError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
