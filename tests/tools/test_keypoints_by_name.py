# Copyright (c) temporal_corr authors. All rights reserved.
import sys
from pathlib import Path

import pytest
import torch
from mmpose.models import build_pose_estimator

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / 'tools/model_converters'))

import keypoints_by_name  # noqa: E402

from projects.temporal_corr.engine.checkpoint_guard_hook import \
    check_checkpoint  # noqa: E402

HEAD = dict(
    in_channels=8,
    deconv_out_channels=None,
    decoder=dict(
        type='MSRAHeatmap', input_size=(32, 32), heatmap_size=(8, 8),
        sigma=2))


def model_of(kind, head, keypoints):
    return build_pose_estimator(
        dict(
            type=kind,
            backbone=dict(
                type='ResNet',
                depth=18,
                base_channels=4,
                stem_channels=4,
                num_stages=2,
                strides=(1, 1),
                dilations=(1, 1),
                out_indices=(1, )),
            head=dict(type=head, out_channels=keypoints, **HEAD)))


@pytest.fixture
def coco(tmp_path):
    model = model_of('TopdownPoseEstimator', 'HeatmapHead', 17)
    path = tmp_path / 'coco.pth'
    torch.save(dict(state_dict=model.state_dict(), meta={}), path)
    return path


def test_a_model_of_coco_starts_a_video_model(coco, tmp_path, capsys):
    """Left and right stay what they are; what the estimators predict of one
    picture is compared."""
    out = tmp_path / 'new.pth'
    keypoints_by_name.main(
        [str(coco), str(out), '--from', 'coco', '--to', 'sub_jhmdb'])
    assert 'neck: not in the source, starts from left_shoulder + ' \
        'right_shoulder' in capsys.readouterr().out
    old = model_of('TopdownPoseEstimator', 'HeatmapHead', 17).eval()
    old.load_state_dict(torch.load(coco)['state_dict'])
    new = model_of('VideoTopdownPoseEstimator', 'TemporalCorrelationHead',
                   15).eval()
    checkpoint = torch.load(out)
    check_checkpoint(new, checkpoint, str(out), start=True)
    new.load_state_dict(checkpoint['state_dict'], strict=False)
    image = torch.rand(1, 3, 32, 32)
    with torch.no_grad():
        before = old.head(old.extract_feat(image))[0]
        after = new.head(new.extract_feat(image))[0]
    # places in MMPose's coco.py and jhmdb.py
    for theirs, ours in dict([(0, 2), (5, 4), (6, 3), (9, 12), (10, 11),
                              (15, 14), (16, 13)]).items():
        torch.testing.assert_close(after[ours], before[theirs])
    torch.testing.assert_close(after[0], before[5:7].mean(dim=0))
    torch.testing.assert_close(after[1], before[[5, 6, 11, 12]].mean(dim=0))


def test_the_checkpoint_says_what_it_is_for(coco, tmp_path):
    content = torch.load(coco)
    names = keypoints_by_name.names_of('coco')
    content['meta']['dataset_meta'] = dict(
        keypoint_id2name=dict(enumerate(names)))
    torch.save(content, coco)
    files = [str(coco), str(tmp_path / 'new.pth'), '--to', 'penn_action']
    keypoints_by_name.main(files)
    weight = torch.load(files[1])['state_dict']['head.final_layer.weight']
    assert len(weight) == 13
    with pytest.raises(ValueError, match='leave --from out'):
        keypoints_by_name.main([*files, '--from', 'crowdpose'])


@pytest.mark.parametrize('options, message', [
    ('--from coco --to nothing', "no data set 'nothing'"),
    ('--from mpii --to sub_jhmdb', '17 rows'),
    ('--from coco --to ap10k', 'nothing that'),
    ('--to sub_jhmdb', '--from'),
])
def test_refused(coco, tmp_path, options, message):
    out = tmp_path / 'new.pth'
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        keypoints_by_name.main([str(coco), str(out), *options.split()])
    assert not out.exists()


def test_refused_sources(coco, tmp_path):
    """The source itself as output, and a video model as source."""
    before = coco.read_bytes()
    names = ['--from', 'coco', '--to', 'sub_jhmdb']
    with pytest.raises(ValueError, match='the input itself'):
        keypoints_by_name.main([str(coco), str(coco), *names])
    assert coco.read_bytes() == before
    model = model_of('VideoTopdownPoseEstimator', 'TemporalCorrelationHead',
                     17)
    torch.save(model.state_dict(), coco)
    with pytest.raises(ValueError, match='single-frame'):
        keypoints_by_name.main([str(coco), str(tmp_path / 'new.pth'), *names])
