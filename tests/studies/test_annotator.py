# Copyright (c) temporal_corr authors. All rights reserved.
"""A simulated annotator against what tests and the other studies say."""
import json
from itertools import islice

import numpy as np
import pytest
import torch
from mmengine.config import Config
from mmengine.runner import Runner

from projects.temporal_corr.engine.pose_model import load_pose_model
from studies.annotator import (clip_follower, equal, fill, halved, main,
                               suggested)
from studies.table import main as table_main


@pytest.fixture
def files(tiny_model_files):
    return tiny_model_files()


@pytest.mark.parametrize('memory, labels', [
    (dict(policy='previous'), lambda total: ()),
    (dict(policy='offline', source='labels', frames='middle'),
     lambda total: ((total - 1) // 2, )),
    (dict(policy='offline', source='labels', frames=4),
     lambda total: tuple(range(0, total, 4)))
], ids=['none', 'middle', 'every fourth'])  # yapf: disable
def test_follows_as_a_test_does(files, tmp_path, monkeypatch, memory, labels):
    """Keypoints and scores by the same labels, or none."""
    cfg = Config.fromfile(files[0])
    cfg.load_from, cfg.work_dir = files[1], str(tmp_path / 'work')
    cfg.experiment_name = f'{tmp_path.name}_{len(str(memory))}'
    cfg.model.test_cfg = dict(memory=memory)
    cfg.test_dataloader.update(num_workers=0, persistent_workers=False)
    runner = Runner.from_cfg(cfg)
    tested, metric = {}, runner.test_loop.evaluator.metrics[0]
    process = metric.process

    def keep(batch, samples):
        tested.update({
            (sample['video_id'], sample['frame_index']):
            sample['pred_instances']
            for sample in samples
        })
        process(batch, samples)

    monkeypatch.setattr(metric, 'process', keep)
    runner.test()
    dataset = runner.test_dataloader.dataset
    model = load_pose_model(Config.fromfile(files[0]), files[1])
    for name, items in dataset.videos:
        with torch.no_grad():
            found = clip_follower(model, dataset, items.tolist())(
                labels(len(items)))
        for frame, row in enumerate(zip(*found)):
            expected = tested[name, frame]
            for ours, key in zip(row, ('keypoints', 'keypoint_scores')):
                np.testing.assert_allclose(ours, expected[key][0], atol=1e-2)


def test_frames_that_are_labelled():
    assert [halved(9, n) for n in (1, 2, 4, 20)] == [
        [4], [1, 4], [1, 2, 4, 6], [*range(9)]]  # yapf: disable
    assert [equal(9, 1), equal(9, 3), equal(2, 5)] == [[4], [1, 4, 7], [0, 1]]

    def follow(labels):
        """The sixth of eight frames is the worst until it is labelled."""
        scores = np.full((8, 3), 0.9)
        if 5 not in labels:
            scores[5] = 0
        return None, scores

    order = list(islice(suggested(follow, 8), 8))
    assert abs(order[0] - 5) <= 1 and sorted(order) == list(range(8))


def test_labels_are_kept():
    rng = np.random.default_rng(0)
    truth = rng.uniform(0, 100, (6, 3, 2))
    boxes = np.tile([0., 0., 100., 100.], (6, 1))
    filled = fill(lambda labels: (np.zeros((6, 3, 2)), np.full((6, 3), 0.5)),
                  truth, boxes, [1, 4])
    for name, keypoints in filled.items():
        np.testing.assert_allclose(
            keypoints[[1, 4]], truth[[1, 4]], err_msg=name)
    np.testing.assert_allclose(
        filled['interpolated in the image'][2],
        truth[1] * 2 / 3 + truth[4] / 3)  # yapf: disable


def test_file_table_and_figure(files, tmp_path, capsys):
    out, picture = tmp_path / 'annotator.json', tmp_path / 'curve.png'
    main([*files, '--labels', '1', '7', '--out', str(out)])
    rows = json.loads(out.read_text())['rows']
    assert len(rows) == 15
    for row in rows:
        assert 'others Mean@0.1' not in row['labels']['7']
        # The longest clip has seven frames.
        assert row['labels']['7']['Mean@0.1'] == 1
        few = row['labels']['1']
        assert few['others Mean@0.1'] <= few['Mean@0.1'] <= 1
    assert rows[2]['name'] == 'ours, suggested'
    # Random weights follow worse than poses that hardly move stay.
    assert rows[2]['labels']['1']['Mean@0.1'] < 1
    table_main([str(out), '--figure', str(picture)])
    text = capsys.readouterr().out
    assert '| labels | 1 | 7 |' in text
    assert text.count('| 100.0 / 100.0 |') >= 15 and picture.stat().st_size
