# Copyright (c) temporal_corr authors. All rights reserved.
"""Poses of the people of a video, with identities, as video and as JSON.

The people come from a detector and a tracker (--det-model), from a file
(--bbox-file), or from one box to start with (--bbox); without any of these
one person is looked for in the whole frame, and then followed:

    video_demo.py --input VIDEO --vis-out-dir work_dirs/demo_video
"""
import argparse
import os
import sys
from pathlib import Path

import numpy as np

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools'))
from repo_path import add_cfg_options, add_model_arguments, model_files

from projects.temporal_corr.apis import (DEFAULT_MODEL, LABELS_MODEL, BoxFile,
                                         FollowedPerson, FramePainter,
                                         FrameSource, Interruption, LabelFile,
                                         LabelledPeople, Prompts,
                                         StreamSmoother, TrackedPeople,
                                         VideoOutputs, VideoPoseInferencer,
                                         compare_people, predict_frame,
                                         smooth_recording)
from projects.temporal_corr.smoothing import build_smoother
from projects.temporal_corr.video_io.arguments import number, run_command
from projects.temporal_corr.video_io.progress import Progress

#: A smaller share of confident keypoints is no picture of a person.
FEW = 0.1
#: What --smooth means.
SMOOTHING = {
    'one-euro': dict(type='OneEuro'),
    'gaussian': dict(type='Gaussian'),
    'whittaker': dict(type='Whittaker')
}
#: Those that need the frames to come.
AHEAD = ('gaussian', 'whittaker')


def box(text: str) -> list:
    """x,y,w,h on the command line as x1, y1, x2, y2."""
    try:
        x, y, w, h = (float(part) for part in text.split(','))
        if not (np.isfinite([x, y, w, h]).all() and w > 0 and h > 0):
            raise ValueError
    except ValueError:
        raise argparse.ArgumentTypeError(
            f'{text} is no box: give x,y,w,h in pixels, with commas, such as '
            '98,46,81,185') from None
    return [x, y, x + w, y + h]


def check_box(box: list, size: tuple) -> None:
    """Raise if a box of --bbox is not x,y,w,h in a frame of this size."""
    (x1, y1, x2, y2), (width, height) = box, size
    w, h = x2 - x1, y2 - y1
    given = f'--bbox {x1:g},{y1:g},{w:g},{h:g}'
    inside = x1 >= 0 and y1 >= 0
    if inside and (x2 > width or y2 > height) and (x1 < w <= width
                                                   and y1 < h <= height):
        raise ValueError(
            f'{given}: as x,y,w,h it ends at {x2:g},{y2:g}, outside of the '
            f'frame of {width}x{height} pixels, as x1,y1,x2,y2 it is inside. '
            f'Give x,y,w,h: {x1:g},{y1:g},{w - x1:g},{h - y1:g} for those '
            f'corners, {x1:g},{y1:g},{min(w, width - x1):g},'
            f'{min(h, height - y1):g} for what of the former is in the frame')
    if x1 >= width or y1 >= height or x2 <= 0 or y2 <= 0:
        raise ValueError(f'{given} (x,y,w,h) is outside of the frame, which '
                         f'has {width}x{height} pixels')


def frames(text: str) -> set:
    """FRAME[,FRAME...] on the command line."""
    numbers = {int(part) for part in text.split(',')}
    if min(numbers) < 0:
        raise ValueError
    return numbers


def parse_args(argv=None):
    parser = argparse.ArgumentParser(
        description='Predict the poses of the people of a video')
    add = parser.add_argument
    add_model_arguments(parser, '?')
    add('--input', required=True,
        help='video, folder of images, image, or webcam:0')
    people = parser.add_mutually_exclusive_group()
    people.add_argument('--det-model', metavar='CONFIG',
                        help='config of a detector of MMDetection')
    people.add_argument(
        '--bbox-file', metavar='FILE.json',
        help='boxes, as COCO\'s list of detections: "image_id" (frame, from '
        '0, or name of its image), "bbox" (x, y, w, h), "score", "track_id"')
    people.add_argument(
        '--bbox', type=box, nargs='+', metavar='x,y,w,h',
        help='box of one person in the first frame, from where the pose is '
        'followed; with --cuts one for each shot. Without, the first frame is '
        'looked at whole, and so is the one after a pose that is none')
    add('--prompt', metavar='FILE.json',
        help="labelled frames, in COCO's format of keypoints: people in them "
        'are guided by the label closest in time. Without boxes from '
        'elsewhere, they are the people who are looked for. STEM_coco.json, '
        'which is written beside the predictions, is such a file: correct '
        'some frames of it, and mark them as labelled')
    add('--bbox-cat', type=int,
        help='category_id of people in --bbox-file. Defaults to the one '
        'called person, the only one, or 1')
    add('--det-weights', help='checkpoint of the detector')
    add('--det-cat-id', type=number(int, 0), default=0,
        help='index of the class "person" of the detector')
    add('--bbox-thr', type=number(float, 0, 1), default=0.3,
        help='least score of a box')
    add('--nms-thr', type=number(float, 0, 1), default=0.65,
        help='of two detected boxes with a larger IoU one is left out')
    add('--cuts', type=frames, default=set(), metavar='FRAME[,FRAME...]',
        help='frames, from 0, with which a new shot begins: nothing is '
        'remembered over a cut')
    add('--max-age', type=number(int, 0), default=30,
        help='for so many frames a person may be missing and be remembered')
    add('--smooth', choices=['none', *SMOOTHING],
        help='smooth the poses over time; all but one-euro look ahead, so '
        'that the input is read twice. Defaults to whittaker with --prompt '
        '(and no --draw-heatmap), otherwise to one-euro')
    add('--device', default='cpu', help='device to run on. Defaults to cpu')
    add('--fps', type=number(float, 0.01, 1000),
        help='frames per second of the output. Defaults to those of the '
        'input, 25 for images')
    add('--show', action='store_true', help='show it in a window, ESC ends')
    add('--draw-bbox', action='store_true', help='draw boxes and identities')
    add('--draw-heatmap', action='store_true', help='draw heatmaps, below')
    add('--kpt-thr', type=number(float, 0, 1), default=0.2,
        help='least score of a keypoint that is drawn')
    add('--radius', type=number(int, 1, 100), default=3,
        help='of keypoints, in pixels')
    add('--thickness', type=number(int, 1, 100), default=1,
        help='of limbs, in pixels')
    add('--vis-out-dir', help='folder for the video (or picture)')
    add('--pred-out-dir', help='folder for the predictions')
    add_cfg_options(parser)
    args = parser.parse_args(argv)
    if args.config is None:
        args.config = LABELS_MODEL if args.prompt else DEFAULT_MODEL
    if not (args.show or args.vis_out_dir or args.pred_out_dir):
        parser.error('give --vis-out-dir, --pred-out-dir or --show')
    if args.draw_heatmap and args.smooth in AHEAD:
        parser.error(f'--smooth {args.smooth} keeps no heatmaps: leave '
                     '--draw-heatmap out, or use --smooth one-euro')
    if args.smooth is None:
        # As the annotation page does: the curve goes through the labels.
        through_labels = args.prompt and not args.draw_heatmap
        args.smooth = 'whittaker' if through_labels else 'one-euro'
    if args.bbox_cat is not None and not args.bbox_file:
        parser.error('--bbox-cat needs --bbox-file')
    if bool(args.det_model) != bool(args.det_weights):
        parser.error('--det-model and --det-weights need one another')
    if args.prompt and args.det_model:
        parser.error('--prompt names people, whom a detector cannot tell '
                     'apart: leave --det-model out, or give their boxes with '
                     'their track_id as --bbox-file')
    shots = 1 + len(args.cuts - {0})
    if args.bbox and len(args.bbox) != shots:
        parser.error(f'--bbox has {len(args.bbox)} boxes, and --cuts makes '
                     f'{shots} shots: give one box for each shot')
    return args


def tell(messages) -> None:
    """Print what the user should know."""
    for message in messages:
        print(f'Warning: {message}')


def find_people(args, source, labels, names, padding):
    """The provider of boxes that the command line asks for."""
    if args.bbox_file:
        boxes = BoxFile(args.bbox_file, source, args.bbox_thr, args.bbox_cat)
        tell(boxes.messages)
        if boxes.has_identities:
            if labels:
                tell(compare_people(labels, boxes.people()))
            return boxes
        if labels:
            raise ValueError(f'{args.bbox_file} has no track_id, so that the '
                             'labels of --prompt are about nobody: add them')
        find = boxes.find
    elif args.det_model:
        # MMDetection is imported only where it is needed.
        from projects.temporal_corr.apis.detection import PersonDetector
        find = PersonDetector(args.det_model, args.det_weights, args.device,
                              args.det_cat_id, args.nms_thr)
    elif labels and not args.bbox:
        return LabelledPeople(labels)
    else:
        if labels:
            tell(compare_people(labels, dict.fromkeys(labels, [0])))
        return FollowedPerson(names, args.bbox or (), padding)
    from projects.temporal_corr.apis.detection import BoxTracker
    return TrackedPeople(find, BoxTracker(args.bbox_thr, args.max_age))


def shots(args, source):
    """The frames, and whether a shot begins with them; shows progress."""
    starts = sorted({0} | args.cuts)
    with Progress(source.num_frames) as progress:
        for frame in source:
            for start, box in zip(starts, args.bbox or ()):
                if frame.index in (0, start):
                    check_box(box, frame.image.shape[1::-1])
            yield frame, frame.index in args.cuts
            progress.update()


class Kept(list):
    """The poses of a recording, which are smoothed once all are there."""

    def write(self, image, samples) -> bool:
        """Take a frame, as :class:`VideoOutputs` does."""
        self.append(samples)
        return True


def predict(args, source, inferencer, people, prompts, labels, smoother,
            outputs) -> str:
    """Go through the frames; returns why it ended early, '' if it did not."""
    with Interruption() as interruption:
        for frame, cut in shots(args, source):
            if frame.index and cut:
                for part in filter(None, (inferencer, people, smoother)):
                    part.reset()
            if prompts and (cut or not frame.index):
                later = [end for end in args.cuts if end > frame.index]
                prompts.show(inferencer, frame.index,
                             min(later, default=None))
            try:
                samples = predict_frame(inferencer, people, frame, labels)
                if smoother:
                    smoother(samples)
                go_on = outputs.write(frame.image, samples)
            except RuntimeError as error:
                if not frame.index:
                    raise
                # What is there is worth keeping.
                return f'frame {frame.index} failed ({error})'
            if interruption.requested:
                return 'interrupted'
            if not go_on:
                return 'ended by ESC'
    return ''


def write_again(args, kept, outputs) -> str:
    """Write poses with the frames of the input, which is read once more."""
    with Interruption() as interruption:
        for samples, frame in zip(kept, FrameSource(args.input)):
            if not outputs.write(frame.image, samples):
                return 'ended by ESC'
            if interruption.requested:
                return 'interrupted'
    if outputs.num_frames < len(kept):
        raise ValueError(f'{args.input} had {len(kept)} frames and now has '
                         f'{outputs.num_frames}: do not change it in the '
                         'meantime')
    return ''


def doubts(args, outputs) -> list:
    """What is to be said of poses that hardly anything speaks for."""
    if not outputs.num_keypoints:
        return ['nobody is in any frame: look at the boxes, or lower '
                '--bbox-thr']  # yapf: disable
    share = outputs.num_confident / outputs.num_keypoints
    if share >= FEW:
        return []
    told = args.bbox or args.bbox_file or args.det_model or args.prompt
    remedy = '' if told else ('tell where the person is (--bbox x,y,w,h, or '
                              '--det-model for everybody), ')
    return [
        f'{100 * share:.1f} % of the keypoints have the score with which they '
        f'are drawn, {args.kpt_thr:g}: {remedy}lower --kpt-thr, or look '
        'whether the boxes hold the people (--draw-bbox)'
    ]


def main(argv=None) -> int:
    args = parse_args(argv)
    source = FrameSource(args.input, args.fps)
    if (source.kind == 'webcam' and args.smooth in AHEAD
            and not args.prompt):  # which no camera takes
        raise ValueError(f'--smooth {args.smooth} needs the frames to come, '
                         'and a camera goes on: use --smooth one-euro')
    inferencer = VideoPoseInferencer(
        *model_files(args.config, args.checkpoint),
        args.device,
        dict(args.cfg_options,
             **{'model.test_cfg.output_heatmaps': args.draw_heatmap}),
        max_age=args.max_age)
    names = list(inferencer.dataset_meta['keypoint_id2name'].values())
    labels, prompts = {}, None
    if args.prompt:
        file = LabelFile(args.prompt, source, names)
        tell(file.messages)
        labels = file.frames
        # The labelled frames are read before their shot is.
        prompts = Prompts(labels, FrameSource(args.input))
    people = find_people(args, source, labels, names, inferencer.box_padding)
    painter = FramePainter(inferencer.dataset_meta, args.radius,
                           args.thickness, args.kpt_thr, args.draw_bbox,
                           args.draw_heatmap)
    with VideoOutputs(source, painter, inferencer.dataset_meta,
                      args.vis_out_dir, args.pred_out_dir, args.show,
                      [args.bbox_file or '', args.prompt or ''],
                      labels) as outputs:
        smoother = None
        if args.smooth == 'one-euro':
            smoother = StreamSmoother(
                dict(SMOOTHING[args.smooth], fps=source.fps), args.max_age)
        kept = Kept()
        ended = predict(args, source, inferencer, people, prompts, labels,
                        smoother, kept if args.smooth in AHEAD else outputs)
        if kept:
            smooth_recording(kept, build_smoother(SMOOTHING[args.smooth]))
            ended = write_again(args, kept, outputs) or ended
    source.close()
    messages = [] if ended else source.report()
    unused = sorted(cut for cut in args.cuts if cut >= source.num_read)
    if ended:
        print(f'{ended}: the files hold the {outputs.num_frames} frames '
              'before')
    elif unused:
        messages.append(f'there are no frames {unused}, which --cuts names; '
                        f'the last one is {source.num_read - 1}')
    tell(messages + doubts(args, outputs))
    for line in outputs.files:
        print(line)
    return 0 if ended in ('', 'ended by ESC') else 1


if __name__ == '__main__':
    # OpenCV tells of every broken picture; the summary does, too.
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
    try:
        run_command(main)
    except KeyboardInterrupt:
        sys.exit('stopped at once; no files were written')
