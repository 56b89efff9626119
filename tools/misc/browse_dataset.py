# Copyright (c) temporal_corr authors. All rights reserved.
"""Look at the clips a model is trained on, with MMPose's flags.

Each picture is one item of the data set as the pipeline makes it: exemplar
frames on the left, the current frame on the right, with keypoints and
skeleton, and below them the target heatmaps of the keypoints. Items are spread
evenly over the data set.
"""
import argparse
import os
import os.path as osp
import sys
from pathlib import Path
from typing import List, Tuple

import cv2
import numpy as np
from mmengine.config import Config
from mmengine.registry import init_default_scope
from mmengine.structures import InstanceData, PixelData
from mmpose.registry import DATASETS, VISUALIZERS
from mmpose.structures import PoseDataSample

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from repo_path import add_cfg_options, config_path

from projects.temporal_corr.video_io.arguments import run_command
from projects.temporal_corr.video_io.output_files import save_image
from projects.temporal_corr.video_io.progress import track
from projects.temporal_corr.video_io.window import can_open_windows

HEIGHT = 320  # smaller crops are enlarged to about this height
BAR = 22  # height of the line that names a frame


def parse_args():
    parser = argparse.ArgumentParser(description='Browse a dataset')
    parser.add_argument('config', help='train config file path')
    parser.add_argument(
        '--output-dir',
        default='work_dirs/browse_dataset',
        help='where the pictures are saved, named by video and frame, or by '
        'image and id. Defaults to work_dirs/browse_dataset')
    parser.add_argument(
        '--phase',
        default='train',
        choices=['train', 'val', 'test'],
        help='phase of dataset to visualize. Defaults to train')
    parser.add_argument(
        '--max-item-per-dataset',
        default=50,
        type=int,
        help='the maximum number of items processed. Defaults to 50')
    parser.add_argument(
        '--show', action='store_true', help='also show each picture')
    parser.add_argument(
        '--not-show',
        dest='show',
        action='store_false',
        help='only save the pictures (the default)')
    parser.add_argument(
        '--show-interval',
        type=float,
        default=2,
        help='the interval of show (s), 0 to wait for a key. Defaults to 2')
    parser.add_argument(
        '--seed',
        type=int,
        default=0,
        help='seed of exemplars and augmentations. Defaults to 0')
    add_cfg_options(parser)
    return parser.parse_args()


def split_frames(results: dict) -> List[dict]:
    """The frames of a clip, or the frame alone, each as its own results."""
    if not isinstance(results['img_path'], list):
        return [results]
    return [{key: values[t]
             for key, values in results.items()}
            for t in range(len(results['img_path']))]


def frame_names(frame: dict) -> Tuple[str, str]:
    """The name of a frame's (or an image's) file, and its title."""
    if 'video_id' in frame:
        number = frame['frame_index'] + 1
        video = frame['video_id'].replace('/', '-')
        return f'{video}-{number:05d}', f'frame {number}'
    image = osp.splitext(osp.basename(frame['img_path']))[0]
    return f'{image}-{frame["id"]:05d}', image


def draw_frame(frame: dict, title: str, visualizer) -> np.ndarray:
    """A frame, RGB, with its title above, its keypoints, and its targets
    below."""
    # Small crops are enlarged by a whole factor.
    factor = max(1, round(HEIGHT / frame['img'].shape[0]))
    image = cv2.resize(
        frame['img'],
        None,
        fx=factor,
        fy=factor,
        interpolation=cv2.INTER_CUBIC)
    sample = PoseDataSample()
    sample.gt_instances = InstanceData(
        # pixel centres stay on pixel centres
        keypoints=(frame['transformed_keypoints'] + 0.5) * factor - 0.5,
        keypoints_visible=frame['keypoints_visible'])
    if 'heatmaps' in frame:
        # a background would outshine the keypoints; it comes after them
        num_keypoints = frame['transformed_keypoints'].shape[1]
        sample.gt_fields = PixelData(
            heatmaps=frame['heatmaps'][:num_keypoints])
    picture = visualizer.add_datasample(
        title,
        cv2.cvtColor(image, cv2.COLOR_BGR2RGB),
        sample,
        draw_pred=False,
        draw_heatmap='heatmaps' in frame)
    bar = np.full((BAR, picture.shape[1], 3), 255, dtype=np.uint8)
    cv2.putText(bar, title, (4, BAR - 7), cv2.FONT_HERSHEY_SIMPLEX, 0.42,
                (0, 0, 0), 1, cv2.LINE_AA)
    return np.concatenate([bar, picture])


def draw_item(results: dict, visualizer) -> np.ndarray:
    """Draws the frames of an item side by side, the current one last."""
    frames = split_frames(results)
    pictures = []
    for frame in frames:
        _, title = frame_names(frame)
        if frame is not frames[-1]:
            title += ', exemplar'
        if frame.get('flip'):
            title += ', flipped'
        pictures.append(draw_frame(frame, title, visualizer))
    gap = np.full((pictures[0].shape[0], 4, 3), 255, dtype=np.uint8)
    joined = [part for picture in pictures for part in (gap, picture)]
    return np.concatenate(joined[1:], axis=1)


def build_dataset(cfg: Config, phase: str):
    """Builds the data set of a phase with its pipeline but for packing."""
    dataset_cfg = cfg[f'{phase}_dataloader'].dataset
    while 'dataset' in dataset_cfg:  # a wrapper, such as RepeatDataset
        dataset_cfg = dataset_cfg.dataset
    dataset_cfg.pipeline = [
        transform for transform in dataset_cfg.pipeline
        if transform['type'] != 'PackClipInputs'
    ]
    return DATASETS.build(dataset_cfg)


def main():
    args = parse_args()
    cfg = Config.fromfile(config_path(args.config))
    cfg.merge_from_dict(args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmpose'))

    dataset = build_dataset(cfg, args.phase)
    visualizer_cfg = dict(cfg.get('visualizer', dict()))
    visualizer_cfg.update(
        type='PoseLocalVisualizer', vis_backends=None, name='browse_dataset')
    visualizer = VISUALIZERS.build(visualizer_cfg)
    visualizer.set_dataset_meta(dataset.metainfo)

    if args.show and not can_open_windows():
        args.show = False
    np.random.seed(args.seed)
    os.makedirs(args.output_dir, exist_ok=True)
    count = min(len(dataset), args.max_item_per_dataset)
    items = np.linspace(0, len(dataset) - 1, count).round().astype(int)
    for item in track(items.tolist(), unit='items'):
        results = dataset[item]
        name, _ = frame_names(split_frames(results)[-1])
        path = osp.join(args.output_dir, f'{name}.jpg')
        picture = draw_item(results, visualizer)
        save_image(picture, path)
        if args.show:
            visualizer.show(
                picture, win_name=path, wait_time=args.show_interval)
    print(f'\n{count} pictures are in {args.output_dir}')


if __name__ == '__main__':
    run_command(main)
