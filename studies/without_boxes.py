# Copyright (c) temporal_corr authors. All rights reserved.
"""How accurate a model is that finds and follows the person by itself.

    python -m studies.without_boxes movenet-lightning

No box is given: the person is searched in whole frames and then followed, as
in the demo without smoothing. PCK counts by the annotated boxes.
"""
import argparse
from typing import List, Tuple

import numpy as np
from mmengine.registry import init_default_scope
from mmpose.registry import DATASETS

from projects.temporal_corr.apis import (FollowedPerson, VideoPoseInferencer,
                                         predict_frame)
from projects.temporal_corr.evaluation.pck import (group_indices, group_means,
                                                   keypoint_hits)
from projects.temporal_corr.video_io.arguments import run_command
from projects.temporal_corr.video_io.frame_source import FrameSource
from projects.temporal_corr.video_io.progress import Progress


def follow_clip(inferencer: VideoPoseInferencer, followed: FollowedPerson,
                paths: List[str]) -> Tuple[np.ndarray, np.ndarray]:
    """Keypoints (T, K, 2) in pixels and in which frames nobody was found,
    (T, ), of the frames of a clip."""
    inferencer.reset()
    followed.reset()
    keypoints, lost = [], []
    for path in paths:
        frame, = FrameSource(path)
        sample, = predict_frame(inferencer, followed, frame, {})
        keypoints.append(sample.pred_instances.keypoints[0])
        lost.append(not followed.found)
    return np.stack(keypoints), np.array(lost)


def main(argv=None):
    parser = argparse.ArgumentParser(
        prog='python -m studies.without_boxes',
        description='Accuracy of a model that finds the person by itself')
    parser.add_argument('config', help='config, or name of a released model')
    parser.add_argument(
        'checkpoint',
        nargs='?',
        help='checkpoint file; a released model brings its own')
    args = parser.parse_args(argv)
    inferencer = VideoPoseInferencer(args.config, args.checkpoint)
    init_default_scope('mmpose')
    dataset = DATASETS.build(inferencer.cfg.test_dataloader.dataset)
    meta = dataset.metainfo
    followed = FollowedPerson(
        list(meta['keypoint_id2name'].values()),
        padding=inferencer.box_padding)
    groups = group_indices(meta)
    hits, visible, lost, ends = [], [], 0, 0
    with Progress(len(dataset)) as progress:
        for _, items in dataset.videos:
            infos = [dataset.get_data_info(item) for item in items.tolist()]
            truth, sizes, seen = (
                np.concatenate([info[key] for info in infos])
                for key in ('keypoints', 'bbox_size', 'keypoints_visible'))
            keypoints, missed = follow_clip(
                inferencer, followed, [info['img_path'] for info in infos])
            hits.append(
                keypoint_hits(keypoints, truth, sizes.max(axis=1), 0.2))
            visible.append(seen > 0)
            lost, ends = lost + missed.sum(), ends + missed[-1]
            for _ in infos:
                progress.update()
    hits, visible = np.concatenate(hits), np.concatenate(visible)
    means = np.where(visible, hits, np.nan)
    for name, value in group_means(np.nanmean(means, axis=0), groups).items():
        print(f'{name}: {100 * value:.1f}')
    print(f'{len(hits)} frames of {len(dataset.videos)} videos: nobody found '
          f'in {lost}, at the end of {ends} videos')


if __name__ == '__main__':
    run_command(main)
