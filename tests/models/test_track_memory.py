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


def strided(index, previous):
    return frame(index, previous_frame_index=previous)


def value(number):
    return dict(exemplars=torch.full((1, 3), float(number)))


def visit(*frames, **options):
    """A memory that has seen frames, the index of each being its value."""
    memory = TrackMemory(**options)
    for each in frames:
        memory.recall([each])
        memory.remember([each], value(each.frame_index))
    return memory


@pytest.mark.parametrize('seen, due, remembered', [
    pytest.param([frame(0), frame(0, 'B'), frame(1, 'B')], frame(1), 0,
                 id='whatever came in between'),
    pytest.param([frame(0), strided(5, 0)], strided(10, 5), 5, id='a stride'),
    pytest.param([frame(0), strided(4, None)], strided(9, None), 4,
                 id='a live camera drops frames'),
    pytest.param([frame(0), frame(1)], frame(2, is_first=True), None,
                 id='a new shot'),
    pytest.param([frame(0, is_last=True)], frame(0), None,
                 id='the next evaluation'),
])  # yapf: disable
def test_what_comes_next(seen, due, remembered):
    wanted = None if remembered is None else value(remembered)
    torch.testing.assert_close(visit(*seen).recall([due]), wanted)


@pytest.mark.parametrize('seen, then, words', [
    pytest.param([frame(0), frame(1)], frame(1), 'frame 1 .*frame 1',
                 id='twice'),
    pytest.param([frame(0), frame(1), frame(2)], frame(1),
                 'frame 1 .*frame 2', id='an earlier one'),
    pytest.param([frame(0), frame(1)], frame(3), 'frame 3 .*frame 1',
                 id='one skipped'),
    pytest.param([frame(0), strided(5, 0)], strided(15, 10),
                 'frame 15 .*frame 5', id='one skipped, of a stride'),
    pytest.param([frame(0), strided(4, None)], strided(2, None),
                 'frame 2 .*frame 4', id='backwards, of a live camera'),
    pytest.param([], frame(4), 'frame 4 ', id='never started'),
    pytest.param([frame(0), frame(1)], frame(0), 'frame 0 .*frame 1',
                 id='started again before its end'),
    pytest.param([frame(i) for i in range(10)], frame(9), 'frame 9 ',
                 id='the last one twice'),
    pytest.param([frame(0), frame(0, 'B')], frame(2), 'frame 2 .*frame 0',
                 id='another video is no excuse'),
])  # yapf: disable
def test_order_errors(seen, then, words):
    """The message names the video, the frames and what to do."""
    with pytest.raises(RuntimeError, match=words) as error:
        visit(*seen).recall([then])
    assert '"catch/A"' in str(error.value)
    assert 'VideoSampler' in str(error.value)


@settings(max_examples=30, deadline=None, derandomize=True)
@given(data=st.data())
def test_interleaved_videos_get_their_own_values(data):
    """Any interleaving, in batches of any size: each video sees its own,
    zeros at first, and nothing is left."""
    lengths = data.draw(st.lists(st.integers(1, 6), min_size=1, max_size=5))
    due = {video: 0 for video in range(len(lengths))}
    memory = TrackMemory()
    while due:
        batch = data.draw(
            st.lists(st.sampled_from(sorted(due)), min_size=1, unique=True))
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
        numbers = [[100. * video + due[video] + 1] for video in batch]
        memory.remember(frames, dict(number=torch.tensor(numbers)))
        for video in batch:
            due[video] += 1
            if due[video] == lengths[video]:
                del due[video]
        assert len(memory) == sum(0 < index for index in due.values())
    assert len(memory) == 0


def test_persons_and_passes_are_apart_and_forgotten():
    """Tensors of several shapes, as an LSTM's state; another order."""
    memory = TrackMemory()
    tracks = [frame(0, track_id=i, mirrored=m) for i in (0, 1)
              for m in (False, True)]  # yapf: disable
    built = dict(h=torch.randn(4, 3, 2), crops=torch.arange(1., 5.))
    memory.remember(tracks, built)
    following = [
        each._replace(frame_index=1, is_first=False, previous_frame_index=0)
        for each in reversed(tracks)
    ]
    recalled = memory.recall([frame(0, 'B'), *following])
    for name, part in built.items():
        wanted = torch.cat([torch.zeros_like(part[:1]), part.flip(0)])
        torch.testing.assert_close(recalled[name], wanted)
    memory.forget('catch/A', 0)
    memory.forget('catch/A', 5)  # never seen
    assert len(memory) == 2
    with pytest.raises(RuntimeError, match='no earlier frame'):
        memory.recall([frame(1)])
    memory.reset()
    assert len(memory) == 0 and memory.recall([frame(0)]) is None


def test_max_tracks_forgets_who_waited_longest():
    memory = visit(
        frame(0, 'A'), frame(0, 'B'), frame(1, 'A'), frame(0, 'C'),
        max_tracks=2)  # yapf: disable
    assert len(memory) == 2
    torch.testing.assert_close(memory.recall([frame(2, 'A')]), value(1))
    with pytest.raises(RuntimeError, match='"B"'):
        memory.recall([frame(1, 'B')])


def test_keeps_one_row_of_its_own():
    """Neither later changes, the graph, nor the rest of the batch stay."""
    memory = TrackMemory()
    batch = torch.ones(8, 3, requires_grad=True) * 2
    memory.remember([frame(0)], dict(exemplars=batch))
    with torch.no_grad():
        batch.zero_()
    [entry] = memory.entries().values()
    kept = entry.value['exemplars']
    assert kept.tolist() == [2., 2., 2.] and not kept.requires_grad
    assert kept.untyped_storage().nbytes() == 3 * 4


def test_read_from_a_sample():
    fields = dict(video_id='A', frame_index=3, is_first=False, is_last=True)
    more = dict(previous_frame_index=2, track_id=1)

    def read(**metainfo):
        return TrackFrame.from_sample(
            PoseDataSample(metainfo=dict(img_path='a.png', **metainfo)))

    assert read(**fields, **more) == TrackFrame(**fields, **more)
    assert read(**fields) == TrackFrame('A', 3, False, True, 0, None, False)
    assert read() is None
    with pytest.raises(KeyError, match='is_last'):
        read(video_id='A', frame_index=0, is_first=True)
