# Copyright (c) temporal_corr authors. All rights reserved.
"""Does a model drift? Predict still videos, whose frames are all the same.

Each video of the test data set is replaced by its first frame, repeated. The
exemplars of a frame come from its own prediction, so the second prediction
may differ from the first; after that nothing should move any more.
"""
import argparse
import os.path as osp
import sys

import numpy as np
import torch
from mmengine.config import DictAction
from mmengine.dataset import pseudo_collate
from mmengine.utils import track_iter_progress

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))
from repo_path import config_path  # noqa: E402

from projects.temporal_corr.apis.video_model import \
    load_video_model  # noqa: E402


def parse_args():
    parser = argparse.ArgumentParser(
        description='Measure the drift of a model on still videos')
    parser.add_argument('config', help='test config file path')
    parser.add_argument('checkpoint', help='checkpoint file')
    parser.add_argument(
        '--num-frames', type=int, default=200, help='frames of each video')
    parser.add_argument(
        '--device', default='cpu', help='device to run on. Defaults to cpu')
    parser.add_argument(
        '--cfg-options',
        nargs='+',
        action=DictAction,
        default={},
        help='override settings of the config, as KEY=VALUE')
    return parser.parse_args()


@torch.no_grad()
def predict_still(model, frames: list, num_frames: int) -> np.ndarray:
    """Keypoints of N packed frames, each seen again and again.

    Returns:
        np.ndarray: Keypoints in input pixels in shape (num_frames, N, P, 2).
    """
    batch = model.data_preprocessor(pseudo_collate(frames))
    conditions = model.conditions(batch['data_samples'],
                                  batch['inputs'].device)
    # The features of a still video are those of its only frame.
    feats = model.extract_feat(batch['inputs'])
    memory, keypoints = None, []
    for _ in track_iter_progress(list(range(num_frames))):
        heatmaps, memory = model.head.step(feats, memory, **conditions)
        keypoints.append(
            np.concatenate(
                [pred.keypoints for pred in model.head.decode(heatmaps)]))
    return np.stack(keypoints)


def settled_after(keypoints: np.ndarray) -> np.ndarray:
    """Number of the frame, from 1, from which on no keypoint changes.

    Returns:
        np.ndarray: One number for each video, shape (N, ).
    """
    same = (keypoints == keypoints[-1]).all(axis=(2, 3))
    # The frames at the end that equal the last one.
    equal = np.logical_and.accumulate(same[::-1]).sum(axis=0)
    return len(keypoints) - equal + 1


def main():
    args = parse_args()
    video_model = load_video_model(
        config_path(args.config), args.checkpoint, args.device,
        args.cfg_options)
    dataset = video_model.dataset
    first_items = [int(items[0]) for _, items in dataset.videos]
    frames = [dataset[item] for item in first_items]
    settled = settled_after(
        predict_still(video_model.model, frames, args.num_frames))
    print(f'\n{len(settled)} still videos of {args.num_frames} frames; no '
          'keypoint changes any more')
    for frame in np.unique(settled):
        print(f'  from frame {frame:3d} on: {(settled <= frame).sum()} videos')


if __name__ == '__main__':
    try:
        main()
    except (ValueError, TypeError, FileNotFoundError, RuntimeError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
