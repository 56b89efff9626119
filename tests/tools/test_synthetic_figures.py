# Copyright (c) temporal_corr authors. All rights reserved.
"""Synthetic people: anatomy, projection and drawing against hand-computed
cases."""
import sys
from pathlib import Path

import numpy as np
import pytest

sys.path.insert(0, str(Path(__file__).resolve().parents[2] / 'tools/misc'))

from synthetic import figure, raster, skeleton  # noqa: E402
from synthetic.camera import Camera, similarity  # noqa: E402
from synthetic.canvas import Canvas, Light  # noqa: E402
from synthetic.clip import viewpoint  # noqa: E402
from synthetic.motions import ACTIONS, mirror, perform  # noqa: E402
from synthetic.outfit import sample_outfit  # noqa: E402
from synthetic.skeleton import JHMDB_JOINTS  # noqa: E402


def rest(body, degrees, frames=1):
    """A body that stands still."""
    pose = {k: np.zeros(frames) for k in skeleton.POSE_KEYS}
    return skeleton.forward_kinematics(body, pose, degrees, np.zeros(2))


BODY = skeleton.Body(stature=1.8, build=1., shoulders=.19, hips=.1)


def still_camera(frames=1, focal=400., distance=5.):
    return Camera(focal, 1.2, distance, np.array([160., 110.]),
                  np.zeros(frames), np.tile(np.eye(2, 3), (frames, 1, 1)))


@pytest.mark.parametrize('degrees, right_is_left_in_image', [
    (0, True), (20, True), (180, False), (-160, False)],
    ids=['front', 'front half', 'back', 'back half'])
def test_left_and_right_are_anatomical(degrees, right_is_left_in_image):
    uv, _, _ = still_camera().project(
        np.stack([rest(BODY, degrees)[k] for k in JHMDB_JOINTS], 1))
    for part in ('shoulder', 'elbow', 'wrist', 'hip', 'knee', 'ankle'):
        right, left = (uv[0, JHMDB_JOINTS.index(f'{s}_{part}'), 0]
                       for s in ('right', 'left'))
        assert (right < left) == right_is_left_in_image, part


def test_person_who_faces_image_right_shows_the_right_side():
    points = rest(BODY, 90)
    assert points['right_hip'][0, 2] > points['left_hip'][0, 2]
    assert points['right_toe'][0, 0] > points['right_ankle'][0, 0] + .1


@pytest.mark.parametrize('degrees, name', [
    (0, 'front'), (44, 'front'), (90, 'right'), (-90, 'left'),
    (180, 'back'), (-170, 'back'), (300, 'left')])
def test_viewpoint_names(degrees, name):
    assert viewpoint(degrees) == name


def test_standing_height():
    points = rest(BODY, 0)
    # Ankle .038, shank and thigh .243 each, of a stature of 1.8.
    assert points['right_hip'][0, 1] == pytest.approx(1.8 * .524)
    assert 1.8 * .86 < points['head'][0, 1] < 1.8 * .97


@pytest.mark.parametrize('action', ACTIONS)
def test_bones_keep_their_length_and_feet_stay_on_the_ground(action):
    pose = perform(action, np.linspace(0, 3, 60), np.random.default_rng(1))
    p = skeleton.forward_kinematics(BODY, pose, 30., np.zeros(2))
    for first, second, share in (('knee', 'hip', .243),
                                 ('ankle', 'knee', .243),
                                 ('elbow', 'shoulder', .172),
                                 ('wrist', 'elbow', .150)):
        for side in ('right', 'left'):
            bone = p[f'{side}_{first}'] - p[f'{side}_{second}']
            np.testing.assert_allclose(np.linalg.norm(bone, axis=1),
                                       share * 1.8, rtol=1e-9)
    feet = np.stack([p[f'{s}_{k}'][:, 1] for s in ('right', 'left')
                     for k in ('ankle', 'toe')])
    assert feet.min() > 0
    grounded = pose['lift'] < 1e-3
    assert feet[:, grounded].min(0).max() < .038 * 1.8 + .002


@pytest.mark.parametrize('action', ACTIONS)
def test_motion_is_smooth_and_mirrors(action):
    seconds = np.linspace(0, 2, 400)
    pose = perform(action, seconds, np.random.default_rng(0))
    for key, values in pose.items():
        assert np.abs(np.diff(values)).max() < 12, key
    there_and_back = mirror(mirror(pose))
    for key, values in pose.items():
        np.testing.assert_array_equal(values, there_and_back[key])
    np.testing.assert_array_equal(mirror(pose)['l_elbow'], pose['r_elbow'])
    np.testing.assert_array_equal(mirror(pose)['twist'], -pose['twist'])


def test_projection_by_hand():
    uv, ppm, depth = still_camera().project(np.array([[[.5, 1.7, 1.]]]))
    # 4 m away, 100 px per metre, half a metre right of and above the lens.
    np.testing.assert_allclose(uv[0, 0], [160 + 50, 110 - 50])
    assert ppm[0, 0] == pytest.approx(100)
    assert depth[0, 0] == pytest.approx(4)


def test_pictures_lie_where_points_project():
    motion = similarity(np.array([1.1]), np.array([7.]),
                        np.array([[3., -5.]]), np.array([160., 120.]))
    camera = still_camera()._replace(x=np.array([.3]), motion=motion)
    ground = camera.ground_map(0, -4., -6., 20.)
    for col, row in ((0, 0), (80, 100), (130, 40)):
        world = np.array([col / 20 - 4, 0, row / 20 - 6])
        at = ground @ [col, row, 1]
        np.testing.assert_allclose(at[:2] / at[2],
                                   camera.project(world, 0)[0])
    upright = camera.upright_map(0, -1., 2., 8., 30.)
    world = np.array([45 / 30 - 1, 2 - 12 / 30, 5. - 8.])
    np.testing.assert_allclose(upright @ [45, 12, 1],
                               camera.project(world, 0)[0])


def test_tube_and_ellipsoid_cover_their_area():
    camera = still_camera(focal=500.)  # 100 px per metre at the origin
    ends = np.array([[[[0., 1., 0.], [.5, 1.4, 0.]]]])
    front = np.array([[[.4, -.5, 0.]]]) / np.hypot(.4, .5)
    radius = .1
    tube = raster.tube_geometry(
        ends, front, np.full((1, raster.PROFILE, 2), radius), np.ones(1),
        camera.project(ends), np.array([0, 0, 1.]))
    fragments = raster.tube_fragments({k: v[0] for k, v in tube.items()},
                                      np.arange(1), (320, 240))
    area = 2 * radius * np.hypot(.5, .4) + np.pi * radius**2
    assert fragments.alpha.sum() == pytest.approx(1e4 * area, rel=.02)
    # The round surface comes towards the camera by its radius.
    assert fragments.depth.min() == pytest.approx(5 - radius, abs=.005)

    centre = np.array([[[0., 1., 0.]]])
    solid = raster.ellipsoid_geometry(
        np.eye(3)[None, None], np.array([[.3, .15, .2]]),
        camera.project(centre), np.array([0, 0, 1.]))
    fragments = raster.ellipsoid_fragments({k: v[0] for k, v in solid.items()},
                                           np.arange(1), (320, 240))
    assert fragments.alpha.sum() == pytest.approx(
        1e4 * np.pi * .3 * .15, rel=.04)
    assert fragments.depth.min() == pytest.approx(5 - .2, abs=.005)


def paint(degrees, chest=None):
    """Canvas and joints of a standing figure seen from ``degrees``."""
    outfit = sample_outfit(np.random.default_rng(0))._replace(
        skirt=False, hair='short')
    if chest is not None:
        outfit.textures['chest'] = chest
    person = figure.Figure(BODY, outfit, rest(BODY, degrees), True)
    camera = still_camera()
    canvas = Canvas(np.zeros((240, 320, 3), np.uint8))
    light = Light(np.array([0, 0, 1.]), .6, np.ones(3))
    figure.Painter(person, camera, light).draw(canvas, 0, 0.)
    return canvas, camera.project(figure.joints(person))[0][0]


@pytest.mark.parametrize('degrees, near', [(90, 'right'), (-90, 'left')])
def test_near_limb_hides_the_far_one(degrees, near):
    canvas, uv = paint(degrees)
    hip, knee = (uv[JHMDB_JOINTS.index(f'{near}_{k}')]
                 for k in ('hip', 'knee'))
    x, y = .3 * hip + .7 * knee  # below the hanging hand
    assert canvas.label[int(y), int(x)] == figure.PART_LABELS[f'{near}_thigh']
    seen = dict(zip(JHMDB_JOINTS, figure.visible_joints(canvas.label, uv)))
    far = dict(right='left', left='right')[near]
    assert seen[f'{near}_knee'] and not seen[f'{far}_knee']
    assert seen[f'{near}_elbow'] and not seen[f'{far}_elbow']


def test_texture_sticks_to_the_body():
    chest = np.zeros((20, 40, 3), np.float32)
    chest[:, 10:30] = (0, 0, 200)  # the front half is red
    chest[:, 30:] = (0, 200, 0)  # the back is green, then blue
    chest[:, :10] = (200, 0, 0)
    colours = {}
    for name, degrees in (('front', 0), ('back', 180), ('left', -90)):
        canvas, uv = paint(degrees, chest)
        x, y = (uv[JHMDB_JOINTS.index('neck')] +
                3 * uv[JHMDB_JOINTS.index('belly')]) / 4
        colours[name] = canvas.colour[int(y), int(x) - 6:int(x) + 7]
    assert (colours['front'].argmax(1) == 2).all()
    assert (colours['back'].argmax(1) != 2).all()
    # Seen from behind, the person's left is at the left of the image.
    assert colours['back'][1].argmax() == 1
    assert colours['back'][-2].argmax() == 0
