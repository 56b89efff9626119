# Copyright (c) temporal_corr authors. All rights reserved.
"""Run an exported video model: numpy, OpenCV and ONNX Runtime, nothing else.

    onnx_example.py MODEL.onnx VIDEO --out poses.json --draw poses.mp4

One person is looked for in the whole frame, and then followed. MODEL.onnx is
what tools/deployment/export_onnx.py wrote; VIDEO is what demo/video_demo.py
takes. What is remembered of the frames before is a few arrays, zeros at first,
which each call takes and gives back renewed.
"""
import argparse
import json
import os
import sys
from contextlib import ExitStack
from pathlib import Path

import cv2
import numpy as np
import onnxruntime

# Not projects.temporal_corr.video_io, which would bring PyTorch. Last, so that
# nothing there hides another package.
ROOT = Path(__file__).resolve().parents[1]
sys.path.append(str(ROOT / 'projects/temporal_corr'))
from video_io.arguments import number, run_command
from video_io.followed_person import FollowedPerson
from video_io.frame_source import FrameSource
from video_io.interruption import Interruption
from video_io.output_files import ListFile, SameSize, VideoFile, dumps
from video_io.poses import draw_poses
from video_io.progress import Progress

#: RGB colours of the sides of a body, and of what is between them.
COLORS, MIDDLE = dict(left=(0, 255, 0), right=(255, 128, 0)), (51, 153, 255)


def parse_args():
    parser = argparse.ArgumentParser(
        description='Run an exported video model on a video')
    parser.add_argument('model', help='file of export_onnx.py')
    parser.add_argument(
        'video', help='video, folder or pattern of images, image, or webcam:0')
    parser.add_argument('--out', help='keypoints to write: .json')
    parser.add_argument('--draw', help='video to write: .mp4')
    parser.add_argument(
        '--kpt-thr',
        type=number(float, -1e9, 1e9),
        default=0.2,
        help='score from which on a keypoint is drawn. Defaults to 0.2')
    args = parser.parse_args()
    if args.out is None and args.draw is None:
        parser.error('give --out, --draw, or both')
    return args


class StreamingModel:
    """An exported model, an .onnx file, and what it remembers of a person."""

    def __init__(self, path):
        try:
            self.session = onnxruntime.InferenceSession(
                path, providers=['CPUExecutionProvider'])
        except Exception as error:  # of kinds that ONNX Runtime does not name
            raise ValueError(f'{path} is no ONNX model that can be run '
                             f'({str(error).splitlines()[0]}): export one '
                             'with tools/deployment/export_onnx.py') from error
        metadata = self.session.get_modelmeta().custom_metadata_map
        if 'dark_kernel' not in metadata:  # the newest of them
            raise ValueError(f'{path} does not say how it is to be run: '
                             'export it with tools/deployment/export_onnx.py')
        self.info = {key: json.loads(text) for key, text in metadata.items()}
        self.inputs = self.session.get_inputs()
        self.reset()

    def reset(self):
        """Forget: to be called before each video."""
        self.person = FollowedPerson(
            self.info['keypoint_names'], padding=self.info['box_padding'])
        self.memory = {
            item.name: np.zeros([1, *item.shape[1:]], np.float32)
            for item in self.inputs
            if item.name == 'exemplars' or item.name.startswith('memory_')
        }

    def __call__(self, frame):
        """Predict one frame, BGR uint8 in shape (H, W, 3), going on from the
        one before.

        Returns:
            tuple: Keypoints (P, 2) in pixels of the frame, scores (P, ), and
            the box (4, ) in which they were looked for, x1, y1, x2, y2.
        """
        size, info = frame.shape[1::-1], self.info
        box = self.person.box(size)
        crop = crop_around(box, info)
        pixels = cv2.warpAffine(
            frame,
            crop,
            tuple(info['input_size']),
            borderValue=(info['pad_value'], ) * 3)
        known = dict(
            self.memory, image=self.as_input(pixels), crops=crop[None],
            center_maps=self.center_map())  # yapf: disable
        outputs = [item.name for item in self.session.get_outputs()]
        results = dict(
            zip(
                outputs,
                self.session.run(
                    outputs,
                    {item.name: known[item.name]
                     for item in self.inputs})))
        keypoints, scores = decode(
            results['heatmaps'][0, :len(info['keypoint_names'])],
            info['cell_stride'], info['cell_origin'], info['dark_kernel'])
        # from the crop back into the frame
        keypoints = (keypoints - crop[:, 2]) / crop[0, 0]
        if self.person.follow(keypoints, scores, size):
            # Nothing but this makes it a video model.
            self.memory = {
                name: results[f'new_{name}']
                for name in self.memory
            }
        return keypoints, scores, box

    def as_input(self, pixels):
        """(1, 3, H, W), normalised unless the model does it itself."""
        planes = pixels.transpose(2, 0, 1)[None]
        if self.info['image'] == 'uint8 BGR':
            return np.ascontiguousarray(planes)
        if self.info['image'].endswith('RGB'):
            planes = planes[:, ::-1]
        planes = planes.astype(np.float32)
        if self.info['mean'] is not None:
            mean, std = (
                np.float32(self.info[name]).reshape(-1, 1, 1)
                for name in ('mean', 'std'))
            planes = (planes - mean) / std
        return np.ascontiguousarray(planes)

    def center_map(self):
        """Where the person is, (1, 1, h, w): in the middle. For the models
        that take it."""
        sides = []
        for size, cells in zip(self.info['input_size'],
                               self.info['heatmap_size']):
            stride = size / cells
            where = (np.arange(cells) + 0.5) * stride - 0.5 - size / 2
            sigma = self.info['center_sigma'] or 21.
            sides.append(np.exp(-where**2 / (2 * sigma**2)))
        return np.outer(sides[1], sides[0])[None, None].astype(np.float32)


def crop_around(box, info):
    """The (2, 3) matrix that fits a box, widened, into the input; or, for a
    model that wants people in their size, just its middle."""
    size = np.array(info['input_size'])
    scale = info['image_scale'] or min(size / (box[2:] - box[:2]) /
                                       info['box_padding'])
    offset = size / 2 - scale * (box[:2] + box[2:]) / 2
    return np.float32([[scale, 0, offset[0]], [0, scale, offset[1]]])


def decode(heatmaps, stride, origin, dark_kernel=None):
    """Keypoints (P, 2) in input pixels, and scores (P, ), of heatmaps
    (P, h, w): the maximum, moved a quarter of a cell towards its higher
    neighbour, or to the peak of a Gaussian (DARK, Zhang et al., CVPR 2020).

    ``stride`` are the input pixels of a cell, x and y, ``origin`` is the input
    pixel of the first cell, ``dark_kernel`` the size of the blur before DARK.
    """
    count, height, width = heatmaps.shape
    flat = heatmaps.reshape(count, -1).argmax(axis=1)
    y, x = np.unravel_index(flat, (height, width))
    each, cells = np.arange(count), np.stack([x, y], axis=1)
    if dark_kernel:
        offsets = np.stack([
            dark_offset(*maximum, dark_kernel)
            for maximum in zip(heatmaps, x, y)
        ])
    else:
        padded = np.pad(heatmaps, ((0, 0), (1, 1), (1, 1)))
        slopes = np.stack([
            padded[each, y + 1, x + 2] - padded[each, y + 1, x],
            padded[each, y + 2, x + 1] - padded[each, y, x + 1]
        ], axis=1)  # yapf: disable
        inside = (0 < cells) & (cells < (width - 1, height - 1))
        offsets = 0.25 * np.sign(slopes) * inside
    cells = cells.astype(np.float32) + offsets
    return (cells * np.float32(stride) + np.float32(origin), heatmaps[each, y,
                                                                      x])


def dark_offset(heatmap, x, y, kernel):
    """From a maximum to the peak of a Gaussian, in cells, 0 at the border.

    A Gaussian's logarithm is a parabola, whose peak its first and second
    differences at the maximum tell. Blurred first, as heatmaps are rough.
    """
    height, width = heatmap.shape
    if not (1 < x < width - 2 and 1 < y < height - 2):
        return np.zeros(2, np.float32)
    blurred = cv2.GaussianBlur(
        heatmap, (kernel, kernel), 0, borderType=cv2.BORDER_CONSTANT)
    blurred *= heatmap.max() / blurred.max()
    log = np.log(np.maximum(blurred[y - 2:y + 3, x - 2:x + 3], 1e-10))
    slope = np.array([log[2, 3] - log[2, 1], log[3, 2] - log[1, 2]]) / 2
    xx = (log[2, 4] - 2 * log[2, 2] + log[2, 0]) / 4
    yy = (log[4, 2] - 2 * log[2, 2] + log[0, 2]) / 4
    xy = (log[3, 3] - log[1, 3] - log[3, 1] + log[1, 1]) / 4
    if not xx * yy - xy**2:
        return np.zeros(2, np.float32)
    return -np.linalg.solve([[xx, xy], [xy, yy]], slope)


def colours(info):
    """What draw_poses takes: left green, right orange, the middle blue."""
    points = [
        COLORS.get(name.split('_')[0], MIDDLE)
        for name in info['keypoint_names']
    ]
    limbs = []
    for start, end in info['skeleton_links']:
        sides = {points[start], points[end]} - {MIDDLE}
        limbs.append(sides.pop() if len(sides) == 1 else MIDDLE)
    return dict(
        keypoint_colors=points,
        skeleton_links=info['skeleton_links'],
        skeleton_link_colors=limbs)


def main():
    args = parse_args()
    source = FrameSource(args.video)
    model = StreamingModel(args.model)
    names = ('config', 'keypoint_names', 'skeleton_links')
    meta = dumps({name: model.info[name] for name in names})
    inputs = [args.model, args.video, *source.files]
    out = video = None
    same_size, skeleton = SameSize(), colours(model.info)
    with ExitStack() as stack:
        if args.out:
            before = f'{{"meta_info": {meta},\n"instance_info": ['
            out = stack.enter_context(ListFile(args.out, before, inputs))
        if args.draw:
            video = stack.enter_context(
                VideoFile(args.draw, source.fps, inputs))
        progress = stack.enter_context(Progress(source.num_frames))
        interruption = stack.enter_context(Interruption())
        for frame in source:
            drawn = cv2.cvtColor(frame.image, cv2.COLOR_BGR2RGB)
            people = []
            if frame.readable:
                keypoints, scores, box = model(frame.image)
                drawn = draw_poses(drawn, keypoints[None], skeleton,
                                   scores[None] >= args.kpt_thr)
                people.append(
                    dict(
                        keypoints=np.round(keypoints, 2),
                        keypoint_scores=np.round(scores, 4),
                        bbox=[box]))
            if out:
                out.append(dict(frame_id=frame.index, instances=people))
            if video:
                video.write(same_size(drawn))
            progress.update()
            if interruption.requested:
                break
    source.close()
    for message in source.report():
        print(f'Warning: {message}', file=sys.stderr)


if __name__ == '__main__':
    # The summary tells of broken frames.
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
    run_command(main)
