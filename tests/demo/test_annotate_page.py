# Copyright (c) temporal_corr authors. All rights reserved.
"""A browser does on the page what a person does; the file is what was done."""
import json
import os
import shutil
import socket
import threading
import time
from pathlib import Path

import numpy as np
import pytest

uvicorn = pytest.importorskip('uvicorn')
sync_api = pytest.importorskip('playwright.sync_api')
SIZE = (240, 320)
SECONDS = 60  # until a busy computer has done what a free one does at once


@pytest.fixture(scope='module')
def browser():
    with sync_api.sync_playwright() as playwright:
        own = playwright.chromium.executable_path
        found = own if os.path.exists(own) else next(
            filter(None,
                   map(shutil.which, ('chromium', 'chromium-browser',
                                      'google-chrome'))), None)
        if not found:
            pytest.skip('no browser: playwright install chromium')
        browser = playwright.chromium.launch(
            executable_path=found, args=['--no-sandbox'])
        yield browser
        browser.close()


class Server:
    """A session that is served, until it is killed."""

    def __init__(self, session, port=0):
        from projects.temporal_corr.annotation.server import make_app
        self.socket = socket.create_server(('127.0.0.1', port))
        self.port = self.socket.getsockname()[1]
        self.url = f'http://127.0.0.1:{self.port}/{session.token}/'
        self.server = uvicorn.Server(
            uvicorn.Config(
                make_app(session),
                log_level='error',
                timeout_graceful_shutdown=1))
        self.thread = threading.Thread(
            target=self.server.run, args=([self.socket], ))
        self.thread.start()

    def kill(self):
        self.server.should_exit = True
        self.thread.join()
        self.socket.close()


@pytest.fixture
def served(open_session, noise):
    """Sessions of a clip of noise that are served; killed at the end."""
    video, servers = noise(12, SIZE), []

    def make(port=0, video=video):
        session = open_session(video, f'{Path(video).stem}_labels.json')
        servers.append(Server(session, port))
        return session, servers[-1]

    yield make
    for server in servers:
        server.kill()


@pytest.fixture
def visit(browser):
    """Opens the page of a server; an error of its script is an error here."""
    context, errors = browser.new_context(), []

    def make(server):
        page = context.new_page()
        page.set_default_timeout(1000 * SECONDS)
        page.on('pageerror', lambda error: errors.append(error))
        page.goto(server.url)
        page.wait_for_selector('#stage[data-frame="0"]')
        return page

    yield make
    context.close()
    assert not errors


def until(condition):
    """Waits for what must become true."""
    end = time.monotonic() + SECONDS
    while not condition():
        assert time.monotonic() < end, condition
        time.sleep(0.05)


def labels(session):
    """Keypoints (K, 3) by frame and person, as they are in the file."""
    if not os.path.exists(session.path):
        return {}
    content = json.loads(Path(session.path).read_text())
    return {(row['image_id'] - 1, row['track_id']):
            np.reshape(row['keypoints'], (-1, 3))
            for row in content['annotations']}  # yapf: disable


def on_screen(page, point):
    """Where the centre of a pixel is: the frame fits into the canvas."""
    box = page.locator('#stage').bounding_box()
    area = np.array([box['width'], box['height']])
    scale = (area / SIZE).min()
    corner = np.array([box['x'], box['y']]) + (area -
                                               scale * np.array(SIZE)) / 2
    return corner + (np.array(point) + 0.5) * scale, scale


def drag(page, start, by):
    """Drag with the mouse, by pixels of the screen."""
    page.mouse.move(*start)
    page.mouse.down()
    page.mouse.move(*(start + np.array(by) / 2))
    page.mouse.move(*(start + by))
    page.mouse.up()


def predictions(session):
    """Predicted keypoints (K, 3) by frame and person."""
    return {(frame, track_id): np.array(pose['keypoints'])
            for frame, people in session.progress(0)['poses']
            for track_id, pose in people}  # yapf: disable


def alone(points):
    """The keypoint that is farthest from all others on the canvas, which is
    wider than the frame: an untrained model goes beyond it."""
    away = np.linalg.norm(points[:, None, :2] - points[None, :, :2], axis=-1)
    away = (away + 1e9 * np.eye(len(points))).min(axis=1)
    x, y = points[:, :2].T
    inside = (x > -50) & (x < SIZE[0] + 50) & (y >= 0) & (y < SIZE[1])
    assert inside.any()
    return int(np.where(inside, away, -1).argmax())


def add_person(page, session):
    """Draw a box in the first frame; returns the keypoints in the file."""
    page.keyboard.press('b')
    start, scale = on_screen(page, (70, 80))
    drag(page, start, np.array([100, 140]) * scale)
    until(lambda: (0, 0) in labels(session))
    return labels(session)[0, 0]


def test_label_follow_correct_undo_reload_export(served, visit):
    session, server = served()
    page = visit(server)
    before = add_person(page, session)
    # A keypoint is where it is dragged to, and the others stay.
    k = alone(before)
    place, scale = on_screen(page, before[k, :2])
    by = 30 * np.sign(np.array(SIZE) / 2 - before[k, :2])
    drag(page, place, by)
    expected = before.copy()
    expected[k, :2] += by / scale
    until(lambda: not np.array_equal(labels(session)[0, 0], before))
    np.testing.assert_allclose(labels(session)[0, 0], expected, atol=0.5)

    # The model follows into all frames; what is corrected is a label.
    page.keyboard.press('f')
    until(lambda: len(predictions(session)) == 12)
    until(lambda: not session.progress(0)['running'])
    page.wait_for_selector('#next:enabled')
    waits = []
    for frame in range(1, 6):
        page.keyboard.press('ArrowRight')
        page.wait_for_selector(f'#stage[data-frame="{frame}"]')
        waits.append(float(page.locator('#stage').get_attribute('data-ms')))
    # From the key to the picture; a busy computer may be late once.
    assert np.median(waits) < 50
    assert page.locator('#people i').inner_text() == 'model'
    guess = predictions(session)[5, 0]
    k = alone(guess)
    place, scale = on_screen(page, guess[k, :2])
    by = 120 * np.sign(np.array(SIZE) / 2 - guess[k, :2])
    drag(page, place, by)
    until(lambda: (5, 0) in labels(session))
    assert page.locator('#people i').inner_text() == 'labelled'
    np.testing.assert_allclose(
        labels(session)[5, 0][k, :2], guess[k, :2] + by / scale, atol=0.5)

    # Keys act on the keypoint at the pointer, and are undone one by one.
    def visibility():
        return labels(session)[5, 0][k, 2]

    for key, value in [('h', 1), ('x', 0), ('Control+z', 1), ('Control+z', 2),
                       ('Control+y', 1)]:
        page.keyboard.press(key)
        until(lambda: visibility() == value)
    page.keyboard.press('Control+z')
    page.keyboard.press('Control+z')
    until(lambda: list(labels(session)) == [(0, 0)])
    page.keyboard.press('Control+y')
    until(lambda: (5, 0) in labels(session))

    # Nothing is lost by a reload, and the downloads are what was done.
    file = Path(session.path).read_text()
    page.reload()
    page.wait_for_selector('#stage[data-frame="5"]')
    assert '2 labelled' in page.locator('#where').inner_text()
    for name, count in (('labels', 2), ('all poses', 12)):
        with page.expect_download() as download:
            page.get_by_text(f'Export {name}').click()
        content = Path(download.value.path()).read_text()
        assert len(json.loads(content)['annotations']) == count
        assert name == 'all poses' or content == file
    assert Path(session.path).read_text() == file


def test_second_tab(served, visit):
    """Who comes later is asked; until then the file stays as it is."""
    session, server = served()
    first, second = visit(server), visit(server)
    before = add_person(first, session)
    second.locator('#conflict').wait_for()
    second.keyboard.press('Home')
    second.get_by_text('Take theirs').click()
    until(lambda: '1 labelled' in second.locator('#where').inner_text())
    second.locator('#conflict').wait_for(state='hidden')
    second.keyboard.press('Backspace')
    until(lambda: not labels(session))
    first.locator('#conflict').wait_for()
    # What is told there moves the canvas, and the frame still fits into it.
    first.evaluate('() => new Promise(requestAnimationFrame)')
    k = alone(before)
    place, scale = on_screen(first, before[k, :2])
    by = 30 * np.sign(np.array(SIZE) / 2 - before[k, :2])
    drag(first, place, by)
    first.get_by_text('Keep mine').click()
    until(lambda: (0, 0) in labels(session))
    np.testing.assert_allclose(
        labels(session)[0, 0][k, :2], before[k, :2] + by / scale, atol=0.5)


def test_killed_server(served, visit):
    """What is done while there is no server is saved by the next one."""
    session, server = served()
    page = visit(server)
    before = add_person(page, session)
    server.kill()
    k = alone(before)
    place, _ = on_screen(page, before[k, :2])
    drag(page, place, 30 * np.sign(np.array(SIZE) / 2 - before[k, :2]))
    page.locator('#status.bad', has_text='not saved').wait_for()
    assert np.array_equal(labels(session)[0, 0], before)
    session, _ = served(server.port)
    until(lambda: not np.array_equal(labels(session)[0, 0], before))
    page.locator('#status:not(.bad)', has_text='saved').wait_for()


def test_keypoint_person_and_sides(served, visit):
    """A keypoint that is chosen stays so; left and right are swapped; a
    person goes and comes back."""
    session, server = served()
    page = visit(server)
    before = add_person(page, session)
    flip = session.meta['flip_indices']
    for key, order in (('s', flip), ('Control+z', None),
                       ('Control+Shift+Z', flip)):
        page.keyboard.press(key)
        expected = before if order is None else before[order]
        until(lambda: np.array_equal(labels(session)[0, 0], expected))
    page.locator('#keypoints li').nth(3).click()
    k = alone(expected)
    page.mouse.move(*on_screen(page, expected[k, :2])[0])
    page.keyboard.press('h')
    until(lambda: labels(session)[0, 0][3, 2] == 1)
    place, _ = on_screen(page, (20, 30))
    page.mouse.move(*place)
    page.keyboard.press('p')  # stays hidden
    expected[3] = 20, 30, 1
    until(lambda: np.allclose(labels(session)[0, 0], expected, atol=0.5))
    for value in (0, 1):
        page.keyboard.press('x')
        until(lambda: labels(session)[0, 0][3, 2] == value)
    page.keyboard.press('f')
    until(lambda: session.progress(0)['done'] == 12)
    page.wait_for_selector('#next:enabled')
    page.keyboard.press('Shift+Backspace')
    until(lambda: not labels(session) and not predictions(session))
    page.locator('#people li').wait_for(state='detached')
    page.keyboard.press('Control+z')
    until(lambda: (0, 0) in labels(session))
    np.testing.assert_allclose(labels(session)[0, 0], expected, atol=0.5)


def test_server_of_another_video(served, visit, noise):
    """A page writes into the file of its own video alone; where there is no
    server it shows the last frame, and goes on when there is one again."""
    video = noise(40, SIZE, 'long.avi')  # the page fetches 16 frames ahead
    session, server = served(video=video)
    page = visit(server)
    before = add_person(page, session)
    server.kill()
    page.keyboard.press('End')
    page.click('#labels')
    page.locator('#status.bad', has_text='does not answer').wait_for()
    assert 'frame 0' in page.locator('#where').inner_text()
    _, other = served(server.port, noise(12, SIZE, 'other.avi'))
    page.locator('#status.bad', has_text='another video').wait_for()
    page.keyboard.press('s')
    page.locator('#status.bad', has_text='another video').and_(
        page.locator('#status', has_text='Not saved')).wait_for()
    assert np.array_equal(labels(session)[0, 0], before)
    other.kill()
    session, _ = served(server.port, video)
    until(lambda: not np.array_equal(labels(session)[0, 0], before))
    page.wait_for_selector('#stage[data-frame="39"]')
