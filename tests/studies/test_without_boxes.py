# Copyright (c) temporal_corr authors. All rights reserved.
"""People found without boxes are counted as by hand."""
import re

import cv2
import numpy as np
from mmpose.registry import DATASETS

from projects.temporal_corr.apis import VideoPoseInferencer
from studies.without_boxes import main


def test_counts_what_the_inferencer_finds(tiny_model_files, capsys):
    """The inferencer's own way to follow somebody, and PCK in plain words."""
    files = tiny_model_files()
    inferencer = VideoPoseInferencer(*files)
    dataset = DATASETS.build(inferencer.cfg.test_dataloader.dataset)
    hits, lost = [], 0
    for _, items in dataset.videos:
        inferencer.reset()
        for item in items.tolist():
            info = dataset.get_data_info(item)
            pose, = inferencer(cv2.imread(info['img_path']))
            found = pose.pred_instances.keypoints[0]
            distance = np.linalg.norm(found - info['keypoints'][0], axis=-1)
            hits.append(distance <= 0.2 * info['bbox_size'].max())
            lost += not inferencer._followed.found
    each = np.mean(hits, axis=0)
    meta = dataset.metainfo
    wanted = 100 * np.mean([
        np.mean([each[meta['keypoint_name2id'][part]] for part in parts])
        for parts in meta['pck_groups'].values()
    ])
    main(map(str, files))
    said = capsys.readouterr().out
    assert float(re.search(r'Mean: ([\d.]+)', said)[1]) == round(wanted, 1)
    assert f'{len(hits)} frames of' in said and f'found in {lost},' in said
