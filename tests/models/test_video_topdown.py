# Copyright (c) temporal_corr authors. All rights reserved.
"""The estimator: clips in training, videos in test."""
import numpy as np
import pytest
import torch
from mmpose.models.pose_estimators import TopdownPoseEstimator
from mmpose.models.utils.tta import flip_heatmaps

from projects.temporal_corr.models.resample import mirror

FLIP_INDICES = [0, 2, 1, 4, 3]
LENGTHS = dict(A=5, B=3, C=1, D=4)

ALL = pytest.mark.parametrize('temporal', ['correlation', 'heatmap', None])
TEMPORAL = pytest.mark.parametrize('temporal', ['correlation', 'heatmap'])


@pytest.fixture
def videos():
    """Frames (T, 3, 64, 64) and moving crops (T, 2, 3) of each video."""
    frames, crops = {}, {}
    for name, length in LENGTHS.items():
        frames[name] = torch.randn(length, 3, 64, 64)
        crops[name] = torch.eye(2, 3).repeat(length, 1, 1)
        crops[name][:, :, 2] = 12 * torch.rand(length, 2)
    return frames, crops


@pytest.fixture
def predict(video_sample, videos):
    """Predicts a batch of (video, frame index) pairs."""
    frames, crops = videos

    def run(model, rows):
        samples = [
            video_sample(index, name, LENGTHS[name], crops[name][index])
            for name, index in rows
        ]
        inputs = torch.stack([frames[name][index] for name, index in rows])
        with torch.no_grad():
            return model.predict(inputs, samples)

    return run


def stream(model, frames, crops):
    """Heatmaps (T, P, h, w) of one video, frame by frame."""
    memory, heatmaps = None, []
    with torch.no_grad():
        for frame, crop in zip(frames, crops):
            maps, memory = model.step(frame[None], memory, crop[None])
            heatmaps.append(maps)
    return torch.cat(heatmaps)


def keypoints(sample):
    return sample.pred_instances.keypoints


# --- a single-frame model without a past ---------------------------------


@pytest.mark.parametrize(
    'test_cfg', [
        dict(),
        dict(flip_test=True, flip_mode='heatmap', shift_heatmap=True),
        dict(flip_test=True, flip_mode='heatmap', shift_heatmap=False),
    ],
    ids=['plain', 'flip', 'flip without shift'])
@ALL
def test_starts_as_topdown_pose_estimator(temporal, test_cfg, make_model,
                                          single_frame_model, video_sample):
    """A checkpoint of MMPose's classes predicts what it always predicted."""
    test_cfg = dict(test_cfg, output_heatmaps=True)
    theirs = single_frame_model
    theirs.test_cfg = test_cfg
    ours = make_model(temporal, refine=0, test_cfg=test_cfg)
    result = ours.load_state_dict(theirs.state_dict(), strict=False)
    assert result.unexpected_keys == []
    prefixes = tuple('head.' + p for p in ours.head.temporal_parameters)
    assert all(key.startswith(prefixes) for key in result.missing_keys)
    assert type(theirs) is TopdownPoseEstimator
    memory_of_the_first_frame = []
    for index in range(3):
        inputs = torch.randn(2, 3, 64, 64)

        def samples():
            return [video_sample(index, name) for name in 'AB']

        with torch.no_grad():
            wanted = theirs.predict(inputs, samples())
            got = ours.predict(inputs, samples())
        for one, two in zip(got, wanted):
            # The two passes of a flip test are one batch here: rounding.
            torch.testing.assert_close(
                one.pred_fields.heatmaps,
                two.pred_fields.heatmaps,
                atol=1e-5,
                rtol=1e-5)
            np.testing.assert_array_equal(keypoints(one), keypoints(two))
            np.testing.assert_array_equal(one.pred_instances.bboxes,
                                          two.pred_instances.bboxes)
        memory_of_the_first_frame.append(len(ours.memory))
    # It did remember; the residual block just does not speak yet.
    passes = 2 if test_cfg.get('flip_test') else 1
    assert memory_of_the_first_frame == [2 * passes * bool(temporal)] * 3


@ALL
def test_tensor_mode_is_single_frame(temporal, make_model):
    """What get_flops, the inferencer and exports call."""
    model = make_model(temporal)
    inputs = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        heatmaps = model(inputs, None, mode='tensor')
        assert torch.equal(heatmaps, model._forward(inputs))
        assert torch.equal(heatmaps, model.step(inputs)[0])
    assert heatmaps.shape == (2, 5, 16, 16)
    assert len(model.memory) == 0


@TEMPORAL
def test_images_are_predicted_alone(temporal, make_model, video_sample):
    """No video fields: no memory, and no order to keep."""
    model = make_model(temporal)
    inputs = torch.randn(2, 3, 64, 64)
    with torch.no_grad():
        first, second = (
            model.predict(inputs, [video_sample(video=None)] * 2)
            for _ in range(2))
        wanted = model.head.decode(model(inputs, None, mode='tensor'))
    assert len(model.memory) == 0
    np.testing.assert_array_equal(keypoints(first[1]), keypoints(second[1]))
    np.testing.assert_array_equal(keypoints(first[1]), wanted[1].keypoints)


# --- videos ---------------------------------------------------------------

ONE_BY_ONE = [[(name, index)] for name in LENGTHS
              for index in range(LENGTHS[name])]
SHUFFLED_LANES = [
    [('A', 0), ('D', 0), ('B', 0)],
    [('B', 1), ('A', 1), ('D', 1)],
    [('D', 2), ('C', 0), ('A', 2)],
    [('A', 3), ('B', 2), ('D', 3)],
    [('A', 4)],
]
SAME_VIDEO = [
    [('A', 0), ('A', 1), ('A', 2)],
    [('A', 3), ('A', 4), ('B', 0)],
    [('B', 1), ('B', 2), ('C', 0)],
    [('D', 0), ('D', 1), ('D', 2), ('D', 3)],
]
MIXED = [
    [('D', 0), ('A', 0), ('D', 1), ('B', 0), ('A', 1), ('D', 2)],
    [('C', 0), ('B', 1), ('A', 2), ('A', 3), ('B', 2), ('D', 3), ('A', 4)],
]


@pytest.mark.parametrize(
    'batches', [ONE_BY_ONE, SHUFFLED_LANES, SAME_VIDEO, MIXED],
    ids=['one by one', 'shuffled lanes', 'same video', 'mixed'])
@ALL
def test_any_batching_equals_streaming(temporal, batches, make_model, videos,
                                       predict):
    """Exactly the keypoints of each video on its own, and nothing is left."""
    model = make_model(
        temporal, refine=0.3, test_cfg=dict(output_heatmaps=True))
    streamed = {
        name: stream(model, frames, videos[1][name])
        for name, frames in videos[0].items()
    }
    seen = 0
    for rows in batches:
        for (name, index), sample in zip(rows, predict(model, rows)):
            heatmaps = streamed[name][index]
            torch.testing.assert_close(
                sample.pred_fields.heatmaps, heatmaps, atol=1e-4, rtol=1e-4)
            wanted = model.head.decode(heatmaps[None])[0].keypoints
            np.testing.assert_array_equal(keypoints(sample), wanted)
            seen += 1
    assert seen == sum(LENGTHS.values())
    assert len(model.memory) == 0


@TEMPORAL
def test_predictions_depend_on_the_past(temporal, make_model, videos):
    """Otherwise the tests above would show nothing."""
    model = make_model(temporal, refine=0.3)
    frames, crops = videos[0]['A'], videos[1]['A']
    whole = stream(model, frames, crops)
    alone = stream(model, frames[3:], crops[3:])
    assert (whole[3] - alone[0]).abs().max() > 1e-2


@pytest.mark.parametrize(
    'batches, numbers, reason', [
        ([[('A', 0)], [('A', 2)]], (2, 0), 'a frame left out'),
        ([[('A', 0)], [('A', 1)], [('A', 1)]], (1, ), 'a frame twice'),
        ([[('A', 0), ('A', 0)]], (0, ), 'twice in a batch'),
        ([[('A', 0)], [('A', 2), ('A', 1)]], (2, 0), 'reversed in a batch'),
        ([[('A', 0), ('B', 0)], [('B', 1), ('A', 3)]], (3, 0),
         'beside a video in order'),
        ([[('A', 3)]], (3, ), 'a shuffled loader'),
    ],
    ids=lambda case: case if isinstance(case, str) else '')
@TEMPORAL
def test_order_errors(temporal, batches, numbers, reason, make_model,
                      predict):
    model = make_model(temporal)
    for rows in batches[:-1]:
        predict(model, rows)
    with pytest.raises(RuntimeError, match='VideoSampler') as error:
        predict(model, batches[-1])
    assert '"A"' in str(error.value)
    for number in numbers:
        assert f'frame {number}' in str(error.value) or (
            f'{number}, too' in str(error.value))


def test_single_frame_model_takes_any_order(make_model, predict):
    model = make_model(None)
    first = predict(model, [('A', 3), ('A', 1)])
    second = predict(model, [('A', 1)])
    np.testing.assert_array_equal(keypoints(first[1]), keypoints(second[0]))


@pytest.mark.parametrize('mode', [False, True], ids=['eval', 'train'])
def test_memory_is_emptied_between_evaluations(mode, make_model, predict):
    """An evaluation cut short leaves nothing to the next."""
    model = make_model('correlation')
    predict(model, [('A', 0), ('B', 0)])
    assert len(model.memory) == 2
    wrapper = torch.nn.Sequential(model)  # as DistributedDataParallel
    wrapper.train(mode)
    assert len(model.memory) == 0


# --- flip test ------------------------------------------------------------


@pytest.mark.parametrize('shift', [False, True], ids=['', 'shift'])
@ALL
def test_flip_test_streams_twice(temporal, shift, make_model, videos,
                                 predict):
    """The mirrored pass has a past of its own, in mirrored crops."""
    model = make_model(
        temporal,
        refine=0.3,
        test_cfg=dict(
            flip_test=True, shift_heatmap=shift, output_heatmaps=True))
    frames, crops = videos[0]['A'], videos[1]['A']
    straight = stream(model, frames, crops)
    mirrored = stream(model, frames.flip(-1), mirror(crops, 64))
    back = flip_heatmaps(mirrored, FLIP_INDICES, shift_heatmap=shift)
    wanted = (straight + back) / 2
    for rows in ([('A', 0), ('A', 1)], [('A', 2)], [('A', 3), ('A', 4)]):
        for (name, index), sample in zip(rows, predict(model, rows)):
            torch.testing.assert_close(
                sample.pred_fields.heatmaps,
                wanted[index],
                atol=1e-4,
                rtol=1e-4)
    assert len(model.memory) == 0


@ALL
def test_flip_test_is_symmetric(temporal, make_model, videos, video_sample):
    """The mirrored video gives the mirrored predictions."""
    model = make_model(
        temporal,
        refine=0.3,
        test_cfg=dict(
            flip_test=True, shift_heatmap=False, output_heatmaps=True))
    frames, crops = videos[0]['A'], videos[1]['A']

    def run(name, inputs, crops):
        predicted = []
        for index in range(len(inputs)):
            sample = video_sample(index, name, len(inputs), crops[index])
            with torch.no_grad():
                predicted += model.predict(inputs[index:index + 1], [sample])
        return predicted

    straight = run('straight', frames, crops)
    mirrored = run('mirrored', frames.flip(-1), mirror(crops, 64))
    for one, two in zip(straight, mirrored):
        wanted = flip_heatmaps(
            one.pred_fields.heatmaps[None],
            FLIP_INDICES,
            shift_heatmap=False)[0]
        torch.testing.assert_close(
            two.pred_fields.heatmaps, wanted, atol=1e-4, rtol=1e-4)
        flipped = keypoints(one)[:, FLIP_INDICES]
        flipped[..., 0] = 60 - flipped[..., 0]  # cell 15 is at 60 px
        np.testing.assert_allclose(keypoints(two), flipped, atol=1e-3)


# --- training -------------------------------------------------------------


@pytest.mark.parametrize('frames', [2, 4], ids=['pairs', 'longer clips'])
@ALL
def test_trains_on_the_current_frame(temporal, frames, make_model,
                                     clip_batch):
    """The last frame of a clip meets the targets, whatever came before."""
    model = make_model(temporal, mask_rate=1.)
    inputs, samples = clip_batch(frames=frames)
    seen = []
    model.head.refinement.register_forward_pre_hook(
        lambda module, args: seen.append(args[0]))
    with torch.no_grad():
        model.loss(inputs, samples)
        wanted = model.head.features(model.extract_feat(inputs[:, -1]))
    torch.testing.assert_close(seen[0], wanted, atol=1e-4, rtol=1e-4)


@pytest.mark.parametrize('exemplar_grad', [True, False],
                         ids=['exemplar grad', 'no exemplar grad'])
def test_trains_on_the_exemplar_frame(exemplar_grad, make_model, clip_batch):
    """The same loss either way; the gradient stops at the exemplar frame."""
    model = make_model(
        'correlation',
        mask_rate=0.,
        train_cfg=dict(exemplar_grad=exemplar_grad))
    inputs, samples = clip_batch()
    inputs.requires_grad_()
    loss = model.loss(inputs, samples)['loss_kpt']
    loss.backward()
    exemplar, current = inputs.grad.abs().amax(dim=(0, 2, 3, 4))
    assert current > 0
    assert (exemplar > 0) == exemplar_grad
    past = model.extract_feat(inputs[:, 0])
    feats = model.extract_feat(inputs[:, 1])
    wanted = model.head.loss(feats, samples, past)['loss_kpt']
    torch.testing.assert_close(loss, wanted)


@pytest.mark.parametrize('mask_rate', [0., 1.], ids=['kept', 'masked'])
@pytest.mark.parametrize('exemplar_grad', [True, False],
                         ids=['exemplar grad', 'no exemplar grad'])
@ALL
def test_every_parameter_gets_a_gradient(temporal, exemplar_grad, mask_rate,
                                         make_model, clip_batch):
    """So DistributedDataParallel needs no find_unused_parameters."""
    model = make_model(
        temporal,
        mask_rate=mask_rate,
        train_cfg=dict(exemplar_grad=exemplar_grad)).train()
    inputs, samples = clip_batch()
    model.loss(inputs, samples)['loss_kpt'].backward()
    for name, parameter in model.named_parameters():
        assert parameter.grad is not None, name
        assert torch.isfinite(parameter.grad).all(), name


def test_single_frame_model_trains_on_images_and_clips(make_model,
                                                       clip_batch):
    """MMPose's batches (N, 3, H, W), clips of one frame, and of two."""
    model = make_model(None)
    inputs, samples = clip_batch()
    last = inputs[:, -1]
    losses = [
        model(batch, samples, mode='loss')['loss_kpt']
        for batch in (inputs, last, last[:, None])
    ]
    torch.testing.assert_close(losses[0], losses[1])
    torch.testing.assert_close(losses[2], losses[1])


@pytest.mark.parametrize('flip_test', [False, True], ids=['', 'flip'])
@ALL
def test_mixed_precision(temporal, flip_test, make_model, clip_batch, videos,
                         predict):
    model = make_model(
        temporal,
        refine=0.1,
        test_cfg=dict(flip_test=flip_test, output_heatmaps=True))
    inputs, samples = clip_batch()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        loss = model.loss(inputs, samples)['loss_kpt']
    loss.backward()
    assert all(
        torch.isfinite(p.grad).all() for p in model.parameters())
    rows = [('A', 0), ('A', 1), ('B', 0)]
    wanted = predict(model, rows)
    model.eval()
    with torch.autocast('cpu', dtype=torch.bfloat16):
        got = predict(model, rows)
    for one, two in zip(got, wanted):
        low, full = one.pred_fields.heatmaps, two.pred_fields.heatmaps
        assert low.dtype == torch.float32
        assert (low - full).abs().mean() < 0.05 * full.abs().mean()


# --- a still video ----------------------------------------------------------


@pytest.mark.parametrize('seed', range(4))
@pytest.mark.parametrize(
    'refine, settled', [(0., 0), (0.1, 1), (1., 2), (3., 8)],
    ids=['identity', 'weak', 'even', 'strong'])
def test_still_video_does_not_drift(refine, settled, seed, make_model):
    """Keypoints are the same in all frames from ``settled`` to the 200th.

    Each prediction is the weight of the next frame, so exemplars follow a
    fixed point iteration. With the filters of the maps as they are
    initialised, N(0, 0.01), they converge to within the rounding of
    float32; keypoints are fixed in the second frame, or a few later where
    the residual branch outweighs the features. Nothing in the method rules
    out cycles, which filters ten times as large do show.
    """
    torch.manual_seed(seed)
    model = make_model('correlation', refine=refine)
    torch.nn.init.normal_(model.head.refinement.maps_conv.weight, std=0.01)
    memory, heatmaps, exemplars = None, [], []
    with torch.no_grad():
        feats = model.extract_feat(torch.randn(1, 3, 64, 64))
        for _ in range(200):
            maps, memory = model.head.step(feats, memory)
            heatmaps.append(maps)
            exemplars.append(memory)
        found = [model.head.decode(maps)[0].keypoints for maps in heatmaps]
    for number in range(settled, 200):
        np.testing.assert_array_equal(found[number], found[-1])
    change = (exemplars[-1] - exemplars[-2]).abs().max()
    assert change < 1e-6
    if refine == 0:
        assert torch.equal(heatmaps[-1], heatmaps[0])


def test_still_video_stays_bounded_whatever_the_weights(make_model):
    """Feedback cannot grow: exemplars are unit vectors."""
    model = make_model('correlation', refine=10.)
    memory = None
    with torch.no_grad():
        feats = model.extract_feat(torch.randn(1, 3, 64, 64))
        sizes = []
        for _ in range(50):
            heatmaps, memory = model.head.step(feats, memory)
            sizes.append(heatmaps.abs().max())
            torch.testing.assert_close(memory.norm(dim=2), torch.ones(1, 5))
    sizes = torch.stack(sizes)
    assert torch.isfinite(sizes).all()
    assert sizes[25:].max() <= 2 * sizes[1:25].max()
