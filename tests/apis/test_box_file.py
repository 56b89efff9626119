# Copyright (c) temporal_corr authors. All rights reserved.
import json
import re

import cv2
import numpy as np
import pytest

from projects.temporal_corr.apis import BoxFile, FrameSource, SourceFrame


@pytest.fixture
def source(tmp_path):
    """Makes a folder of three pictures of 40 x 30 pixels, and its source."""

    def make(names=('00.png', '01.png', '02.png'), folder='act/clip'):
        path = tmp_path / folder
        path.mkdir(parents=True)
        for name in names:
            cv2.imwrite(str(path / name), np.zeros((30, 40, 3), np.uint8))
        return FrameSource(str(path))

    return make


@pytest.fixture
def video(tmp_path):
    """A video clip.avi of three frames of 40 x 30 pixels."""
    path = str(tmp_path / 'clip.avi')
    writer = cv2.VideoWriter(path, cv2.VideoWriter_fourcc(*'MJPG'), 5,
                             (40, 30))
    for _ in range(3):
        writer.write(np.zeros((30, 40, 3), np.uint8))
    writer.release()
    return FrameSource(path)


def frame(index):
    return SourceFrame(index, np.zeros((4, 4, 3), np.uint8), True)


def write(tmp_path, entries):
    path = tmp_path / 'boxes.json'
    path.write_text(
        entries if isinstance(entries, str) else json.dumps(entries))
    return str(path)


def numbers(boxes):
    """How many boxes each of the three frames has."""
    return [len(boxes.find(frame(index))[0]) for index in range(3)]


BOX = dict(image_id=0, bbox=[1, 2, 3, 4])


def test_boxes_and_identities(tmp_path, source):
    path = write(tmp_path, [
        dict(image_id=1, bbox=[1, 2, 3, 4], score=0.5, track_id=4),
        dict(image_id=0, bbox=[5, 5, 1, 1], track_id=4),
        dict(frame_index=1, bbox=[0, 0, 2.5, 2], score=0.2, track_id=2),
        dict(image_id=1, bbox=[0, 0, 9, 9], track_id=8, category_id=3),
        dict(image_id=7, bbox=[0, 0, 9, 9], track_id=8),
    ])
    boxes = BoxFile(path, source(), 0.3)
    assert boxes.has_identities
    # What is left out is told, each with its own reason.
    category, number = boxes.messages
    assert re.search(r'1 entries.*entries\[3\].*category_id is 3', category)
    assert re.search(r'1 entries.*entries\[4\].*count from 0 to 2', number)
    found = boxes(frame(1))
    assert found.bboxes.tolist() == [[1, 2, 4, 6]]
    assert found.track_ids == [4] and found.scores.tolist() == [0.5]
    assert boxes(frame(0)).scores.tolist() == [1]
    assert boxes(frame(2)).bboxes.shape == (0, 4)
    assert boxes.people() == {0: [4], 1: [4]}
    # A tracker uses weak ones, too.
    assert boxes.find(frame(1))[0].tolist() == [[1, 2, 4, 6], [0, 0, 2.5, 2]]


def test_frames_by_file_name(tmp_path, source):
    path = write(tmp_path, [
        dict(file_name='clip/b.png', bbox=[0, 0, 1, 1]),
        dict(image_id='a.png', bbox=[0, 0, 2, 2]),
    ])
    boxes = BoxFile(path, source(['a.png', 'b.png']))
    assert not boxes.has_identities and not boxes.messages
    assert boxes.find(frame(0))[0].tolist() == [[0, 0, 2, 2]]
    assert boxes.find(frame(1))[0].tolist() == [[0, 0, 1, 1]]


@pytest.mark.parametrize('name', [
    '01.png', '01', '01.PNG', './01.png', 'clip/01.png', 'act/clip/01.png',
    'act\\clip\\01.png', 'clip\\01', '/elsewhere/act/clip/01.png',
    'C:\\elsewhere\\clip\\01.png', '../clip/01.png'
])
def test_ways_to_name_an_image(tmp_path, source, name):
    """Of any system, with as many folders as there are, or none."""
    for field in ('file_name', 'image_id'):
        boxes = BoxFile(
            write(tmp_path, [{field: name, 'bbox': [1, 2, 3, 4]}]),
            source(folder=f'{field}/act/clip'))  # yapf: disable
        assert numbers(boxes) == [0, 1, 0]


@pytest.mark.parametrize('name', [
    'other/01.png', 'other/clip/01.png', 'act/other/01.png', 'other\\clip\\01',
    '/elsewhere/act/other/01.png', 'other/1'
])
@pytest.mark.parametrize('more', [{}, dict(frame_index=1)])
def test_another_video(tmp_path, source, name, more):
    """Its frames have the same names, so folders decide."""
    entry = dict(more, file_name=name, bbox=[1, 2, 3, 4])
    clip = source()
    with pytest.raises(ValueError, match='file_name.* has other folders'):
        BoxFile(write(tmp_path, [entry]), clip)
    boxes = BoxFile(write(tmp_path, [entry, BOX]), clip)
    assert numbers(boxes) == [1, 0, 0]
    message, = boxes.messages
    assert '1 entries' in message and 'file_name' in message


def test_absolute_paths_of_another_computer(tmp_path, source):
    """The one with the most folders of the input is about it, and a warning
    says that the others were not compared."""
    entries = [
        dict(file_name=f'/home/{clip}/img/01.png', bbox=[1, 2, 3, 4])
        for clip in ('a', 'b')
    ]
    clip = source(folder='b/img')
    boxes = BoxFile(write(tmp_path, entries), clip)
    assert numbers(boxes) == [0, 1, 0]
    assert any('b/img' in message for message in boxes.messages)
    assert any('other folders' in message for message in boxes.messages)


def test_names_of_a_video(tmp_path, video):
    """STEM/NUMBER as this project writes it, numbers as text, the name of
    the file, and pictures of an annotation tool with their number."""
    entries = [
        dict(file_name='clip/1', bbox=[1, 2, 3, 4]),
        dict(image_id='1', bbox=[1, 2, 3, 4]),
        dict(image_id=1., bbox=[1, 2, 3, 4]),
        dict(frame_index='1', file_name='clip.avi', bbox=[1, 2, 3, 4]),
        dict(frame_index=1, file_name='frame_1.PNG', bbox=[1, 2, 3, 4]),
    ]
    assert numbers(BoxFile(write(tmp_path, entries), video)) == [0, 5, 0]
    for name in ('other/1', 'other.avi', 'clip/other/1'):
        entry = dict(frame_index=1, file_name=name, bbox=[1, 2, 3, 4])
        with pytest.raises(ValueError, match='file_name.* has other folders'):
            BoxFile(write(tmp_path, [entry]), video)
    entry = dict(file_name='frame_1.PNG', bbox=[1, 2, 3, 4])
    with pytest.raises(ValueError, match='file_name.*add "frame_index"'):
        BoxFile(write(tmp_path, [entry]), video)


@pytest.mark.parametrize(
    'entry, message',
    [
        # the image, or the number?
        (dict(image_id='2'), "image_id is '2', which is frame 1.*frame 2"),
        (dict(file_name='1.png', frame_index=1), 'frame 0 .*frame 1'),
        # a.png or a.jpg?
        (dict(file_name='a'), 'file_name.*frame 2 or 3: give the whole name'),
    ])
def test_frames_in_doubt(tmp_path, source, entry, message):
    clip = source(['1.png', '2.png', 'a.jpg', 'a.png'])
    with pytest.raises(ValueError, match=message):
        BoxFile(write(tmp_path, [dict(entry, bbox=[1, 2, 3, 4])]), clip)


def test_several_videos_that_only_ids_tell_apart(tmp_path, source):
    path = write(
        tmp_path,
        [dict(frame_index=0, bbox=[1, 2, 3, 4], video_id=i) for i in (3, 5)])
    with pytest.raises(ValueError, match=r'entries\[1\].*video_id.*3, 5'):
        BoxFile(path, source())


def test_video_of_unknown_length(tmp_path, source):
    path, clip = write(tmp_path, [dict(BOX, image_id=10**6)]), source()
    clip.num_frames, clip.files, clip.kind = None, [], 'webcam'
    assert len(BoxFile(path, clip)(frame(10**6)).scores)


def test_nobody_at_all(tmp_path, source):
    boxes = BoxFile(write(tmp_path, []), source())
    assert boxes.has_identities
    assert boxes(frame(0)).track_ids == []
    assert 'has no box' in boxes.messages[0]


def test_nobody_is_certain(tmp_path, source):
    boxes = BoxFile(write(tmp_path, [dict(BOX, score=.2)]), source(), 0.3)
    assert '0.3 (--bbox-thr)' in boxes.messages[0]


@pytest.mark.parametrize('categories, kept', [
    ([0, 0], 2),
    ([None, None], 2),
    (['1', 1.], 2),
    ([3, 3], 2),
    ([1, 17], 1),
    ([None, 17], 1),
    (['person', 'dog'], 1),
])
def test_categories_without_names(tmp_path, source, categories, kept):
    """A single one is people; of several it is COCO's 1."""
    boxes = BoxFile(
        write(tmp_path, [dict(BOX, category_id=c) for c in categories]),
        source())
    assert numbers(boxes) == [kept, 0, 0]
    assert len(boxes.messages) == (kept == 1)
    assert all('category_id' in message for message in boxes.messages)


@pytest.mark.parametrize('categories',
                         [[0, 1], [2, 3], [0, None], ['dog', 'cat']])
def test_categories_in_doubt(tmp_path, source, categories):
    """From 0 or from 1? The user is asked, and can tell."""
    path = write(tmp_path, [
        dict(image_id=i, bbox=[1, 2, 3, 4], category_id=c)
        for i, c in enumerate(categories)
    ])
    clip = source()
    with pytest.raises(ValueError, match='category_id.*--bbox-cat'):
        BoxFile(path, clip)
    if categories[0] != 'dog':
        assert numbers(BoxFile(path, clip,
                               category=categories[0])) == [1, 0, 0]
    with pytest.raises(ValueError, match='category_id.*people 9'):
        BoxFile(path, clip, category=9)


def data_set(**images):
    """A file in COCO's format of data sets; the second box is a dog's."""
    return dict(
        images=[
            dict(id=5, file_name='x/01.png'),
            dict(id='6', file_name='clip/02.png', **images)
        ],
        annotations=[
            dict(image_id=6, bbox=[1, 2, 3, 4], category_id=8),
            dict(image_id='6', bbox=[0, 0, 9, 9], category_id=7),
            dict(image_id=5, bbox=[1, 2, 3, 4], category_id=8),
        ],
        categories=[dict(id=7, name='dog'),
                    dict(id=8, name='Person')])


def test_data_set(tmp_path, source):
    boxes = BoxFile(write(tmp_path, data_set(width=40, height='30')), source())
    assert boxes.find(frame(2))[0].tolist() == [[1, 2, 4, 6]]
    assert numbers(boxes) == [0, 0, 1]
    assert ['category_id' in message
            for message in boxes.messages] == [True, False]


def test_data_set_of_another_size(tmp_path, source):
    path = write(tmp_path, data_set(width=80, height=60))
    with pytest.raises(ValueError) as info:
        BoxFile(path, source())
    for part in (path, 'images[1]', 'clip/02.png', '80 x 60', '40 x 30'):
        assert part in str(info.value)


def test_pictures_of_different_sizes(tmp_path, source):
    """Each is compared with what is said of it."""
    clip = source()
    cv2.imwrite(clip.files[2], np.zeros((60, 80, 3), np.uint8))
    boxes = BoxFile(write(tmp_path, data_set(width=80, height=60)), clip)
    assert numbers(boxes) == [0, 0, 1]
    far = [dict(image_id=i, bbox=[50, 40, 9, 9]) for i in (1, 2)]
    assert numbers(BoxFile(write(tmp_path, far), clip)) == [0, 0, 1]


def test_boxes_outside(tmp_path, source):
    """Who has left the picture is nobody; it is an error if all have."""
    outside = [
        dict(image_id=1, bbox=box)
        for box in ([40, 0, 5, 5], [0, 30, 5, 5], [-9, 3, 9, 5])
    ]
    clip = source()
    boxes = BoxFile(write(tmp_path, [BOX, *outside]), clip)
    assert numbers(boxes) == [1, 0, 0]
    assert '3 entries' in boxes.messages[0] and 'bbox' in boxes.messages[0]
    with pytest.raises(ValueError, match='bbox lies outside'):
        BoxFile(write(tmp_path, outside), clip)
    shares = [dict(image_id=i, bbox=[.3, .2, .3, .5]) for i in range(3)]
    with pytest.raises(ValueError, match=r'\.bbox.* between 0 and 1'):
        BoxFile(write(tmp_path, shares), clip)


def test_what_programs_write(tmp_path, source):
    """Byte order marks; null, numbers as text; who it is in attributes."""
    entries = [
        dict(BOX, track_id='7', score=None, file_name=None),
        dict(BOX, track_id=None, attributes=dict(track_id=8.), score='.5'),
        dict(BOX, attributes=dict(object_id='9')),
    ]
    path = tmp_path / 'boxes.json'
    path.write_text(json.dumps(entries), encoding='utf-8-sig')
    people = BoxFile(str(path), source())(frame(0))
    assert people.track_ids == [7, 8, 9]
    assert people.scores.tolist() == [1, .5, 1]


@pytest.mark.parametrize('entries, message', [
    ('{', 'is not a complete JSON file'),
    (dict(annotations=[]), 'is a dict, not a list.*must be a list of boxes'),
    (dict(images={}, annotations=[]), 'images is a dict, not a list'),
    (dict(images=[dict(id=1, frame_index=0)] * 2,
          annotations=[BOX]), r'images\[1\].id is 1, as images\[0\].id'),
    (dict(images=[dict(id=1, frame_index=0)], annotations=[BOX]),
     r'annotations\[0\].image_id is 0, which no entry of images'),
    (dict(images=[dict(id=1, frame_index=0)], annotations=[],
          categories=['person']), r'categories\[0\] is .person.'),
    # The frames count from 1: all would be one too late.
    ([dict(BOX, image_id=i) for i in (1, 2, 3)],
     r'entries\[0\].*1 to 3.*count from 0'),
    ([dict(BOX, file_name=3)], r'entries\[0\].file_name is 3'),
    ([BOX, 3], r'\[1\] is 3, not a dictionary'),
    ([dict(bbox=[1, 2, 3, 4])], r'entries\[0\] names no frame; add'),
    ([dict(BOX, image_id=None)], r'entries\[0\] names no frame; add'),
    ([dict(BOX, image_id=[1])], r'image_id is \[1\]; it must be the number'),
    ([dict(BOX, image_id=1.5)], r'image_id is 1.5; it must be the number'),
    ([dict(BOX, frame_index='x')], "frame_index is 'x'; it must be the num"),
    ([dict(image_id=0)], 'bbox is None; it must be four'),
    ([dict(BOX, bbox=[1, 2, 3])], 'must be four numbers x, y, w, h'),
    ([dict(BOX, bbox=[1, 2, 3, 'x'])], 'must be four numbers'),
    ([dict(BOX, bbox=[1, 2, 3, True])], 'must be four numbers'),
    ('[{"image_id": 0, "bbox": [1, 2, NaN, 4]}]', 'must be four numbers'),
    ([dict(BOX, bbox=[1, 2, 0, 4])], 'no area'),
    ([dict(BOX, score='high')], 'score is \'high\', not a number'),
    ('[{"image_id": 0, "bbox": [1, 2, 3, 4], "score": NaN}]', 'score is nan'),
    ([dict(BOX, category_id=[1])], r'category_id is \[1\]'),
    ([dict(BOX, track_id='a')], 'track_id is \'a\', not an integer'),
    ([dict(BOX, track_id=-1)], 'track_id is -1'),
    ([dict(BOX, attributes=dict(track_id=1.5))], 'attributes.track_id is 1.5'),
    ([BOX, dict(BOX, track_id=1)], r'entries\[0\] has no "track_id" and .*'
     r'entries\[1\]'),
    ([dict(BOX, track_id=1)] * 2, '2 boxes with "track_id" 1 in frame 0'),
    ([dict(BOX, image_id=3)], 'no box for any frame of .*clip.*from 0 to 2'),
    ([dict(BOX, image_id=-1)], 'no box for any frame of .*clip.*from 0'),
    ([dict(bbox=[1, 2, 3, 4], file_name='a.png')], 'no box for any frame.*'
     'file_name is no image of the input'),
])
def test_bad_files(tmp_path, source, entries, message):
    path = write(tmp_path, entries)
    with pytest.raises(ValueError, match=message) as info:
        BoxFile(path, source())
    assert path in str(info.value)


def test_missing_file(source):
    with pytest.raises(FileNotFoundError, match='no file none.json'):
        BoxFile('none.json', source())
