# Copyright (c) temporal_corr authors. All rights reserved.
"""Two passes over a recorded video."""
import json

import cv2
import numpy as np
import pytest
import torch

from projects.temporal_corr.apis import (FirstPass, FollowedPerson, People,
                                         SourceFrame)
from projects.temporal_corr.models.offline_exemplars import ExemplarCollector


def test_demo(demo, tiny_cfg, make_inferencer, video, tmp_path):
    """Guided as the test of a data set is, shot by shot."""
    config, checkpoint = tmp_path / 'tiny.py', tmp_path / 'tiny.pth'
    cfg = tiny_cfg()
    cfg.dump(config)
    inferencer = make_inferencer(cfg=cfg)
    model = inferencer.model
    torch.save(dict(state_dict=model.state_dict(), meta={}), checkpoint)
    folder = tmp_path / 'clip'
    folder.mkdir()
    for t, image in enumerate(video):
        cv2.imwrite(str(folder / f'{t}.png'), image)
    boxes = tmp_path / 'boxes.json'
    # Person 4 is away for a while, and nobody is in frame 6.
    people = [[4, 9], [9], [9, 4], [4], [9], [9], [], [4]]
    boxes.write_text(
        json.dumps([
            dict(image_id=t, bbox=[5 + i, 3, 40, 30 + i], track_id=i)
            for t, ids in enumerate(people) for i in ids
        ]))
    memory = 'model.test_cfg.memory'
    assert demo.main([
        str(config), str(checkpoint), '--input', str(folder), '--cuts', '4',
        '--bbox-file', str(boxes), '--pred-out-dir', str(tmp_path),
        '--smooth', 'none', '--cfg-options', f'{memory}.policy=offline',
        f'{memory}.source=predictions', f'{memory}.num_frames=2'
    ]) == 0  # yapf: disable
    written = json.loads((tmp_path / 'clip.json').read_text())
    wanted = []
    model.first_pass = dict(source='predictions')
    for shot in (range(4), range(4, 8)):
        inferencer.reset()
        chosen = {}
        for i in (4, 9):
            seen = [t for t in shot if i in people[t]]
            collector = ExemplarCollector(2)
            for t in seen:
                box = np.array([[5., 3, 45, 33]]) + [i, 0, i, i]
                rows, *parts = inferencer.exemplars(
                    video[t],
                    People(box.astype(np.float32), [i], np.float32([1])),
                    frame_index=t - shot[0])
                collector.add(rows, *parts)
            chosen.update(collector.finish())
        model.offline = chosen
        for t in shot:
            box = np.array([[5. + i, 3, 45 + i, 33 + i] for i in people[t]])
            wanted.append([
                sample.pred_instances.keypoints[0]
                for sample in inferencer(video[t], box.reshape(-1, 4),
                                         people[t])
            ])
    for t, (frame, expected) in enumerate(
            zip(written['instance_info'], wanted)):
        found = frame['instances']
        assert [person['track_id'] for person in found] == people[t]
        for person, keypoints in zip(found, expected):
            np.testing.assert_allclose(person['keypoints'], keypoints)


@pytest.mark.parametrize('temporal, settings, message', [
    ('correlation', dict(source='labels'), 'give the labels themselves'),
    ('correlation', dict(source='predictions', num_frames=0), 'positive'),
    ('heatmap', dict(source='predictions'), "policy='offline'"),
])
def test_what_is_not_possible(make_inferencer, video, temporal, settings,
                              message):
    memory = dict(settings, policy='offline')
    with pytest.raises(ValueError, match=message):
        inferencer = make_inferencer(
            temporal, cfg_options={'model.test_cfg.memory': memory})
        FirstPass(inferencer, FollowedPerson([])).add(
            SourceFrame(0, video[0], True))
