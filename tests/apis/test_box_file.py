# Copyright (c) temporal_corr authors. All rights reserved.
import json

import numpy as np
import pytest

from projects.temporal_corr.apis import BoxFile, SourceFrame


class Source:
    """What is asked of a FrameSource."""

    def __init__(self, files=(), num_frames=3):
        self.path = 'clip'
        self.files = [f'folder/{name}' for name in files]
        self.num_frames = num_frames


def frame(index):
    return SourceFrame(index, '', np.zeros((4, 4, 3), np.uint8), True)


def write(tmp_path, entries):
    path = tmp_path / 'boxes.json'
    path.write_text(entries if isinstance(entries, str) else json.
                    dumps(entries))
    return str(path)


BOX = dict(image_id=0, bbox=[1, 2, 3, 4])


def test_boxes_and_identities(tmp_path):
    path = write(tmp_path, [
        dict(image_id=1, bbox=[1, 2, 3, 4], score=0.5, track_id=4),
        dict(image_id=0, bbox=[5, 5, 1, 1], track_id=4),
        dict(frame_index=1, bbox=[0, 0, 2.5, 2], score=0.2, track_id=2),
        dict(image_id=1, bbox=[0, 0, 9, 9], track_id=8, category_id=3),
        dict(image_id=7, bbox=[0, 0, 9, 9], track_id=8),
    ])
    boxes = BoxFile(path, Source(), 0.3)
    assert boxes.has_identities and boxes.num_unmatched == 1
    found = boxes(frame(1))
    assert found.bboxes.tolist() == [[1, 2, 4, 6]]
    assert found.track_ids == [4] and found.scores.tolist() == [0.5]
    assert boxes(frame(0)).scores.tolist() == [1]
    assert boxes(frame(2)).bboxes.shape == (0, 4)
    # A tracker uses weak ones, too.
    assert boxes.find(frame(1))[0].tolist() == [[1, 2, 4, 6], [0, 0, 2.5, 2]]


def test_frames_by_file_name(tmp_path):
    path = write(tmp_path, [
        dict(file_name='any/where/b.png', bbox=[0, 0, 1, 1]),
        dict(image_id='a.png', bbox=[0, 0, 2, 2]),
    ])
    boxes = BoxFile(path, Source(['a.png', 'b.png'], 2))
    assert not boxes.has_identities
    assert boxes.find(frame(0))[0].tolist() == [[0, 0, 2, 2]]
    assert boxes.find(frame(1))[0].tolist() == [[0, 0, 1, 1]]


def test_video_of_unknown_length(tmp_path):
    path = write(tmp_path, [dict(BOX, image_id=10**6)])
    assert len(BoxFile(path, Source(num_frames=None))(frame(10**6)).scores)


def test_nobody_at_all(tmp_path):
    boxes = BoxFile(write(tmp_path, []), Source())
    assert boxes.has_identities
    assert boxes(frame(0)).track_ids == []


@pytest.mark.parametrize('entries, message', [
    ('{', 'is no JSON file'),
    (dict(annotations=[]), 'holds a dict; it must be a list'),
    ([BOX, 3], r'entry 1 \(from 0\): is 3, not a dictionary'),
    ([dict(bbox=[1, 2, 3, 4])], 'entry 0.*names no frame; add "image_id"'),
    ([dict(image_id=0)], '"bbox" is None; it must be four'),
    ([dict(BOX, bbox=[1, 2, 3])], 'must be four numbers x, y, w, h'),
    ([dict(BOX, bbox=[1, 2, 3, 'x'])], 'must be four numbers'),
    ('[{"image_id": 0, "bbox": [1, 2, NaN, 4]}]', 'must be four numbers'),
    ([dict(BOX, bbox=[1, 2, 0, 4])], 'no area'),
    ([dict(BOX, score='high')], '"score" is \'high\', not a number'),
    ([dict(BOX, track_id='a')], '"track_id" is \'a\', not an integer'),
    ([BOX, dict(BOX, track_id=1)], 'in some entries and not in others'),
    ([dict(BOX, track_id=1)] * 2, '2 boxes with "track_id" 1 in frame 0'),
    ([dict(BOX, image_id=3)], 'no box for any frame of clip'),
    ([dict(bbox=[1, 2, 3, 4], file_name='a.png')], 'no box for any frame'),
])
def test_bad_files(tmp_path, entries, message):
    path = write(tmp_path, entries)
    with pytest.raises(ValueError, match=message) as info:
        BoxFile(path, Source())
    assert path in str(info.value)


def test_missing_file():
    with pytest.raises(FileNotFoundError, match='no file of boxes none.json'):
        BoxFile('none.json', Source())
