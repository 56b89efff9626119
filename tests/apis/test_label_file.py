# Copyright (c) temporal_corr authors. All rights reserved.
"""What label files say, and what they cannot be meant to say."""
import json
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from projects.temporal_corr.apis import (FrameSource, LabelFile, Prompts,
                                         compare_people)

NAMES = ['head', 'hand', 'foot']
POINTS = [10, 5, 2, 20, 15, 1, 30, 25, 2]


@pytest.fixture
def clip(tmp_path):
    """A folder of four pictures of 40 x 30 pixels."""
    path = tmp_path / 'act/clip'
    path.mkdir(parents=True)
    for index in range(4):
        cv2.imwrite(
            str(path / f'0{index}.png'), np.zeros((30, 40, 3), np.uint8))
    return str(path)


@pytest.fixture
def read(tmp_path, clip):
    """Reads a label file, written with or without a byte order mark."""

    def call(content, encoding='utf-8'):
        path = tmp_path / 'labels.json'
        path.write_text(json.dumps(content), encoding=encoding)
        try:
            return LabelFile(str(path), FrameSource(clip), NAMES)
        except ValueError as error:
            assert str(path) in str(error)
            raise

    return call


def labels(*annotations, images=(), **category):
    """A file with a label for frame 0, or with others."""
    annotations = annotations or [{}]
    return dict(
        images=[dict(id=i, frame_index=i) for i in range(4)] + list(images),
        annotations=[
            dict(dict(image_id=0, keypoints=list(POINTS)), **entry)
            for entry in annotations
        ],
        categories=[dict(dict(id=1, keypoints=NAMES), **category)])


def people(file):
    return {
        frame: [label.track_id for label in found]
        for frame, found in file.frames.items()
    }


@pytest.mark.parametrize('encoding', ['utf-8', 'utf-8-sig', 'utf-16'])
def test_byte_order_marks(read, encoding):
    label, = read(labels(), encoding).frames[0]
    assert label.keypoints.tolist() == [[10, 5], [20, 15], [30, 25]]


def test_keypoints_by_name(read):
    """In the order of the file, which may have more than the model."""
    file = read(
        labels(
            dict(keypoints=[0, 0, 0, *POINTS[6:], *POINTS[3:6], *POINTS[:3]]),
            keypoints=['tail', 'foot', 'hand', 'head']))
    assert not file.messages
    assert file.frames[0][0].keypoints.tolist() == [[10, 5], [20, 15],
                                                    [30, 25]]


def test_ids_as_programs_write_them(read):
    """As text, as float; frames and sizes, too; null is as if left out."""
    images = [
        dict(id='7', frame_index='2', width='40', height=30.),
        dict(id='x', file_name='03', frame_index=None, width=None, height=0)
    ]
    file = read(
        labels(
            dict(image_id=7., track_id='5', bbox=None),
            dict(image_id='x', track_id=6., category_id='1'),
            dict(image_id='0', track_id=5),
            images=images))
    assert people(file) == {0: [5], 2: [5], 3: [6]}


@pytest.mark.parametrize('field', ['track_id', 'object_id'])
def test_identities_in_attributes(read, field):
    """CVAT and SLEAP say there who it is."""
    file = read(
        labels(
            dict(attributes={field: 0}), dict(attributes={field: '4'}),
            dict(image_id=2, track_id=3, attributes={field: 4})))
    assert people(file) == {0: [0, 4], 2: [3]}


def test_frames_of_another_video(read):
    """As many folders as there are; it is an error if no frame is left."""
    images = [
        dict(id=10, file_name='act\\clip\\01.png'),
        dict(id=11, file_name='act/other/02.png'),
        dict(id=12, frame_index=2, file_name='other/02.png'),
    ]
    others = [dict(image_id=i) for i in (11, 12)]
    file = read(labels(dict(image_id=10), *others, images=images))
    assert people(file) == {1: [0]}
    message, = file.messages
    assert '2 entries' in message and 'file_name' in message
    with pytest.raises(ValueError, match='2 entries.*file_name'):
        read(labels(*others, images=images))


def test_several_categories(read):
    """Each entry that is left out is so for its own reason."""
    content = labels(
        dict(category_id=2),
        dict(category_id=4, keypoints=[]),
        dict(image_id=9, category_id=2),
        images=[dict(id=9, file_name='no/00.png')])
    content['categories'] = [
        dict(id=4, name='dog'),
        dict(id=2, name='body', keypoints=NAMES)
    ]
    file = read(content)
    assert people(file) == {0: [0]}
    assert sorted('category_id' in message
                  for message in file.messages) == [False, True]
    # Two with keypoints: the person.
    content['categories'][0]['keypoints'] = ['tail', *NAMES]
    with pytest.raises(ValueError, match='categories.*"person"'):
        read(content)
    content['categories'][1]['name'] = 'Person'
    assert people(read(content)) == {0: [0]}


def test_keypoints_outside_of_the_frame(read, clip):
    """They and those that are not visible are no exemplars."""
    file = read(labels(dict(keypoints=[10, 5, 2, 40, 15, 2, 0, 0, 0])))
    assert '1 keypoints lie outside of frame 0 (40 x 30)' in file.messages[0]
    shown = []
    Prompts(file.frames, FrameSource(clip)).show(
        SimpleNamespace(prompt=lambda *args: shown.append(args)), 0, None)
    np.testing.assert_array_equal(shown[0][1],
                                  [[[10, 5], [np.nan] * 2, [np.nan] * 2]])
    # The label itself is as it was given, to be written like that.
    assert file.frames[0][0].keypoints[1].tolist() == [40, 15]


def test_box_that_was_not_corrected(read):
    file = read(labels(dict(bbox=[31, 0, 5, 5])))
    x1, y1, x2, y2 = file.frames[0][0].bbox
    assert x1 < 10 and y1 < 5 and x2 > 30 and y2 > 25
    assert 'annotations[0].bbox' in file.messages[0]


def change(*path):
    """The content with another value somewhere: the last of the path."""
    content = labels({}, dict(image_id=1))
    *keys, last, value = path
    target = content
    for key in keys:
        target = target[key]
    target[last] = value
    return content


@pytest.mark.parametrize('content, message', [
    ([], 'no "images"'),
    (change('images', {'0': {}}), 'images is a dict, not a list'),
    (change('annotations', {'0': {}}), 'annotations is a dict, not a list'),
    (change('images', None), 'no "images"'),
    (change('annotations', 1, None), r'annotations\[1\] is None'),
    (change('annotations', []), '"annotations" is empty'),
    (change('categories', []), 'categories must hold one with keypoints'),
    (change('categories', 0, 'keypoints', None), 'categories must hold one'),
    (change('categories', 0, 'keypoints', 3), "lack .*'foot'"),
    (change('categories', 0, 'keypoints', [NAMES]), "lack .*'foot'"),
    (change('categories', 0, 'keypoints', ['head', 'hand']), "lack .*'foot'"),
    (change('categories', 0, 'keypoints', NAMES + ['head']),
     r'keypoints\[3\] is head'),
    (change('images', 1, 'id', 0), r'images\[1\].id is 0, as images\[0\].id'),
    (change('images', 1, 'id', '0'), r'images\[1\].id is 0, as images'),
    (change('images', 1, 'id', None), r'images\[1\].id is None'),
    (change('images', 1, 'id', [1]), r'images\[1\].id is \[1\]'),
    (change('images', 1, 'frame_index', 1.5), r'images\[1\].frame_index'),
    (change('images', 1, 'frame_index', True), r'images\[1\].frame_index'),
    (change('images', 1, 'frame_index', 4), 'frame_index.* from 0 to 3'),
    (change('images', 1, 'frame_index', -1), 'frame_index.* from 0'),
    (change('images', 1, 'frame_index', None), r'images\[1\] names no frame'),
    (change('images', 1, 'file_name', '00.png'),
     r'images\[1\].file_name.*frame 0 .*frame 1'),
    (change('images', 1, 'width', 80), r'images\[1\].*80 x None.*40 x 30'),
    (change('images', 1, 'height', 'x'), r'images\[1\].*None x x.*40 x 30'),
    (change('annotations', 1, 'image_id', 7), r'annotations\[1\].image_id'),
    (change('annotations', 1, 'image_id', None), r'annotations\[1\].image_'),
    (change('annotations', 1, 'image_id', 0),
     r'annotations\[1\].*frame 0 without a track_id'),
    (change('annotations', 1, 'track_id', 0),
     r'annotations\[0\] has no "track_id"'),
    (change('annotations', 1, 'track_id', 'p1'), "track_id is 'p1'"),
    (change('annotations', 1, 'track_id', True), 'track_id is True'),
    (change('annotations', 1, 'attributes', dict(object_id='a')),
     "attributes.object_id is 'a'"),
    (change('annotations', 1, 'labelled', None), r'\[1\].labelled is None'),
    (change('annotations', 1, 'labelled', 'no'), r"\[1\].labelled is 'no'"),
    (change('annotations', 1, 'keypoints', None), r'\[1\].keypoints'),
    (change('annotations', 1, 'keypoints', []), r'\[1\].keypoints has 0'),
    (change('annotations', 1, 'keypoints', POINTS[:8]), 'keypoints has 8 va'),
    (change('annotations', 1, 'keypoints', [[1, 2]] * 3), 'has 6 values'),
    (change('annotations', 1, 'keypoints', 0, None), 'are None, 5'),
    (change('annotations', 1, 'keypoints', 1, float('nan')), '10, nan'),
    (change('annotations', 1, 'keypoints', 0, True), 'True, 5'),
    *[(change('annotations', 1, 'keypoints', 5, v),
       rf'\[1\].keypoints: v of number 1 \(from 0\) is {v!r}')
      for v in (-1, 3, 0.9, True, None, '2', float('nan'))],
    (change('annotations', 1, 'bbox', [1, 2, 3]), r'\[1\].bbox'),
    (change('annotations', 1, 'bbox', [1, 2, 3, None]), r'\[1\].bbox'),
    (change('annotations', 1, 'keypoints', [.1, .2, 2] * 3),
     r'\[1\].keypoints lie between 0 and 1'),
    (change('annotations', 1, 'keypoints', [50, 20, 2] * 3),
     r'\[1\].keypoints lie outside of frame 1, which is 40 x 30'),
])  # yapf: disable
def test_files_that_are_refused(read, content, message):
    """File, entry and field are named, whatever is there."""
    with pytest.raises(ValueError, match=message):
        read(content)


def test_a_size_of_each_picture(read, clip):
    """Pictures of a folder may differ: each is compared with its own."""
    cv2.imwrite(f'{clip}/02.png', np.zeros((60, 80, 3), np.uint8))
    content = labels(dict(image_id=2, keypoints=[50, 40, 2] * 3))
    content['images'][2].update(width=80, height=60)
    assert people(read(content)) == {2: [0]}
    content['images'][3].update(width=80, height=60)
    with pytest.raises(ValueError, match=r'images\[3\].*80 x 60.*40 x 30'):
        read(content)


def test_labels_about_nobody(read):
    """Whose labels have an effect depends on who has boxes."""
    frames = read(labels(dict(track_id=3), dict(track_id=5,
                                                image_id=2))).frames
    everywhere = {0: [3, 5], 1: [3, 5], 2: [5, 3]}
    assert compare_people(frames, everywhere) == []
    with pytest.raises(ValueError, match=r'track_id.*\[3, 5\].*\[0, 8\]'):
        compare_people(frames, {0: [0], 1: [8]})
    message, = compare_people(frames, {0: [3], 2: [3]})
    assert '[5]' in message and '[3]' in message
    message, = compare_people(frames, {0: [3, 5], 2: [3]})
    assert '[5]' in message and 'frame 2' in message
