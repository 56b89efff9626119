# Copyright (c) temporal_corr authors. All rights reserved.
"""What the page of demo/annotate.py is served by, without a browser."""
import errno
import importlib.util
import json
import time
from pathlib import Path

import numpy as np
import pytest
from pycocotools.coco import COCO

from projects.temporal_corr.apis import FrameSource, LabelFile

pytest.importorskip('fastapi')
testclient = pytest.importorskip('fastapi.testclient')


@pytest.fixture
def connect():
    """Makes a client of a session, which behaves as a page does."""
    from projects.temporal_corr.annotation.server import make_app

    class Client(testclient.TestClient):

        def call(self, method, *arguments):
            return self.post(method, json=arguments)

    def make(session):
        return Client(
            make_app(session),
            base_url=f'http://127.0.0.1:8017/{session.token}/',
            raise_server_exceptions=False)

    return make


def pose(frame=2, track_id=0, shift=0., visibility=2, **more):
    """A label in a frame of 64 x 48 pixels, hidden at the first keypoint and
    open at the second."""
    points = np.random.default_rng(1).uniform((12, 10), (50, 38), (15, 2))
    rows = np.column_stack([points.round(2) + shift, np.full(15, visibility)])
    rows[0, 2], rows[1, 2] = 1, 0
    return dict(
        dict(frame=frame, track_id=track_id, keypoints=rows.tolist(),
             bbox=[5, 5, 60, 44]), **more)  # yapf: disable


def pairs(*poses):
    """Poses as the page has them, by frame and person."""
    frames = {}
    for row in poses:
        people = frames.setdefault(row['frame'], [])
        people.append((row['track_id'], row))
    return list(frames.items())


def flat(pairs):
    """The same as a list."""
    return [
        dict(row, frame=frame, track_id=track_id) for frame, people in pairs
        for track_id, row in people
    ]


def put(client, poses, revision):
    return client.call('save', pairs(*poses), revision)


def test_labels_are_a_coco_file(open_session, connect, tmp_path):
    """Read by COCO's own API, by this project, and by the page again."""
    session = open_session()
    client = connect(session)
    revision = client.call('describe').json()['revision']
    poses = [pose(4, 7), pose(2, 0), pose(2, 7, 0.5)]
    assert put(client, poses, revision).status_code == 200
    path = tmp_path / 'clip_labels.json'
    coco = COCO(str(path))
    assert [image['frame_index'] for image in coco.loadImgs(coco.getImgIds())
            ] == [2, 4]
    category, = coco.loadCats(coco.getCatIds())
    assert np.min(category['skeleton']) == 1
    for entry in coco.loadAnns(coco.getAnnIds()):
        x, y, w, h = entry['bbox']
        rows = np.reshape(entry['keypoints'], (15, 3))
        assert rows[:3, 2].tolist() == [1, 0, 2] and not rows[1].any()
        seen = rows[rows[:, 2] > 0, :2]
        assert (seen >= (x, y)).all() and (seen <= (x + w, y + h)).all()
        assert 0 <= x and 0 <= y and x + w <= 64 and y + h <= 48
        assert entry['area'] == pytest.approx(w * h)
        assert entry['num_keypoints'] == 14
        assert entry['attributes'] == dict(track_id=entry['track_id'])
    file = LabelFile(str(path), session.source, category['keypoints'])
    assert [(frame, label.track_id) for frame, row in file.frames.items()
            for label in row] == [(2, 0), (2, 7), (4, 7)]
    assert np.isnan(file.frames[4][0].keypoints[1]).all()
    state = connect(open_session()).call('describe').json()
    assert state == client.call('describe').json()
    for row, given in zip(flat(state['labels']), (poses[1], poses[2],
                                                  poses[0])):
        assert (row['frame'], row['track_id']) == (given['frame'],
                                                   given['track_id'])
        values = np.array(given['keypoints'])
        values[values[:, 2] == 0] = 0
        assert np.array_equal(row['keypoints'], values)
    # Nothing labelled is no reason not to go on.
    assert put(client, [], session.revision).status_code == 200
    assert open_session().labels == {}


@pytest.mark.parametrize('method, path, status, more', [
    ('POST', 'describe', 200, dict(json=[])),
    ('GET', 'annotate.js', 200, {}),
    ('POST', 'remove', 200, dict(json=[0])),
    ('GET', 'frames/0', 200, {}),
    # Another site that resolves to this computer.
    ('POST', 'describe', 400, dict(json=[], headers=dict(Host='evil.net'))),
    # What another site, or another page, would ask for.
    ('POST', '/describe', 404, dict(json=[])),
    ('POST', '/0123456789abcdef/describe', 404, dict(json=[])),
    ('POST', '/0123456789abcdef/follow', 404, dict(json=[])),
    ('GET', '/', 404, {}),
    ('GET', '/annotate.js', 404, {}),
    ('GET', '/0123456789abcdef/frames/0', 404, {}),
    # What is no call of the page.
    ('POST', '__class__', 422, dict(json=[])),
    ('POST', 'coco', 422, dict(json=[])),
    ('POST', '_read', 422, dict(json=['/etc/passwd'])),
    ('POST', 'save', 422, dict(json=[[]])),  # no revision
    ('POST', 'follow', 422, dict(json=dict(a=1))),
    ('POST', 'save', 413, dict(content=b'[' + b' ' * 2**25 + b']')),
    ('GET', 'frames/6', 404, {}),
    ('GET', 'frames/-1', 422, {}),
    ('GET', 'frames/..%2f..%2fclip.avi', 404, {}),
    ('GET', '..%2fsession.py', 404, {}),
    ('GET', 'clip_labels.json', 404, {}),
])  # yapf: disable
def test_requests(open_session, connect, method, path, status, more):
    client = connect(open_session())
    if path.startswith('/'):  # not below the token of the page
        path = f'http://127.0.0.1:8017{path}'
    answer = client.request(method, path, **more)
    assert answer.status_code == status
    assert "default-src 'self'" in answer.headers['Content-Security-Policy']


@pytest.mark.parametrize('change, field', [
    (dict(frame=6), 'frame 6'),
    (dict(frame=-1), 'frame'),
    (dict(track_id='a'), '.0.1.0.0'),
    (dict(bbox=[1, 2, 3]), 'bbox'),
    (dict(keypoints=[[1, 2, 2]]), 'keypoints'),
    (dict(keypoints=[[1, 2, 0]] * 15), 'keypoints'),
    (dict(keypoints=[[1, 2, 3]] * 15), 'keypoints'),
    (dict(keypoints=[[1e999, 2, 2]] * 15), 'keypoints'),
])
def test_bad_labels(open_session, connect, tmp_path, change, field):
    client = connect(session := open_session())
    answer = client.post(
        'save',
        content=json.dumps([pairs(pose(**change)), session.revision]),
        headers={'Content-Type': 'application/json'})
    assert answer.status_code == 422 and field in answer.text
    assert not (tmp_path / 'clip_labels.json').exists()


def test_two_pages_on_one_file(open_session, connect, tmp_path):
    """Of two tabs, and of two programs, the later one is told."""
    client = connect(session := open_session())
    old = session.revision
    answer = put(client, [pose()], old)
    assert answer.status_code == 200 and answer.json() == session.revision
    answer = put(client, [pose(3)], old)
    assert answer.status_code == 409 and 'clip_labels.json' in answer.text
    # The answer of a save was lost, and it is sent again.
    assert put(client, [pose()], old).status_code == 200
    known, other = session.revision, open_session()
    assert put(connect(other), [pose(5)], other.revision).status_code == 200
    assert client.call('progress', 0).json()['revision'] != known
    assert put(client, [pose(3)], known).status_code == 409
    state = client.call('describe').json()  # the page reloads
    assert [label['frame'] for label in flat(state['labels'])] == [5]
    assert put(client, [pose(3)], state['revision']).status_code == 200
    assert [*open_session().labels] == [3]
    # What cannot be read is neither taken nor overwritten.
    known, path = session.revision, tmp_path / 'clip_labels.json'
    path.write_text('{')
    assert client.call('describe').status_code == 422
    assert put(client, [pose(4)], known).status_code == 409
    assert path.read_text() == '{'


def test_full_disk(open_session, connect, tmp_path, monkeypatch):
    client = connect(session := open_session())
    path = tmp_path / 'clip_labels.json'
    put(client, [pose()], session.revision)
    before = path.read_text()

    def full(self, text, **kwargs):
        self.write_bytes(text[:50].encode())
        raise OSError(errno.ENOSPC, 'No space left on device')

    with monkeypatch.context() as patch:
        patch.setattr(Path, 'write_text', full)
        answer = put(client, [pose(), pose(3)], session.revision)
        assert answer.status_code == 507
        assert 'clip_labels.json' in answer.text and 'No space' in answer.text
    assert path.read_text() == before
    assert sorted(tmp_path.glob('*.json')) == [path]
    assert 'No space' in session.failure  # told when the server ends
    state = client.call('describe').json()  # a page that is opened now
    assert flat(state['labels'])[0]['frame'] == 2 and len(
        state['labels']) == 1
    # The page that has them tries again.
    again = [pose(), pose(3)]
    assert put(client, again, state['revision']).status_code == 200
    assert session.failure == ''
    assert [*open_session().labels] == [2, 3]


@pytest.mark.parametrize('change, message', [
    (lambda file: file['info'].update(num_frames=7), 'num_frames is 7'),
    (lambda file: file['images'][0].update(width=640), '640 x 48'),
    (lambda file: file['images'][0].update(file_name='other/1.png'),
     'file_name'),
    # All that it holds is written again, or it is not touched.
    (lambda file: file['annotations'][0].update(labelled=False), 'labelled'),
    (lambda file: file.pop('info'), '--labels'),
    (lambda file: file['annotations'].append(
        dict(file['annotations'][0], id=9, track_id=1, labelled=False)),
     '--labels'),
])  # yapf: disable
def test_file_of_something_else(open_session, tmp_path, change, message):
    session = open_session()
    session.save(pairs(pose()), session.revision)
    path = tmp_path / 'clip_labels.json'
    content = json.loads(path.read_text())
    change(content)
    path.write_text(json.dumps(content))
    with pytest.raises(ValueError, match=message):
        open_session()
    assert json.loads(path.read_text()) == content


def test_import(open_session, tmp_path):
    """Labels of CVAT: its names of frames, who it is in attributes."""
    session = open_session()
    session.save(pairs(pose(3, 1)), session.revision)
    content = json.loads((tmp_path / 'clip_labels.json').read_text())
    del content['info']
    image, = content['images']
    image.pop('frame_index')
    image['file_name'] = 'frame_000003.PNG'
    entry, = content['annotations']
    entry['attributes'] = dict(track_id=entry.pop('track_id'))
    (tmp_path / 'cvat.json').write_text(json.dumps(content))
    found = open_session(out='new.json', imported=str(tmp_path / 'cvat.json'))
    (frame, (label, )), = found.labels.items()
    assert (frame, label.track_id) == (3, 1)
    np.testing.assert_allclose(label.keypoints, session.labels[3][0].keypoints)
    with pytest.raises(ValueError, match='--labels'):
        open_session(imported=str(tmp_path / 'cvat.json'))


def wait(client):
    """Until the model has followed; returns what was told at last."""
    for _ in range(600):
        progress = client.call('progress', 0).json()
        if not progress['running']:
            return dict(progress, poses=flat(progress['poses']))
        time.sleep(0.1)
    raise TimeoutError


def test_follow_as_the_demo_does(open_session, connect, demo, model_files,
                                 tmp_path):
    """The same labels give the same poses on the page and by --prompt."""
    client = connect(session := open_session())
    put(client, [pose(1), pose(4, 3)], session.revision)
    client.call('follow')
    progress = wait(client)
    assert progress['done'] == 6 and progress['ended'] == ''
    since = progress['since']
    assert client.call('progress', since).json()['poses'] == []
    out = tmp_path / 'out'
    demo.main([
        *model_files, '--input', session.source.path, '--prompt', session.path,
        '--pred-out-dir', str(out)
    ])
    expected = json.loads((out / 'clip_coco.json').read_text())['annotations']
    found = client.get('export?predictions=true').json()['annotations']
    keys = [(row['image_id'], row['track_id'], row['labelled'])
            for row in expected]
    assert sorted(keys) == sorted(
        (row['image_id'], row['track_id'], row['labelled']) for row in found)
    for row in found:
        if not row['labelled']:
            key = row['image_id'], row['track_id'], False
            np.testing.assert_allclose(
                row['keypoints'], expected[keys.index(key)]['keypoints'])
    suggestion = client.call('suggestion').json()
    assert len(suggestion['doubt']) == 6
    assert (suggestion['frame'], suggestion['track_id']) not in [(1, 0),
                                                                 (4, 3)]
    # The labels alone are what was saved.
    assert client.get('export').text == Path(session.path).read_text()


def test_people_who_are_not_labelled(open_session, connect):
    """They stay as they are until they are removed."""
    client = connect(session := open_session())

    def people():
        poses = wait(client)['poses']
        return [row for row in poses if row['track_id'] == 0], {
            (row['frame'], row['track_id'])
            for row in poses
        }

    client.call('follow')
    wait(client)
    alone = people()[0]
    put(client, [pose(2, 1)], session.revision)
    client.call('follow')
    since = wait(client)['since']
    assert people() == (alone, {(i, k) for i in range(6) for k in (0, 1)})
    exported = client.get('export?predictions=true').json()['annotations']
    assert len(exported) == 12
    client.call('remove', 0)
    assert people() == ([], {(i, 1) for i in range(6)})
    # A page that knew of them is told of all frames that changed.
    progress = client.call('progress', since).json()
    assert len(progress['poses']) == len(flat(progress['poses'])) == 6
    assert client.call('progress', progress['since']).json()['poses'] == []
    # A server that was started again has none in any frame.
    again = connect(open_session()).call('progress', since).json()
    assert again['poses'] == [[frame, []] for frame in range(6)]


def test_person_in_a_box(open_session, connect):
    client = connect(open_session())
    answer = client.call('pose_in', 3, [8, 6, 50, 40])
    assert np.shape(answer.json()['keypoints']) == (15, 3)
    for frame, box, status in ((3, [8, 6, 8, 40], 422), (3, [8, 6, 50], 422),
                               (-1, [8, 6, 50, 40], 422),
                               (6, [8, 6, 50, 40], 404)):
        assert client.call('pose_in', frame, box).status_code == status


def test_video_that_ends_early(open_session, connect, noise):
    path = Path(noise(12))
    content = path.read_bytes()
    path.write_bytes(content[:len(content) * 2 // 3])
    readable = sum(1 for _ in FrameSource(str(path)))
    assert 0 < readable < 12
    client = connect(open_session(str(path)))
    state = client.call('describe').json()
    assert state['num_frames'] == readable
    assert client.get(f'frames/{readable - 1}').status_code == 200
    assert client.get(f'frames/{readable}').status_code == 404
    client.call('follow')
    progress = wait(client)
    assert progress['done'] == readable and '12' in progress['ended']


@pytest.fixture(scope='module')
def annotate(repo_root):
    spec = importlib.util.spec_from_file_location(
        'annotate', repo_root / 'demo/annotate.py')
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_command_line(annotate, open_session, tmp_path):
    session = open_session()
    session.save(pairs(pose()), session.revision)
    labels = session.path
    args = annotate.parse_args(['--input', labels])
    video, out = annotate.find_files(args)
    assert Path(video).samefile(session.source.path) and out == labels
    args = annotate.parse_args(['--input', session.source.path])
    assert annotate.find_files(args) == (session.source.path, labels)
    (tmp_path / 'other.json').write_text('{}')
    with pytest.raises(ValueError, match='--labels'):
        annotate.find_files(
            annotate.parse_args(['--input', str(tmp_path / 'other.json')]))
    with annotate.listen(0) as taken:
        host, port = taken.getsockname()
        assert host == '127.0.0.1'
        with pytest.raises(ValueError, match='--port 0'):
            annotate.listen(port)
