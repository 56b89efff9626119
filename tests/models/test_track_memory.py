# Copyright (c) temporal_corr authors. All rights reserved.
"""The memory keeps the order, the right values, and no more than that."""
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from mmpose.structures import PoseDataSample

from projects.temporal_corr.models import TrackFrame, TrackMemory


def frame(index, video='catch/A', length=10, **kwargs):
    """Frame number ``index`` of a video of ``length`` frames."""
    kwargs.setdefault('previous_frame_index', index - 1)
    kwargs.setdefault('is_first', index == 0)
    kwargs.setdefault('is_last', index == length - 1)
    return TrackFrame(video, index, **kwargs)


def value(number, rows=1):
    return dict(exemplars=torch.full((rows, 3), float(number)))


def visit(memory, *frames):
    """Recall and remember each frame, its index being its value."""
    for each in frames:
        memory.recall([each])
        memory.remember([each], value(each.frame_index))


def test_hands_the_value_on():
    memory = TrackMemory()
    assert memory.recall([frame(0)]) is None
    memory.remember([frame(0)], value(7))
    torch.testing.assert_close(memory.recall([frame(1)]), value(7))


@pytest.mark.parametrize(
    'seen, then, numbers, reason', [
        ([0, 1], frame(1), (1, ), 'a frame twice'),
        ([0, 1, 2], frame(1), (1, 2), 'an earlier frame'),
        ([0, 1], frame(3), (3, 1), 'a frame skipped'),
        ([], frame(4), (4, ), 'a video that was never started'),
        ([0, 1, 2], frame(0), (0, 2), 'started again before its end'),
        ([*range(10)], frame(9), (9, ), 'the last frame twice'),
    ],
    ids=lambda case: case if isinstance(case, str) else '')
def test_order_errors(seen, then, numbers, reason):
    """The message names the video, the frames and what to do."""
    memory = TrackMemory()
    visit(memory, *(frame(index) for index in seen))
    with pytest.raises(RuntimeError) as error:
        memory.recall([then])
    message = str(error.value)
    assert '"catch/A"' in message and 'VideoSampler' in message
    for number in numbers:
        assert f'frame {number}' in message or f'{number}, too' in message


def test_other_videos_are_no_excuse():
    """Order is kept for each video, whatever came in between."""
    memory = TrackMemory()
    visit(memory, frame(0), frame(0, 'catch/B'), frame(1, 'catch/B'))
    with pytest.raises(RuntimeError, match='catch/A'):
        memory.recall([frame(2, 'catch/B'), frame(2)])
    torch.testing.assert_close(memory.recall([frame(1)]), value(0))


def test_strided_frames():
    """previous_frame_index says which frame is due, e.g. with a stride."""
    memory = TrackMemory()
    visit(memory, frame(0), frame(5, previous_frame_index=0))
    with pytest.raises(RuntimeError, match='right after frame 5'):
        memory.recall([frame(15, previous_frame_index=10)])
    torch.testing.assert_close(
        memory.recall([frame(10, previous_frame_index=5)]), value(5))


def test_without_previous_frame_index_gaps_are_accepted():
    """A live camera drops frames; backwards stays an error."""
    memory = TrackMemory()
    visit(memory, frame(0), frame(4, previous_frame_index=None))
    torch.testing.assert_close(
        memory.recall([frame(9, previous_frame_index=None)]), value(4))
    with pytest.raises(RuntimeError, match='right after frame 4'):
        memory.recall([frame(2, previous_frame_index=None)])


def test_a_new_shot_starts_from_nothing():
    memory = TrackMemory()
    visit(memory, frame(0), frame(1))
    shot = frame(2, is_first=True, previous_frame_index=-1)
    assert memory.recall([shot]) is None
    memory.remember([shot], value(2))
    torch.testing.assert_close(memory.recall([frame(3)]), value(2))


def test_freed_at_the_last_frame():
    memory = TrackMemory()
    visit(memory, *(frame(index, length=3) for index in range(2)))
    assert len(memory) == 1
    visit(memory, frame(2, length=3))
    assert len(memory) == 0
    # The next evaluation of the same video is welcome.
    assert memory.recall([frame(0, length=3)]) is None


def test_a_video_of_one_frame_leaves_nothing():
    memory = TrackMemory()
    visit(memory, frame(0, length=1))
    assert len(memory) == 0


def test_reset():
    memory = TrackMemory()
    visit(memory, frame(0), frame(0, 'catch/B'))
    memory.reset()
    assert len(memory) == 0
    assert memory.recall([frame(0)]) is None
    with pytest.raises(RuntimeError, match='no earlier frame'):
        memory.recall([frame(1)])


def test_max_tracks_forgets_who_waited_longest():
    memory = TrackMemory(max_tracks=2)
    visit(memory, frame(0, 'A'), frame(0, 'B'), frame(1, 'A'),
          frame(0, 'C'))
    assert len(memory) == 2
    torch.testing.assert_close(memory.recall([frame(2, 'A')]), value(1))
    torch.testing.assert_close(memory.recall([frame(1, 'C')]), value(0))
    with pytest.raises(RuntimeError, match='"B"'):
        memory.recall([frame(1, 'B')])


def test_persons_and_mirrored_passes_are_apart():
    memory = TrackMemory()
    tracks = [
        frame(0),
        frame(0, track_id=1),
        frame(0, mirrored=True),
        frame(0, track_id=1, mirrored=True)
    ]
    memory.recall(tracks)
    memory.remember(tracks, dict(part=torch.arange(4.)[:, None]))
    assert len(memory) == 4
    following = [
        each._replace(
            frame_index=1, is_first=False, previous_frame_index=0)
        for each in reversed(tracks)
    ]
    recalled = memory.recall(following)['part']
    assert recalled.flatten().tolist() == [3., 2., 1., 0.]


def test_unknown_rows_are_zero():
    memory = TrackMemory()
    visit(memory, frame(0), frame(1))
    recalled = memory.recall([frame(0, 'B'), frame(2), frame(0, 'C')])
    rows = torch.tensor([0., 1., 0.])[:, None].expand(3, 3)
    torch.testing.assert_close(recalled, dict(exemplars=rows))


def test_tensors_of_several_shapes():
    """As an LSTM's state."""
    memory = TrackMemory()
    built = dict(h=torch.randn(2, 3, 2), crops=torch.ones(2))
    frames = [frame(0, 'A'), frame(0, 'B')]
    memory.recall(frames)
    memory.remember(frames, built)
    recalled = memory.recall([frame(1, 'B'), frame(0, 'C'), frame(1, 'A')])
    torch.testing.assert_close(
        recalled, {
            name: torch.stack([was[1], torch.zeros_like(was[0]), was[0]])
            for name, was in built.items()
        })


def test_keeps_its_own_copy_without_graph():
    """Neither later changes nor the autograd graph reach the memory."""
    memory = TrackMemory()
    batch = torch.ones(8, 3, requires_grad=True) * 2
    memory.recall([frame(0)])
    memory.remember([frame(0)], dict(exemplars=batch))
    with torch.no_grad():
        batch.zero_()
    recalled = memory.recall([frame(1)])
    torch.testing.assert_close(recalled, value(2))
    assert not recalled['exemplars'].requires_grad


def stored_bytes(memory):
    """Bytes of every storage that is kept alive, each counted once."""
    storages = {}
    for entry in memory._entries.values():
        storage = entry.value['exemplars'].untyped_storage()
        storages[storage.data_ptr()] = storage.nbytes()
    return sum(storages.values())


def test_constant_over_ten_thousand_frames():
    """One row, not the batch it came in, is kept; 15 x 128 floats."""
    memory = TrackMemory()
    batch = dict(exemplars=torch.zeros(4, 15, 128))
    sizes = set()
    for index in range(10_000):
        due = frame(index, length=20_000)
        memory.recall([due])
        memory.remember([due], batch)
        if index % 1000 == 0:
            sizes.add((len(memory), stored_bytes(memory)))
    assert sizes == {(1, 15 * 128 * 4)}


def test_many_short_videos_leave_nothing():
    memory = TrackMemory()
    for video in range(500):
        visit(memory, *(frame(i, str(video), length=3) for i in range(3)))
    assert len(memory) == 0


@settings(max_examples=30, deadline=None, derandomize=True)
@given(data=st.data())
def test_interleaved_videos_get_their_own_values(data):
    """Any interleaving, in batches of any size: each video sees its own."""
    lengths = data.draw(
        st.lists(st.integers(1, 6), min_size=1, max_size=5), label='lengths')
    due = {video: 0 for video in range(len(lengths))}
    memory = TrackMemory()
    while due:
        batch = data.draw(
            st.lists(
                st.sampled_from(sorted(due)), min_size=1, unique=True),
            label='batch')
        frames = [
            frame(due[video], str(video), lengths[video]) for video in batch
        ]
        # The value of frame i of video v is 100 v + i + 1, never zero.
        wanted = [[100. * video + due[video] if due[video] else 0.]
                  for video in batch]
        recalled = memory.recall(frames)
        if all(row == [0.] for row in wanted):
            assert recalled is None
        else:
            assert recalled['number'].tolist() == wanted
        memory.remember(
            frames,
            dict(
                number=torch.tensor([[100. * video + due[video] + 1]
                                     for video in batch])))
        for video in batch:
            due[video] += 1
            if due[video] == lengths[video]:
                del due[video]
        assert len(memory) == sum(0 < index for index in due.values())
    assert len(memory) == 0


def sample(**metainfo):
    return PoseDataSample(metainfo=dict(img_path='a.png', **metainfo))


def test_read_from_a_sample():
    fields = dict(
        video_id='catch/A',
        frame_index=3,
        is_first=False,
        is_last=True,
        previous_frame_index=2,
        track_id=1)
    assert TrackFrame.from_sample(sample(**fields)) == TrackFrame(**fields)
    mirrored = TrackFrame.from_sample(sample(**fields), mirrored=True)
    assert mirrored.mirrored and mirrored.key != TrackFrame(**fields).key


def test_optional_fields_of_a_sample():
    read = TrackFrame.from_sample(
        sample(video_id='A', frame_index=0, is_first=True, is_last=False))
    assert read == TrackFrame('A', 0, True, False, 0, None, False)


def test_image_samples_have_no_track():
    assert TrackFrame.from_sample(sample()) is None


def test_half_of_the_video_fields_is_an_error():
    with pytest.raises(KeyError) as error:
        TrackFrame.from_sample(sample(video_id='A', frame_index=0))
    for part in ('a.png', 'is_first', 'is_last', 'PackClipInputs'):
        assert part in str(error.value)


def test_forgets_one_person_in_both_passes():
    memory = TrackMemory()
    people = [(0, False), (0, True), (1, False)]
    for track_id, mirrored in people:
        visit(memory, frame(0, track_id=track_id, mirrored=mirrored))
    memory.forget('catch/A', 0)
    memory.forget('catch/A', 5)  # never seen
    assert len(memory) == 1
    assert memory.recall([frame(1, track_id=1)]) is not None
    with pytest.raises(RuntimeError, match='no earlier frame'):
        memory.recall([frame(1)])
