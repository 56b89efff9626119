# Copyright (c) temporal_corr authors. All rights reserved.
import json
import os
import signal
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from projects.temporal_corr.apis import (FrameSource, LabelFile,
                                         VideoPoseInferencer)
from projects.temporal_corr.smoothing import build_smoother

#: Keypoints of a frame, in pixels.
LABEL = np.stack([np.arange(8., 38, 2), np.arange(6., 21)], axis=1)


@pytest.fixture
def model(tiny_model_files):
    """Config and checkpoint of a model that finds nobody."""
    return tiny_model_files(std=0.05)


@pytest.fixture
def run(demo, model, tmp_path):
    """Runs the demo; files go to the folder out."""
    out = str(tmp_path / 'out')
    return lambda path, *args, model=model: demo.main([
        *model, '--input', path, '--vis-out-dir', out, '--pred-out-dir', out,
        *args
    ])


@pytest.fixture
def write_json(tmp_path):
    """Writes a file of boxes or labels."""

    def write(content):
        (tmp_path / 'file.json').write_text(json.dumps(content))
        return str(tmp_path / 'file.json')

    return write


@pytest.fixture
def read(tmp_path):
    """Reads rate and pictures of the video, and predictions by frame."""

    def call(stem='clip'):
        video = cv2.VideoCapture(str(tmp_path / f'out/{stem}.mp4'))
        pictures = []
        success, image = video.read()
        while success:
            pictures.append(image)
            success, image = video.read()
        info = json.loads((tmp_path / f'out/{stem}.json').read_text())
        info = info['instance_info']
        assert [frame['frame_id'] for frame in info] == [*range(len(info))]
        assert len(info) == len(pictures)
        return (video.get(cv2.CAP_PROP_FPS), pictures,
                [frame['instances'] for frame in info])

    return call


def test_whole_frame(run, noise, read, tmp_path, capsys):
    assert run(noise(), '--draw-heatmap', '--draw-bbox') == 0
    rate, pictures, instances = read()
    assert rate == 12.5 and len(instances) == 6
    assert pictures[0].shape == (96, 64, 3)
    for person, in instances:
        assert person['track_id'] == 0
        # 1.25 times as large, it is the frame.
        np.testing.assert_allclose(person['bbox'], [[6.4, 4.8, 57.6, 43.2]])
    assert f'{tmp_path}/out/clip.mp4' in capsys.readouterr().out


def test_boxes_cuts_and_broken_frames(run, model, read, write_images,
                                      write_json, capsys):
    """What the demo writes is what the inferencer returns, shot by shot."""
    images = np.random.default_rng(0).integers(
        0, 256, (12, 47, 61), dtype=np.uint8)  # grey
    pictures = {f'{i}.png': image for i, image in enumerate(images)}
    folder = write_images({**pictures, '7.png': None})
    shown = {3: [4], 4: [4, 9], 5: [], 6: [9], 7: [4], 8: [4], 10: [9, 4]}
    boxes = {4: [3, 4, 40, 30], 9: [20, 5, 38, 40]}
    file = write_json([
        dict(file_name=f'{number}.png', bbox=boxes[i], track_id=i)
        for number, ids in shown.items() for i in ids
    ] + [dict(file_name='gone.png', bbox=[0, 0, 1, 1], track_id=1)])
    assert run(
        folder, '--bbox-file', file, '--cuts', '4,10,40', '--fps', '5',
        '--smooth', 'none') == 0
    rate, pictures, instances = read('frames')
    assert rate == 5 and pictures[0].shape == (48, 62, 3)  # even
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
    for words in ('1 of 12 frames', '(7, from 0)', '1 entries are left out',
                  'file_name', 'no frames [40]'):
        assert words in text


def test_boxes_without_identities_are_tracked(run, noise, read, write_json,
                                              capsys):
    """Of the category that the user names: classes may count from 0."""
    file = write_json([
        dict(image_id=t, bbox=[x, 5, 20, 30], score=0.9, category_id=c)
        for t in range(6) for x, c in ((2, 0), (35, 0),
                                       (9, 1))[::1 if t % 2 else -1]
    ])
    assert run(noise(), '--bbox-file', file, '--bbox-cat', '0') == 0
    assert '6 entries are left out' in capsys.readouterr().out
    lefts = [{(person['track_id'], person['bbox'][0][0])
              for person in people} for people in read()[2]]
    assert lefts == [lefts[0]] * 6 and len(dict(lefts[0])) == 2


@pytest.fixture
def names(model):
    return list(
        VideoPoseInferencer(*model).dataset_meta['keypoint_id2name'].values())


@pytest.fixture
def prompt(names, tmp_path):
    """The flag of a file with person 3 as the label of frame 4."""
    keypoints = np.c_[LABEL, [2] * 15].ravel().tolist()
    content = dict(
        images=[dict(id=1, frame_index=4)],
        annotations=[dict(image_id=1, keypoints=keypoints, track_id=3)],
        categories=[dict(id=1, keypoints=names)])
    (tmp_path / 'labels.json').write_text(json.dumps(content))
    return ['--prompt', str(tmp_path / 'labels.json')]


def test_labels_about_nobody(run, noise, prompt, names, tmp_path, write_json,
                             capsys):
    """Said before the first frame, of a box and of a file of boxes."""
    path = noise()
    with pytest.raises(ValueError, match=r'\[3\].*\[0\].*track_id'):
        run(path, '--bbox', '1,2,30,40', *prompt)
    boxes = write_json([dict(image_id=1, bbox=[2, 5, 30, 30], track_id=3)])
    assert run(path, '--bbox-file', boxes, *prompt) == 0
    assert '[3] have no box in frame 4' in capsys.readouterr().out
    # The label is not lost, and the file can be given again.
    coco = str(tmp_path / 'out/clip_coco.json')
    again = LabelFile(coco, FrameSource(path), names).frames
    assert list(again) == [4] and again[4][0].track_id == 3
    assert (again[4][0].keypoints == LABEL).all()


def test_with_labels(run, model_files, noise, prompt, read):
    """What is drawn does not change poses; smoothing is through labels."""
    path = noise()

    def people(*args):
        # of a model whose poses move the box, as they are sure enough
        assert run(path, *prompt, *args, model=model_files) == 0
        return [person for person, in read()[2]]

    poses = people('--smooth', 'whittaker')
    assert people('--kpt-thr', '0') == people('--kpt-thr', '1') == poses
    assert len({tuple(pose['bbox'][0]) for pose in poses}) > 2
    assert poses[4]['keypoints'] == LABEL.tolist()
    # Whittaker keeps no heatmaps.
    assert people('--draw-heatmap') == people('--smooth', 'one-euro') != poses


def test_one_box_for_each_shot(run, noise, read):
    """A person may be cut off by the border."""
    assert run(noise(), '--bbox', '1,2,30,40', '40,-3,30,60', '--cuts',
               '3') == 0
    boxes = [people[0]['bbox'][0] for people in read()[2]]
    assert boxes[0] == [1, 2, 31, 42] and boxes[3] == [40, 0, 64, 48]


@pytest.mark.parametrize('boxes, message', [
    # 30,20 to 60,40: as w and h they end at 90,60, outside of 64 x 48
    (['30,20,60,40'], r'frame of 64x48 pixels.*30,20,30,20.*30,20,34,28'),
    (['5,-20,20,10'], 'outside of the frame, which has 64x48 pixels'),
    # the box of a later shot, before anything is predicted
    (['1,2,30,40', '70,2,10,10'], 'outside of the frame'),
])
def test_boxes_that_are_not_in_the_frame(run, noise, tmp_path, boxes, message):
    cuts = ['--cuts', '3'] if len(boxes) > 1 else []
    with pytest.raises(ValueError, match=message):
        run(noise(), '--bbox', *boxes, *cuts)
    assert not list(tmp_path.glob('out/*'))


def test_poses_that_nothing_speaks_for(run, noise, write_json, capsys):
    """An untrained model: the peaks of its heatmaps are low."""
    path = noise(3)
    file = write_json(
        [dict(image_id=1, bbox=[2, 5, 20, 30], score=0.1, track_id=3)])
    for args, words in (
        (('--kpt-thr', '0.9'), ('Warning: 0.0 % of the keypoints',
                                '--bbox x,y,w,h, or --det-model')),
        (('--kpt-thr', '0.9', '--bbox', '1,2,30,40'), ['--draw-bbox']),
        (('--kpt-thr', '0'), ()),
        (('--bbox-file', file), ['nobody is in any']),
    ):
        assert run(path, *args) == 0
        text = capsys.readouterr().out
        assert all(word in text for word in words)
        assert words or 'Warning' not in text


@pytest.mark.parametrize('name', ['one-euro', 'gaussian', 'whittaker'])
def test_smoothing(run, noise, read, demo, name):
    """Of what was predicted without it: boxes follow the raw poses."""
    path = noise(16)
    args = '--bbox', '1,2,30,40', '5,6,30,40', '--cuts', '8', '--smooth'
    assert run(path, *args, 'none') == 0
    rate, _, expected = read()
    assert run(path, *args, name) == 0
    _, _, found = read()
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


def test_smoothing_that_looks_ahead_needs_all_frames(run, demo, noise,
                                                     monkeypatch):
    """A recording is read twice, and a camera goes on."""
    write = demo.write_again

    def shorter(args, *others):
        noise(4)
        return write(args, *others)

    with monkeypatch.context() as patch:
        patch.setattr(demo, 'write_again', shorter)
        with pytest.raises(ValueError, match='had 6 frames and now has 4'):
            run(noise(), '--smooth', 'gaussian')
    camera = SimpleNamespace(kind='webcam', path='webcam:0', fps=25)
    monkeypatch.setattr(demo, 'FrameSource', lambda *args: camera)
    with pytest.raises(ValueError, match='one-euro'):
        run('webcam:0', '--smooth', 'gaussian')


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
    ('--fps 0', '--fps: 0 is not'),
    ('--kpt-thr nan', '--kpt-thr: nan is not'),
    ('--bbox-thr 30', '--bbox-thr: 30 is not'),
    ('--nms-thr -.1', '--nms-thr'),
    ('--radius 0', '--radius: 0 is not'),
    ('--thickness -1', '--thickness: -1 is'),
    ('--det-cat-id -1', '--det-cat-id: -1'),
    ('--smooth median', 'whittaker'),
    ('--draw-heatmap --smooth gaussian', '--draw-heatmap'),
    ('--bbox-cat 1', '--bbox-file'),
])
def test_bad_command_lines(demo, model, capsys, args, message):
    if '-dir' not in args and '--input' not in args:
        args = f'--input a.mp4 --show {args}'
    with pytest.raises(SystemExit):
        demo.main([*model, *args.split()])
    assert message in capsys.readouterr().err


@pytest.mark.parametrize('interrupted, count, told', [
    (False, 3, 'frame 3 failed (out of memory): the files hold the 3 frames'),
    (True, 4, 'interrupted: the files hold the 4 frames'),
], ids=['model fails', 'Ctrl-C'])  # yapf: disable
def test_run_that_ends_early(run, demo, noise, read, capsys, monkeypatch,
                             tmp_path, interrupted, count, told):
    """What is there is kept, and the exit status tells."""
    whole = demo.VideoPoseInferencer.__call__

    def end(self, *args):
        if self._frame_index == 3 and interrupted:
            os.kill(os.getpid(), signal.SIGINT)
        elif self._frame_index == 3:
            raise RuntimeError('out of memory')
        return whole(self, *args)

    monkeypatch.setattr(demo.VideoPoseInferencer, '__call__', end)
    assert run(noise()) == 1
    assert told in capsys.readouterr().out
    assert len(read()[2]) == count
    assert sorted(os.listdir(tmp_path / 'out')) == [
        'clip.json', 'clip.mp4', 'clip_coco.json'
    ]
