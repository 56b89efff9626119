# Copyright (c) temporal_corr authors. All rights reserved.
"""Plot where keypoints are over time, with and without correlation.

    plot_trajectories.py --model 'single frame' CONFIG CHECKPOINT \
        --model correlation CONFIG CHECKPOINT --keypoints right_wrist \
        --out trajectories.png

One video of the test data, x(t) and y(t) of each chosen keypoint beside the
ground truth. Prints their jitter (KeypointAcceleration) and accuracy (PCK).
"""
import argparse
import os.path as osp
import sys
from pathlib import Path
from typing import List, Sequence

import numpy as np
from mmengine.logging import MMLogger
from mmpose.structures import PoseDataSample

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from repo_path import add_cfg_options, model_files

from projects.temporal_corr.apis.video_model import (load_video_model,
                                                     stream_predictions)
from projects.temporal_corr.evaluation import (GroupPCKAccuracy,
                                               KeypointAcceleration)
from projects.temporal_corr.video_io.arguments import run_command
from projects.temporal_corr.video_io.output_files import (output_path,
                                                          save_figure)
from projects.temporal_corr.video_io.progress import Progress
from projects.temporal_corr.visualization import draw_trajectories
from projects.temporal_corr.visualization.maps import keypoint_indices

COLUMNS = ('PCK@0.2', 'acceleration', 'acceleration error')


def parse_args():
    parser = argparse.ArgumentParser(
        description='Plot where keypoints are over time')
    parser.add_argument(
        '--model',
        nargs=3,
        action='append',
        required=True,
        metavar=('NAME', 'CONFIG', 'CHECKPOINT'),
        help='a model, with its name in the figure; may be given several '
        'times')
    parser.add_argument(
        '--video',
        help='video of the test data set: the folder of its frames, such as '
        'Rename_Images/catch/CLIP. Defaults to the first')
    parser.add_argument(
        '--keypoints',
        nargs='+',
        default=['right_wrist', 'left_wrist'],
        help='names of keypoints. Defaults to right_wrist left_wrist')
    parser.add_argument(
        '--out', required=True, help='picture to write: .png, .jpg, .pdf')
    parser.add_argument(
        '--device', default='cpu', help='device to run on. Defaults to cpu')
    add_cfg_options(parser)
    args = parser.parse_args()
    names = [name for name, _, _ in args.model]
    if len(set(names)) < len(names):
        parser.error(f'two models have one name: {", ".join(names)}')
    return args


def video_scores(samples: Sequence[PoseDataSample],
                 metainfo: dict) -> List[float]:
    """The ``COLUMNS`` of one model on all frames of a video, as fractions."""
    found = {}
    for metric in (GroupPCKAccuracy(thr=0.2, prefix='pck'),
                   KeypointAcceleration(prefix='jitter')):
        metric.dataset_meta = metainfo
        metric.process({}, [sample.to_dict() for sample in samples])
        found.update(metric.evaluate(len(samples)))
    return [
        found[name] for name in ('pck/Pooled', 'jitter/acceleration',
                                 'jitter/acceleration error')
    ]


def main():
    args = parse_args()
    output_path(args.out, ('.png', '.jpg', '.pdf', '.svg'))
    models = [
        load_video_model(
            *model_files(config, checkpoint), args.device, args.cfg_options,
            name) for name, config, checkpoint in args.model
    ]
    metainfo, names = models[0].dataset.metainfo, args.keypoints
    keypoint_indices(names, metainfo)
    video_id = args.video or models[0].video_ids[0]
    frames = []
    with Progress(len(models[0].items(video_id))) as progress:
        for _, samples in stream_predictions(models, video_id):
            frames.append(samples)
            progress.update()
    predictions = dict(zip((model.name for model in models), zip(*frames)))
    truth = [samples[0].gt_instances for samples in frames]
    figure = draw_trajectories(
        [samples[0].frame_index + 1 for samples in frames], {
            name: np.stack([s.pred_instances.keypoints[0] for s in samples])
            for name, samples in predictions.items()
        }, np.stack([person.keypoints[0] for person in truth]),
        np.stack([person.keypoints_visible[0] for person in truth]), names,
        metainfo, video_id)
    existed = osp.exists(args.out)
    save_figure(figure, args.out)
    # The tables by body part, of each model, would hide the one below.
    MMLogger.get_current_instance().setLevel('WARNING')
    print('| model | ' + ' | '.join(COLUMNS) + ' |\n' +
          '| --- ' * (1 + len(COLUMNS)) + '|')
    for model, samples in predictions.items():
        cells = ' | '.join(f'{100 * score:.1f}'
                           for score in video_scores(samples, metainfo))
        print(f'| {model} | {cells} |')
    print('\nAccelerations are in percent of the larger side of the box per '
          f'squared step from frame to frame.\n\n{args.out}'
          f'{" (replaced)" if existed else ""}: {video_id}, '
          f'{len(frames)} frames')


if __name__ == '__main__':
    run_command(main)
