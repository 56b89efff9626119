# Copyright (c) temporal_corr authors. All rights reserved.
"""What is held of a person, and whether a long video adds to it."""
from typing import Dict, List

import numpy as np
import torch
from mmengine.logging import MMLogger
from mmengine.structures import InstanceData
from mmpose.structures import PoseDataSample

from projects.temporal_corr.models import TrackFrame, TrackMemory

from .models import build_model, load_config
from .processes import memory_bytes, run_fresh
from .report import make_row

SECTION = 'Memory'
#: End of the configs' names, channels and shape (h, w) of the feature maps.
OPENPOSE = 'openpose_4xb5-60k_jhmdb-368x368', 128, (46, 46)
RESNET = 'res50_8xb32-20e_jhmdb-256x192', 256, (64, 48)
LSTM_PM = 'lstm-pm_1xb4-100k_jhmdb-368x368', 32, (46, 46)
NUM_FRAMES, EVERY = 10000, 500
#: Frames after which the process has all that it needs.
SETTLED = 2000
#: Width and height of the input of the tiny model of the long video.
INPUT_SIZE = 48, 64
TINY = {
    'model.backbone.num_stages': 1,
    'model.backbone.strides': (1, ),
    'model.backbone.dilations': (1, ),
    'model.backbone.out_indices': (0, ),
    'model.backbone.base_channels': 8,
    'model.backbone.stem_channels': 8,
    'model.head.in_channels': 8,
    'model.head.deconv_out_channels': None,
    'model.head.deconv_kernel_sizes': None,
    'model.head.refine_channels': 8,
}


def measure(args) -> List[dict]:
    """Bytes a person beside those of the previous heatmaps and of LSTM Pose
    Machines, and the growth of the process over a video of 10,000 frames."""
    openpose, resnet = (value_bytes('correlation', *network)
                        for network in (OPENPOSE, RESNET))
    rows = [
        make_row(SECTION, f'a person, {name}', 'bytes', ours, other)
        for name, ours, other in (
            ('OpenPose 368x368: exemplars / previous heatmaps', openpose,
             value_bytes('heatmap', *OPENPOSE)),
            ('ResNet-50 256x192: exemplars / previous heatmaps', resnet,
             value_bytes('heatmap', *RESNET)),
            ('exemplars of OpenPose / LSTM Pose Machines', openpose,
             value_bytes('lstm', *LSTM_PM)),
            ('ResNet-50 256x192: exemplars / LSTM', resnet,
             value_bytes('lstm', *RESNET)))
    ]
    # A process that did other things before would grow into what they left.
    found = run_fresh(predict_long_video, NUM_FRAMES, EVERY)
    held, resident = found['held'], found['resident']
    rows.append(
        make_row(SECTION, f'TrackMemory after {NUM_FRAMES} / {EVERY} frames',
                 'bytes', held[-1], held[0], 1.))
    if resident[0] is not None:
        settled = resident[SETTLED // EVERY - 1]
        rows.append(
            make_row(
                SECTION,
                f'growth of the process, frames {SETTLED} to {NUM_FRAMES}',
                'MB', (resident[-1] - settled) / 10**6, None, 1, 'ours'))
    return rows


def held_bytes(memory: TrackMemory) -> int:
    """Bytes of all storages that a memory holds on to."""
    storages = [
        part.untyped_storage() for entry in memory._entries.values()
        for part in entry.value.values()
    ]
    return sum({x.data_ptr(): x.nbytes() for x in storages}.values())


@torch.no_grad()
def value_bytes(method: str, config: str, channels: int, shape) -> int:
    """Bytes of the storages that TrackMemory holds of a person, with feature
    maps of so many channels and of a shape (h, w)."""
    head = build_model(load_config(f'{method}_{config}')).head
    temporal, state = head.temporal, None
    # LSTM Pose Machines remember the background, too.
    background = int(temporal.unroll and not temporal.carries_maps)
    # Two people, so that a view of the batch would show.
    heatmaps = torch.rand(2, head.num_keypoints + background, *shape)
    if temporal.unroll:
        hidden = torch.rand(2, temporal.map_channels, *shape)
        state = dict(h=hidden, cell=hidden)
    value = temporal.update(None, torch.rand(2, channels, *shape), heatmaps,
                            None, state)
    memory = TrackMemory()
    memory.remember([
        TrackFrame('video', 0, True, False, track_id=person)
        for person in range(2)
    ], value)
    return held_bytes(memory) // 2


@torch.no_grad()
def predict_long_video(num_frames: int, every: int) -> Dict[str, list]:
    """Predict a video as a test run does; each ``every`` frames the bytes
    of the process, ``resident``, and those of the model's memory, ``held``.
    """
    torch.set_num_threads(1)
    MMLogger.get_instance('mmengine').setLevel('ERROR')
    model = build_model(
        load_config('correlation_res18_1xb16-2e-finetune_jhmdb-128x96', TINY))
    inputs = torch.randn(1, 3, *INPUT_SIZE[::-1])
    resident, held = [], []
    for index in range(num_frames):
        sample = PoseDataSample(
            metainfo=dict(
                video_id='video',
                frame_index=index,
                previous_frame_index=index - 1,
                is_first=index == 0,
                is_last=False,
                input_size=INPUT_SIZE,
                input_center=np.float32(INPUT_SIZE) / 2,
                input_scale=np.float32(INPUT_SIZE)))
        sample.gt_instances = InstanceData(
            bboxes=np.float32([[0, 0, *INPUT_SIZE]]),
            bbox_scores=np.ones(1, dtype=np.float32))
        model.predict(inputs, [sample])
        if (index + 1) % every == 0:
            resident.append(memory_bytes('VmRSS'))
            held.append(held_bytes(model.memory))
    return dict(resident=resident, held=held)
