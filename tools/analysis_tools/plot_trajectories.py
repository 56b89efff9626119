# Copyright (c) temporal_corr authors. All rights reserved.
"""Plot where keypoints are over time, with and without correlation.

    plot_trajectories.py --model 'single frame' CONFIG CHECKPOINT \
        --model correlation CONFIG CHECKPOINT --keypoints right_wrist \
        --out trajectories.png

One video of the test data, x(t) and y(t) of each chosen keypoint beside the
ground truth. Prints how much the keypoints tremble (KeypointAcceleration)
and how many are right (PCK) in this video.
"""
import argparse
import os.path as osp
import sys
from typing import Dict, List, Sequence

import numpy as np
from mmengine.config import DictAction
from mmengine.logging import MMLogger
from mmengine.utils import track_iter_progress
from mmpose.structures import PoseDataSample

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))
from repo_path import config_path  # noqa: E402

from projects.temporal_corr.video_io.output_files import \
    output_path  # noqa: E402
from projects.temporal_corr.visualization import (  # noqa: E402
    load_video_model, save_figure, stream_predictions)
from projects.temporal_corr.visualization.correlation_figure import \
    keypoint_indices  # noqa: E402
from projects.temporal_corr.visualization.trajectory_plot import \
    draw_trajectories  # noqa: E402

from projects.temporal_corr.evaluation import (  # noqa: E402 isort: skip
    GroupPCKAccuracy, KeypointAcceleration)

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
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='override settings of all configs, as KEY=VALUE: '
        'test_dataloader.dataset.frame_stride=3')
    args = parser.parse_args()
    names = [name for name, _, _ in args.model]
    if len(set(names)) < len(names):
        parser.error(f'two models have one name: {", ".join(names)}')
    return args


def video_scores(samples: Sequence[PoseDataSample],
                 metainfo: dict) -> List[float]:
    """The scores of one model on one video.

    Args:
        samples (Sequence[PoseDataSample]): All frames of the video, with
            ``gt_instances`` and ``pred_instances``.
        metainfo (dict): Metainfo of the data set; its ``eval_keypoints``, if
            there are any, are those that count.

    Returns:
        list[float]: Values of ``COLUMNS``, fractions, over all keypoints
        that count and are visible.
    """
    found: Dict[str, float] = {}
    for metric in (GroupPCKAccuracy(thr=0.2, prefix='pck'),
                   KeypointAcceleration(prefix='tremor')):
        metric.dataset_meta = metainfo
        metric.process({}, [sample.to_dict() for sample in samples])
        found.update(metric.evaluate(len(samples)))
    return [
        found[name] for name in ('pck/Pooled', 'tremor/acceleration',
                                 'tremor/acceleration error')
    ]


def of_keypoints(metainfo: dict, names: Sequence[str]) -> dict:
    """The metainfo for an evaluation of some keypoints alone."""
    return dict(
        metainfo,
        pck_groups={name: [name] for name in names},
        eval_keypoints=list(names))


def score_lines(predictions: Dict[str, List[PoseDataSample]], metainfo: dict,
                names: Sequence[str]) -> str:
    """The scores of all models as a table in Markdown, in percent."""
    lines = [
        '| model | keypoints | ' + ' | '.join(COLUMNS) + ' |',
        '| --- | --- |' + ' --- |' * len(COLUMNS)
    ]
    shown = ', '.join(name.replace('_', ' ') for name in names)
    for title, chosen in (('all', metainfo), (shown,
                                              of_keypoints(metainfo, names))):
        for model, samples in predictions.items():
            cells = ' | '.join(f'{100 * score:.1f}'
                               for score in video_scores(samples, chosen))
            lines.append(f'| {model} | {title} | {cells} |')
    lines.append('\nAccelerations are in percent of the larger side of the '
                 'box per squared step from frame to frame.')
    return '\n'.join(lines)


def main():
    args = parse_args()
    output_path(args.out, ('.png', '.jpg', '.pdf', '.svg'))
    models = [
        load_video_model(
            config_path(config), checkpoint, args.device, args.cfg_options,
            name) for name, config, checkpoint in args.model
    ]
    metainfo = models[0].dataset.metainfo
    keypoint_indices(args.keypoints, metainfo)
    video_id = args.video or models[0].video_ids[0]
    count = len(models[0].items(video_id))

    stream = stream_predictions(models, video_id)
    frames = [
        samples for _, samples in track_iter_progress((stream, count))
    ]
    predictions = {
        model.name: [samples[i] for samples in frames]
        for i, model in enumerate(models)
    }
    first = predictions[models[0].name]
    figure = draw_trajectories(
        [sample.frame_index + 1 for sample in first], {
            name:
            np.stack([s.pred_instances.keypoints[0] for s in samples])
            for name, samples in predictions.items()
        },
        np.stack([sample.gt_instances.keypoints[0] for sample in first]),
        np.stack([s.gt_instances.keypoints_visible[0] for s in first]),
        args.keypoints, metainfo, video_id)
    existed = osp.exists(args.out)
    save_figure(figure, args.out)
    # The tables by body part, of each model, would hide the one below.
    MMLogger.get_current_instance().setLevel('WARNING')
    print(f'\n{score_lines(predictions, metainfo, args.keypoints)}\n\n'
          f'{args.out}{" (replaced)" if existed else ""}: {video_id}, '
          f'{count} frames')


if __name__ == '__main__':
    try:
        main()
    except (ValueError, TypeError, FileNotFoundError, RuntimeError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
