# Copyright (c) temporal_corr authors. All rights reserved.
"""What files of boxes and labels say, and what they cannot be meant to say."""
import json
import re
from types import SimpleNamespace

import cv2
import numpy as np
import pytest

from projects.temporal_corr.apis import (BoxFile, FrameSource, LabelFile,
                                         Prompts, SourceFrame, compare_people)

XYWH = dict(bbox=[1, 2, 3, 4])
BOX = dict(XYWH, image_id=0)
NAMES = ['head', 'hand', 'foot']
POINTS = [10, 5, 2, 20, 15, 1, 30, 25, 2]
BLACK = np.zeros((30, 40, 3), np.uint8)


@pytest.fixture
def make_clip(write_images):
    """Makes a folder of pictures of 40 x 30 pixels, and its source."""

    def make(names=('00.png', '01.png', '02.png', '03.png'),
             folder='act/clip'):
        return FrameSource(write_images(dict.fromkeys(names, BLACK), folder))

    return make


@pytest.fixture
def read(tmp_path, make_clip):
    """Reads boxes, or labels, about a clip; errors name the file."""

    def call(content, clip=None, labels=False, **kwargs):
        path = tmp_path / 'file.json'
        path.write_text(
            content if isinstance(content, str) else json.dumps(content))
        kind, names = (LabelFile, [NAMES]) if labels else (BoxFile, [])
        try:
            return kind(str(path), clip or make_clip(), *names, **kwargs)
        except ValueError as error:
            assert str(path) in str(error)
            raise

    return call


@pytest.fixture
def read_labels(read):
    return lambda content: read(content, labels=True)


def frame(index):
    return SourceFrame(index, BLACK, True)


def counts(boxes):
    """How many boxes each of the first three frames has."""
    return [len(boxes.find(frame(index))[0]) for index in range(3)]


def told(file, *fields):
    """Whether there is a message about each of the fields, and no other."""
    return len(file.messages) == len(fields) and all(
        any(field in text for text in file.messages) for field in fields)


def test_boxes_and_identities(read, make_clip):
    boxes = read([
        dict(image_id=1, bbox=[1, 2, 3, 4], score=0.5, track_id=4),
        dict(image_id=0, bbox=[5, 5, 1, 1], track_id=4),
        dict(frame_index=1, bbox=[0, 0, 2.5, 2], score=0.2, track_id=2),
        dict(image_id=1, bbox=[0, 0, 9, 9], track_id=8, category_id=3),
        dict(image_id=7, bbox=[0, 0, 9, 9], track_id=8),
    ], score_thr=0.3)
    assert boxes.has_identities
    # What is left out is told, each with its own reason.
    category, number = boxes.messages
    assert re.search(r'1 entries.*entries\[3\].*category_id is 3', category)
    assert re.search(r'1 entries.*entries\[4\].*count from 0 to 3', number)
    found = boxes(frame(1))
    assert found.bboxes.tolist() == [[1, 2, 4, 6]]
    assert found.track_ids == [4] and found.scores.tolist() == [0.5]
    assert boxes(frame(0)).scores.tolist() == [1]
    assert boxes(frame(2)).bboxes.shape == (0, 4)
    assert boxes.people() == {0: [4], 1: [4]}
    # A tracker uses weak ones, too.
    assert boxes.find(frame(1))[0].tolist() == [[1, 2, 4, 6], [0, 0, 2.5, 2]]
    # Nobody, nobody certain, and a camera of no length.
    boxes = read([])
    assert boxes.has_identities and boxes(frame(0)).track_ids == []
    assert told(boxes, 'has no box')
    assert told(read([dict(BOX, score=.2)], score_thr=0.3), '--bbox-thr')
    clip = make_clip()
    clip.num_frames, clip.files, clip.kind = None, [], 'webcam'
    assert len(read([dict(BOX, image_id=10**6)], clip)(frame(10**6)).scores)


@pytest.mark.parametrize('field', ['file_name', 'image_id'])
@pytest.mark.parametrize('name', [
    '01.png', '01', '01.PNG', './01.png', 'clip/01.png', 'act/clip/01.png',
    'act\\clip\\01.png', 'clip\\01', '/elsewhere/act/clip/01.png',
    'C:\\elsewhere\\clip\\01.png', '../clip/01.png'
])
def test_ways_to_name_an_image(read, field, name):
    """Of any system, with as many folders as there are, or none."""
    assert counts(read([{field: name, **XYWH}])) == [0, 1, 0]


@pytest.mark.parametrize('name', [
    'other/01.png', 'other/clip/01.png', 'act/other/01.png', 'other\\clip\\01',
    '/elsewhere/act/other/01.png', 'other/1'
])
@pytest.mark.parametrize('more', [{}, dict(frame_index=1)])
def test_another_video(read, name, more):
    """Its frames have the same names, so folders decide."""
    entry = dict(more, file_name=name, **XYWH)
    with pytest.raises(ValueError, match='file_name.* has other folders'):
        read([entry])
    boxes = read([entry, BOX])
    assert counts(boxes) == [1, 0, 0] and told(boxes, 'file_name')


def test_absolute_paths_of_another_computer(read, make_clip):
    """The one with the most folders of the input is about it, and a warning
    says that the others were not compared."""
    boxes = read([
        dict(XYWH, file_name=f'/home/{clip}/img/01.png') for clip in 'ab'
    ], make_clip(folder='b/img'))
    assert counts(boxes) == [0, 1, 0]
    assert told(boxes, 'b/img', 'other folders')


def test_capitals_of_a_name(read, make_clip):
    clip = make_clip(['00.PNG', '01.PNG'], 'capitals')
    assert counts(read([dict(XYWH, file_name='01.png')], clip)) == [0, 1, 0]


def test_names_of_a_video(read, write_video):
    """STEM/NUMBER as this project writes it, numbers as text, the name of
    the file, and pictures of an annotation tool with their number."""
    video = FrameSource(write_video([BLACK] * 3))
    ways = (dict(file_name='clip/1'), dict(image_id='1'), dict(image_id=1.),
            dict(frame_index='1', file_name='clip.avi'),
            dict(frame_index=1, file_name='frame_1.PNG'),
            dict(file_name='frame_000001.PNG'))  # of CVAT
    boxes = read([dict(way, **XYWH) for way in ways], video)
    assert counts(boxes) == [0, 6, 0]
    for name in ('other/1', 'other.avi', 'clip/other/1'):
        with pytest.raises(ValueError, match='file_name.* has other folders'):
            read([dict(XYWH, frame_index=1, file_name=name)], video)
    with pytest.raises(ValueError, match='file_name.*add "frame_index"'):
        read([dict(XYWH, file_name='frame_1.PNG')], video)


@pytest.mark.parametrize('entry, message', [
    # the image, or the number?
    (dict(image_id='2'), "image_id is '2', which is frame 1.*frame 2"),
    (dict(file_name='1.png', frame_index=1), 'frame 0 .*frame 1'),
    # a.png or a.jpg?
    (dict(file_name='a'), 'file_name.*frame 2 or 3: give the whole name'),
])  # yapf: disable
def test_frames_in_doubt(read, make_clip, entry, message):
    with pytest.raises(ValueError, match=message):
        read([dict(entry, **XYWH)],
             make_clip(['1.png', '2.png', 'a.jpg', 'a.png'], 'doubt'))


@pytest.mark.parametrize('categories, kept', [
    ([0, 0], 2), ([None, None], 2), (['1', 1.], 2), ([3, 3], 2),
    ([1, 17], 1), ([None, 17], 1), (['person', 'dog'], 1),
    # From 0 or from 1? The user is asked, and can tell.
    ([0, 1], None), ([2, 3], None), ([0, None], None), (['dog', 'cat'], None),
])  # yapf: disable
def test_categories_without_names(read, categories, kept):
    """A single one is people; of several it is COCO's 1."""
    entries = [dict(BOX, category_id=c) for c in categories]
    if kept:
        boxes = read(entries)
        assert counts(boxes) == [kept, 0, 0]
        assert told(boxes, *['category_id'] * (kept == 1))
        return
    for category in (None, 9):
        with pytest.raises(ValueError, match='category_id.*--bbox-cat'):
            read(entries, category=category)
    if categories[0] != 'dog':
        assert counts(read(entries, category=categories[0])) == [1, 0, 0]


def test_data_set(read, make_clip):
    """Of several videos, with the box of a dog, and ids as text."""

    def data_set(**size):
        return dict(
            images=[
                dict(id=5, file_name='x/01.png'),
                dict(id='6', file_name='clip/02.png', **size)
            ],
            annotations=[
                dict(XYWH, image_id=6, category_id=8),
                dict(image_id='6', bbox=[0, 0, 9, 9], category_id=7),
                dict(XYWH, image_id=5, category_id=8),
            ],
            categories=[dict(id=7, name='dog'),
                        dict(id=8, name='Person')])

    boxes = read(data_set(width=40, height='30'))
    assert boxes.find(frame(2))[0].tolist() == [[1, 2, 4, 6]]
    assert counts(boxes) == [0, 0, 1]
    assert told(boxes, 'category_id', 'file_name')
    with pytest.raises(ValueError,
                       match=r'images\[1\].*clip/02.png.*80 x 60.*40 x 30'):
        read(data_set(width=80, height=60))
    # Each picture of a folder is compared with what is said of it.
    clip = make_clip()
    cv2.imwrite(clip.files[2], np.zeros((60, 80, 3), np.uint8))
    assert counts(read(data_set(width=80, height=60), clip)) == [0, 0, 1]
    far = [dict(image_id=i, bbox=[50, 40, 9, 9]) for i in (1, 2)]
    assert counts(read(far, clip)) == [0, 0, 1]


def test_boxes_outside(read):
    """Who has left the picture is nobody; it is an error if all have."""
    outside = [
        dict(image_id=1, bbox=box)
        for box in ([40, 0, 5, 5], [0, 30, 5, 5], [-9, 3, 9, 5])
    ]
    boxes = read([BOX, *outside])
    assert counts(boxes) == [1, 0, 0] and told(boxes, '3 entries')
    with pytest.raises(ValueError, match='bbox lies outside'):
        read(outside)
    with pytest.raises(ValueError, match=r'\.bbox.* between 0 and 1'):
        read([dict(image_id=i, bbox=[.3, .2, .3, .5]) for i in range(3)])


def test_what_programs_write(read):
    """Null, numbers as text; who it is in attributes."""
    people = read([
        dict(BOX, track_id='7', score=None, file_name=None),
        dict(BOX, track_id=None, attributes=dict(track_id=8.), score='.5'),
        dict(BOX, attributes=dict(object_id='9')),
    ])(frame(0))
    assert people.track_ids == [7, 8, 9]
    assert people.scores.tolist() == [1, .5, 1]


def images(*entries):
    return dict(images=list(entries), annotations=[BOX])


@pytest.mark.parametrize('content, message', [
    ('{', 'is not a complete JSON file'),
    (dict(annotations=[]), 'is a dict, not a list.*must be a list of boxes'),
    (dict(images=[], annotations=[None]), r'annotations\[0\] is None'),
    (images(dict(id=1, frame_index=0), dict(id='1', frame_index=1)),
     r'images\[1\].id is 1, as images\[0\].id'),
    (images(dict(frame_index=0)), r'images\[0\].id is None'),
    (images(dict(id=0, frame_index=1.5)), r'images\[0\].frame_index'),
    (images(dict(id=0, frame_index=None)), r'images\[0\] names no frame'),
    (images(dict(id=0, frame_index=1, width=80)),
     r'images\[0\].*80 x None.*40 x 30'),
    (images(dict(id=1, frame_index=0)), r'annotations\[0\].image_id is 0'),
    (dict(images=[dict(id=1, frame_index=0)], annotations=[],
          categories=['person']), r'categories\[0\] is .person.'),
    # The frames count from 1: all would be one too late.
    ([dict(BOX, image_id=i) for i in (1, 2, 3, 4)],
     r'entries\[0\].*1 to 4.*count from 0'),
    # Several videos that only ids tell apart.
    ([dict(BOX, video_id=i) for i in (3, 5)], r'entries\[1\].*_id.*3, 5'),
    ([dict(BOX, file_name=3)], r'entries\[0\].file_name is 3'),
    ([BOX, 3], r'\[1\] is 3, not a dictionary'),
    ([XYWH], r'entries\[0\] names no frame; add'),
    ([dict(BOX, image_id=[1])], r'image_id is \[1\]'),
    ([dict(BOX, frame_index='x')], "frame_index is 'x'"),
    ([dict(image_id=0)], r'entries\[0\].bbox is None'),
    ([dict(BOX, bbox=[1, 2, 3])], r'bbox is \[1, 2, 3\]'),
    ([dict(BOX, bbox=[1, 2, 3, True])], 'four numbers x, y, w, h'),
    ('[{"image_id": 0, "bbox": [1, 2, NaN, 4]}]', 'four numbers'),
    ([dict(BOX, bbox=[1, 2, 0, 4])], 'with an area'),
    ([dict(BOX, score='high')], "score is 'high'"),
    ('[{"image_id": 0, "bbox": [1, 2, 3, 4], "score": NaN}]', 'score is nan'),
    ([dict(BOX, category_id=[1])], r'category_id is \[1\]'),
    ([dict(BOX, track_id=-1)], 'track_id is -1'),
    ([dict(BOX, attributes=dict(track_id=1.5))], 'attributes.track_id is 1.5'),
    ([BOX, dict(BOX, track_id=1)],
     r'entries\[0\] has no "track_id" and .*entries\[1\]'),
    ([dict(BOX, track_id=1)] * 2, '2 boxes with "track_id" 1 in frame 0'),
    ([dict(BOX, image_id=-1)], 'no box for any frame of .*clip.*from 0'),
    ([dict(XYWH, file_name='a.png')],
     'no box for any frame.*file_name is no image of the input'),
])  # yapf: disable
def test_files_of_boxes_that_are_refused(read, content, message):
    """File, entry and field are named, whatever is there."""
    with pytest.raises(ValueError, match=message):
        read(content)


def labels(*annotations, images=(), **category):
    """A file with a label for frame 0, or with others."""
    return dict(
        images=[dict(id=i, frame_index=i) for i in range(4)] + list(images),
        annotations=[
            dict(dict(image_id=0, keypoints=list(POINTS)), **entry)
            for entry in annotations or [{}]
        ],
        categories=[dict(dict(id=1, keypoints=NAMES), **category)])


def people(file):
    return {
        frame: [label.track_id for label in found]
        for frame, found in file.frames.items()
    }


def test_keypoints_by_name(read_labels):
    """In the order of the file, which may have more than the model."""
    file = read_labels(
        labels(
            dict(keypoints=[0, 0, 0, *POINTS[6:], *POINTS[3:6], *POINTS[:3]]),
            keypoints=['tail', 'foot', 'hand', 'head']))
    assert not file.messages
    label, = file.frames[0]
    assert label.keypoints.tolist() == [[10, 5], [20, 15], [30, 25]]
    low, high = label.bbox[:2], label.bbox[2:]
    assert (low < [10, 5]).all() and (high > [30, 25]).all()


def test_labels_as_programs_write_them(read_labels):
    """Ids and frames as text, as float; null is as if left out; CVAT and
    SLEAP say in attributes who it is."""
    file = read_labels(
        labels(
            dict(image_id=7., track_id='5', bbox=None),
            dict(image_id='x', track_id=6., category_id='1'),
            dict(image_id='0', attributes=dict(track_id='4'), bbox=[
                2, 3, 40, 41]),
            dict(image_id=1, attributes=dict(object_id=0)),
            dict(image_id=1, track_id=3, attributes=dict(object_id=4)),
            images=[
                dict(id='7', frame_index='2', width='40', height=30.),
                dict(id='x', file_name='03', frame_index=None, width=None)
            ]))
    assert people(file) == {0: [4], 1: [0, 3], 2: [5], 3: [6]}
    assert file.frames[0][0].bbox.tolist() == [2, 3, 42, 44]


def test_several_categories(read_labels):
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
    file = read_labels(content)
    assert people(file) == {0: [0]} and told(file, 'category_id', 'file_name')
    # Two with keypoints: the person.
    content['categories'][0]['keypoints'] = ['tail', *NAMES]
    with pytest.raises(ValueError, match='categories.*"person"'):
        read_labels(content)
    content['categories'][1]['name'] = 'Person'
    assert people(read_labels(content)) == {0: [0]}


def test_labels_that_were_not_corrected(read_labels, make_clip):
    """Keypoints outside of the frame are no exemplars, nor are those that are
    not visible; a box without the keypoints gives way to their extent."""
    points = [10, 5, 2, 40, 15, 2, 0, 0, 0]
    file = read_labels(labels(dict(keypoints=points, bbox=[31, 0, 5, 5])))
    outside, box = file.messages
    assert '1 keypoints lie outside of frame 0 (40 x 30)' in outside
    assert 'annotations[0].bbox' in box
    x1, y1, x2, y2 = file.frames[0][0].bbox
    assert x1 < 10 and y1 < 5 and x2 > 40 and y2 > 15
    shown = []
    Prompts(file.frames, make_clip()).show(
        SimpleNamespace(prompt=lambda *args: shown.append(args)), 0, None)
    np.testing.assert_array_equal(shown[0][1],
                                  [[[10, 5], [np.nan] * 2, [np.nan] * 2]])
    # The label itself is as it was given, to be written like that.
    assert file.frames[0][0].keypoints[1].tolist() == [40, 15]


def second(**entry):
    """Two labels, and what the second says."""
    return labels({}, dict(dict(image_id=1), **entry))


def point(i, value):
    """A value of its keypoints."""
    return second(keypoints=[*POINTS[:i], value, *POINTS[i + 1:]])


@pytest.mark.parametrize('content, message', [
    ([], 'no "images"'),
    (dict(labels(), annotations=[]), '"annotations" is empty'),
    (labels(dict(labelled=False)), 'set "labelled" to true'),
    (dict(labels(), categories=[]), 'categories must hold one with keypoints'),
    (labels(keypoints=None), 'categories must hold one'),
    (labels(keypoints=3), "keypoints is 3.*'foot'"),
    (labels(keypoints=NAMES[:2]),
     r"categories\[0\].keypoints.*'foot'. are missing"),
    (labels(keypoints=NAMES + ['head']), r'keypoints\[3\] is head'),
    (labels(dict(image_id=4), images=[dict(id=4, frame_index=4)]),
     'frame_index.* from 0 to 3'),
    (second(image_id=7), r'annotations\[1\].image_id'),
    (second(image_id=0), r'annotations\[1\].*frame 0 without a track_id'),
    (labels(dict(track_id=2), dict(track_id=2)),
     r'annotations\[1\].*frame 0 whose track_id is 2'),
    (second(track_id=0), r'annotations\[0\] has no "track_id"'),
    (second(labelled='no'), r"\[1\].labelled is 'no'"),
    (second(keypoints=None), r'\[1\].keypoints'),
    (second(keypoints=POINTS[:8]), r'\[1\].keypoints .* 9 values'),
    (second(keypoints=[[1, 2]] * 3), r'\[1\].keypoints .* 9 values'),
    (point(0, None), 'None, 5'),
    (point(1, float('nan')), '10, nan'),
    (point(0, True), 'True, 5'),
    (second(keypoints=[0] * 9), r'\[1\].keypoints .*v > 0'),
    *[(point(5, v), rf'number 1 \(from 0\) is 20, 15, {v!r}')
      for v in (3, 0.9, True, None, '2', float('nan'))],
    (second(bbox=[1, 2, 3]), r'\[1\].bbox'),
    (second(keypoints=[.1, .2, 2] * 3), r'\[1\].keypoints lie between 0'),
    (second(keypoints=[50, 20, 2] * 3),
     r'\[1\].keypoints lie outside of frame 1, which is 40 x 30'),
])  # yapf: disable
def test_files_of_labels_that_are_refused(read_labels, content, message):
    with pytest.raises(ValueError, match=message):
        read_labels(content)


def test_labels_about_nobody(read_labels):
    """Whose labels have an effect depends on who has boxes."""
    frames = read_labels(
        labels(dict(track_id=3), dict(track_id=5, image_id=2))).frames
    assert compare_people(frames, {0: [3, 5], 1: [3, 5], 2: [5, 3]}) == []
    with pytest.raises(ValueError, match=r'track_id.*\[3, 5\].*\[0, 8\]'):
        compare_people(frames, {0: [0], 1: [8]})
    message, = compare_people(frames, {0: [3], 2: [3]})
    assert '[5]' in message and '[3]' in message
    message, = compare_people(frames, {0: [3, 5], 2: [3]})
    assert '[5]' in message and 'frame 2' in message
