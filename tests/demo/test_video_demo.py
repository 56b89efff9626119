# Copyright (c) temporal_corr authors. All rights reserved.
import json
import os
import signal
import subprocess
import sys
import time
from types import SimpleNamespace

import cv2
import numpy as np
import pytest
import torch

from projects.temporal_corr.apis import (FrameSource, LabelFile,
                                         VideoPoseInferencer)
from projects.temporal_corr.smoothing import build_smoother


@pytest.fixture(scope='module')
def model(tiny_config, tmp_path_factory):
    """Config and checkpoint of an untrained model."""
    torch.manual_seed(0)
    built = VideoPoseInferencer(tiny_config).model
    path = tmp_path_factory.mktemp('model') / 'model.pth'
    torch.save(dict(state_dict=built.state_dict(), meta={}), path)
    return [str(tiny_config), str(path)]


@pytest.fixture
def clip(tmp_path):
    """Makes a video of noise."""

    def make(count=6, size=(64, 48), fps=12.5):
        path = str(tmp_path / 'clip.avi')
        writer = cv2.VideoWriter(
            path, cv2.VideoWriter_fourcc(*'MJPG'), fps, size)
        rng = np.random.default_rng(0)
        for _ in range(count):
            writer.write(
                rng.integers(0, 256, (size[1], size[0], 3), dtype=np.uint8))
        writer.release()
        return path

    return make


def read(out, stem='clip'):
    """Rate and pictures of the video, and the predictions by frame."""
    video = cv2.VideoCapture(f'{out}/{stem}.mp4')
    pictures = []
    while True:
        success, image = video.read()
        if not success:
            break
        pictures.append(image)
    with open(f'{out}/{stem}.json') as file:
        info = json.load(file)['instance_info']
    assert [frame['frame_id'] for frame in info] == [*range(len(info))]
    return (video.get(cv2.CAP_PROP_FPS), pictures,
            [frame['instances'] for frame in info])


def run(demo, model, path, out, *args):
    return demo.main([
        *model, '--input', path, '--vis-out-dir', out, '--pred-out-dir', out,
        *args
    ])


def test_whole_frame(demo, model, clip, tmp_path, capsys):
    out = str(tmp_path / 'out')
    assert run(demo, model, clip(), out, '--draw-heatmap', '--draw-bbox') == 0
    rate, pictures, instances = read(out)
    assert rate == 12.5 and len(pictures) == len(instances) == 6
    assert pictures[0].shape == (96, 64, 3)
    for people in instances:
        person, = people
        assert person['track_id'] == 0
        # 1.25 times as large, it is the frame.
        np.testing.assert_allclose(person['bbox'], [[6.4, 4.8, 57.6, 43.2]])
        assert np.shape(person['keypoints']) == (15, 2)
        assert len(person['keypoint_scores']) == 15
    assert f'{out}/clip.mp4' in capsys.readouterr().out


def test_boxes_cuts_and_broken_frames(demo, model, tmp_path, capsys):
    """What the demo writes is what the inferencer returns, shot by shot."""
    folder, out = tmp_path / 'frames', str(tmp_path / 'out')
    folder.mkdir()
    rng = np.random.default_rng(0)
    images = rng.integers(0, 256, (12, 47, 61), dtype=np.uint8)
    for number, image in enumerate(images):
        cv2.imwrite(str(folder / f'{number}.png'), image)  # grey
    (folder / '7.png').write_bytes(b'broken')
    shown = {3: [4], 4: [4, 9], 5: [], 6: [9], 7: [4], 8: [4], 10: [9, 4]}
    boxes = {4: [3, 4, 40, 30], 9: [20, 5, 38, 40]}
    file = tmp_path / 'boxes.json'
    file.write_text(
        json.dumps([
            dict(file_name=f'{number}.png', bbox=boxes[i], track_id=i)
            for number, ids in shown.items() for i in ids
        ] + [dict(file_name='gone.png', bbox=[0, 0, 1, 1], track_id=1)]))
    assert run(demo, model, str(folder), out, '--bbox-file', str(file),
               '--cuts', '4,10,40', '--fps', '5', '--smooth', 'none') == 0
    rate, pictures, instances = read(out, 'frames')
    assert rate == 5 and len(pictures) == 12
    assert pictures[0].shape == (48, 62, 3)  # even
    inferencer = VideoPoseInferencer(*model)
    for number, people in enumerate(instances):
        ids = [] if number == 7 else shown.get(number, [])
        if number in (4, 10):
            inferencer.reset()
        x = np.array([boxes[i] for i in ids]).reshape(-1, 4)
        x[:, 2:] += x[:, :2]
        expected = inferencer(images[number], x, ids)
        assert [person['track_id'] for person in people] == ids
        for person, sample in zip(people, expected):
            assert np.array_equal(person['keypoints'],
                                  sample.pred_instances.keypoints[0])
    text = capsys.readouterr().out
    assert '1 of 12 frames' in text and '(7, from 0)' in text
    assert '1 entries are left out' in text and 'file_name' in text
    assert 'no frames [40]' in text


def test_boxes_without_identities_are_tracked(demo, model, clip, tmp_path,
                                              capsys):
    """Of the category that the user names: classes may count from 0."""
    out, path, file = str(tmp_path / 'out'), clip(), tmp_path / 'boxes.json'
    file.write_text(
        json.dumps([
            dict(image_id=t, bbox=[x, 5, 20, 30], score=0.9, category_id=c)
            for t in range(6) for x, c in ((2, 0), (35, 0),
                                           (9, 1))[::1 if t % 2 else -1]
        ]))
    with pytest.raises(ValueError, match='category_id.*--bbox-cat'):
        run(demo, model, path, out, '--bbox-file', str(file))
    assert run(demo, model, path, out, '--bbox-file', str(file), '--bbox-cat',
               '0') == 0
    assert '6 entries are left out' in capsys.readouterr().out
    lefts = [{(person['track_id'], person['bbox'][0][0])
              for person in people} for people in read(out)[2]]
    assert lefts == [lefts[0]] * 6 and len(dict(lefts[0])) == 2


def test_labels_about_nobody(demo, model, clip, tmp_path, capsys):
    """Said before the first frame, of a box and of a file of boxes."""
    out, path = str(tmp_path / 'out'), clip()
    names = list(
        VideoPoseInferencer(*model).dataset_meta['keypoint_id2name'].values())
    labels, boxes = tmp_path / 'labels.json', tmp_path / 'boxes.json'
    label = dict(image_id=1, keypoints=[20, 20, 2] * 15, track_id=3)
    labels.write_text(
        json.dumps(
            dict(
                images=[dict(id=1, frame_index=4)],
                annotations=[label],
                categories=[dict(id=1, keypoints=names)])))
    boxes.write_text(
        json.dumps([dict(image_id=1, bbox=[2, 5, 30, 30], track_id=3)]))
    prompt = ['--prompt', str(labels)]
    with pytest.raises(ValueError, match=r'\[3\].*\[0\].*track_id'):
        run(demo, model, path, out, '--bbox', '1,2,30,40', *prompt)
    assert run(demo, model, path, out, '--bbox-file', str(boxes), *prompt) == 0
    assert '[3] have no box in frame 4' in capsys.readouterr().out
    # The label is not lost, and the file can be given again.
    coco = tmp_path / 'out/clip_coco.json'
    again = LabelFile(str(coco), FrameSource(path), names).frames
    assert list(again) == [4] and again[4][0].track_id == 3
    assert (again[4][0].keypoints == 20).all()


def test_one_box_for_each_shot(demo, model, clip, tmp_path):
    """A person may be cut off by the border."""
    out = str(tmp_path / 'out')
    assert run(demo, model, clip(), out, '--bbox', '1,2,30,40', '40,-3,30,60',
               '--cuts', '3') == 0
    boxes = [people[0]['bbox'][0] for people in read(out)[2]]
    assert boxes[0] == [1, 2, 31, 42] and boxes[3] == [40, 0, 64, 48]


@pytest.mark.parametrize('boxes, message', [
    # 30,20 to 60,40: as w and h they end at 90,60, outside of 64 x 48
    (['30,20,60,40'], r'frame of 64x48 pixels.*30,20,30,20.*30,20,34,28'),
    (['70,2,10,10'], 'outside of the frame, which has 64x48 pixels'),
    (['5,-20,20,10'], 'outside of the frame'),
    # the box of a later shot, before anything is predicted
    (['1,2,30,40', '70,2,10,10'], 'outside of the frame'),
])
def test_boxes_that_are_not_in_the_frame(demo, model, clip, tmp_path, boxes,
                                         message):
    out = tmp_path / 'out'
    cuts = ['--cuts', '3'] if len(boxes) > 1 else []
    with pytest.raises(ValueError, match=message):
        run(demo, model, clip(), str(out), '--bbox', *boxes, *cuts)
    assert not list(out.glob('*'))


def test_poses_that_nothing_speaks_for(demo, model, clip, tmp_path, capsys):
    """An untrained model: the peaks of its heatmaps are low."""
    out, path, file = str(tmp_path / 'out'), clip(), tmp_path / 'boxes.json'
    file.write_text(
        json.dumps(
            [dict(image_id=1, bbox=[2, 5, 20, 30], score=0.1, track_id=3)]))
    for args, words in (
        (('--kpt-thr', '0.9'), 'Warning: 0.0 % of the keypoints'),
        (('--kpt-thr', '0.9'), '--bbox x,y,w,h, or --det-model'),
        (('--kpt-thr', '0.9', '--bbox', '1,2,30,40'), '--draw-bbox'),
        (('--kpt-thr', '0'), None),
        (('--bbox-file', str(file)), 'nobody is in any'),
    ):
        assert run(demo, model, path, out, *args) == 0
        text = capsys.readouterr().out
        assert words in text if words else 'Warning' not in text


def test_one_image(demo, model, tmp_path):
    cv2.imwrite(str(tmp_path / 'one.jpg'), np.zeros((47, 61, 3), np.uint8))
    out = str(tmp_path / 'out')
    assert run(demo, model, str(tmp_path / 'one.jpg'), out) == 0
    assert cv2.imread(f'{out}/one.png').shape == (48, 62, 3)
    assert os.path.isfile(f'{out}/one.json')


@pytest.mark.parametrize('name', ['one-euro', 'gaussian', 'savgol'])
def test_smoothing(demo, model, clip, tmp_path, name):
    """Of what was predicted without it: boxes follow the raw poses."""
    path = clip(16)
    args = '--bbox', '1,2,30,40', '5,6,30,40', '--cuts', '8'
    raw, out = str(tmp_path / 'raw'), str(tmp_path / 'out')
    assert run(demo, model, path, raw, *args, '--smooth', 'none') == 0
    assert run(demo, model, path, out, *args, '--smooth', name) == 0
    (_, _, expected), (rate, pictures, found) = read(raw), read(out)
    assert rate == 12.5 and len(pictures) == len(found) == 16
    cfg = dict(demo.SMOOTHING[name])
    if name == 'one-euro':
        cfg['fps'] = rate
    for shot in (slice(0, 8), slice(8, 16)):
        points, scores = (
            np.array([people[0][key] for people in expected[shot]])
            for key in ('keypoints', 'keypoint_scores'))
        np.testing.assert_allclose(
            [people[0]['keypoints'] for people in found[shot]],
            build_smoother(cfg)(points, scores, range(8)),
            atol=1e-3)
    for key in ('bbox', 'keypoint_scores', 'track_id'):
        assert [people[0][key] for people in found
                ] == [people[0][key] for people in expected]
    assert found != expected


def test_a_recording_that_loses_frames_on_the_way(demo, model, clip, tmp_path,
                                                  monkeypatch):
    """It is read twice for a smoothing that looks ahead."""
    path, write = clip(), demo.write_again

    def shorter(args, *others):
        clip(4)
        return write(args, *others)

    monkeypatch.setattr(demo, 'write_again', shorter)
    with pytest.raises(ValueError, match='had 6 frames and now has 4'):
        run(demo, model, path, str(tmp_path / 'out'), '--smooth', 'gaussian')


def test_a_camera_has_no_frames_to_come(demo, model, monkeypatch):
    camera = SimpleNamespace(kind='webcam', path='webcam:0', fps=25)
    monkeypatch.setattr(demo, 'FrameSource', lambda *args: camera)
    with pytest.raises(ValueError, match='one-euro'):
        run(demo, model, 'webcam:0', 'out', '--smooth', 'gaussian')


@pytest.mark.parametrize('args, message', [
    ('--input a.mp4', 'give --vis-out-dir'),
    ('--vis-out-dir o', 'required: --input'),
    ('--bbox 1,2,3', 'give x,y,w,h'),
    ('--bbox 1,2,3,-4', 'give x,y,w,h'),
    ('--bbox 1,2,3,nan', 'give x,y,w,h'),
    ('--cuts 3,x', 'invalid frames value'),
    ('--det-model c.py', '--det-weights'),
    ('--bbox 1,1,1,1 --bbox-file f', 'not allowed with'),
    ('--bbox 1,2,3,4 2,3,4,5', '2 boxes, and --cuts makes 1 shots'),
    ('--bbox 1,2,3,4 --cuts 0,5,9', '1 boxes, and --cuts makes 3 shots'),
    ('--max-age -1', '--max-age: -1 is not'),
    ('--max-age 1.5', 'invalid int value'),
    ('--fps 0', '--fps: 0 is not'),
    ('--fps inf', '--fps: inf is not'),
    ('--kpt-thr nan', '--kpt-thr: nan is not'),
    ('--bbox-thr 30', '--bbox-thr: 30 is not'),
    ('--nms-thr -.1', '--nms-thr'),
    ('--radius 0', '--radius: 0 is not'),
    ('--thickness -1', '--thickness: -1 is'),
    ('--det-cat-id -1', '--det-cat-id: -1'),
    ('--smooth median', 'savgol'),
    ('--draw-heatmap --smooth savgol', '--draw-heatmap'),
    ('--bbox-cat 1', '--bbox-file'),
])
def test_bad_command_lines(demo, model, capsys, args, message):
    if '-dir' not in args and '--input' not in args:
        args = f'--input a.mp4 --show {args}'
    with pytest.raises(SystemExit):
        demo.main([*model, *args.split()])
    assert message in capsys.readouterr().err


def test_model_that_fails_later(demo, model, clip, tmp_path, capsys,
                                monkeypatch):
    """What is there is kept, and the exit status tells."""
    calls = []
    inferencer = demo.VideoPoseInferencer
    whole = inferencer.__call__

    def fail(self, *args):
        calls.append(args)
        if len(calls) == 4:
            raise RuntimeError('out of memory')
        return whole(self, *args)

    monkeypatch.setattr(inferencer, '__call__', fail)
    out = str(tmp_path / 'out')
    assert run(demo, model, clip(), out) == 1
    assert 'frame 3 failed (out of memory)' in capsys.readouterr().out
    _, pictures, instances = read(out)
    assert len(pictures) == len(instances) == 3


def test_interrupted_run_leaves_usable_files(repo_root, model, clip,
                                             tmp_path):
    out = str(tmp_path / 'out')
    process = subprocess.Popen(
        [
            sys.executable,
            str(repo_root / 'demo/video_demo.py'), *model, '--input',
            clip(500), '--vis-out-dir', out, '--pred-out-dir', out
        ],
        cwd=tmp_path,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True)
    try:
        deadline = time.time() + 120
        # The frames appear in a hidden file first.
        while process.poll() is None and time.time() < deadline:
            parts = [
                os.path.getsize(os.path.join(out, name))
                for name in (os.listdir(out) if os.path.isdir(out) else [])
                if name.endswith('.json')
            ]
            if parts and max(parts) > 8192:
                break
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        text, errors = process.communicate(timeout=60)
    finally:
        process.kill()
    assert process.returncode == 1, errors
    _, pictures, instances = read(out)
    assert 0 < len(pictures) == len(instances) < 500
    assert f'interrupted: the files hold the {len(pictures)} frames' in text
    assert sorted(os.listdir(out)) == [
        'clip.json', 'clip.mp4', 'clip_coco.json'
    ]
