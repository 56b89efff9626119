# Copyright (c) temporal_corr authors. All rights reserved.
"""Poses of the people of a video, with identities, as video and as JSON.

The people come from a detector and a tracker (--det-model), from a file
(--bbox-file), or from one box to start with (--bbox); without any of these
one person is looked for in the whole frame:

    video_demo.py CONFIG CHECKPOINT --input VIDEO --bbox 40,20,90,200 \
        --vis-out-dir work_dirs/demo_video
"""
import argparse
import os
import os.path as osp
import sys

from mmengine.utils import ProgressBar

sys.path.insert(
    0, osp.join(osp.dirname(osp.dirname(osp.abspath(__file__))), 'tools'))
from repo_path import config_path  # noqa: E402

from projects.temporal_corr.apis import (BoxFile, FollowedBox,  # noqa: E402
                                         FramePainter, FrameSource,
                                         Interruption, LabelFile,
                                         LabelledPeople, Prompts,
                                         TrackedPeople, VideoOutputs,
                                         VideoPoseInferencer, WholeFrame)


def box(text: str) -> list:
    """x,y,w,h on the command line as x1, y1, x2, y2."""
    x, y, w, h = (float(part) for part in text.split(','))
    if w <= 0 or h <= 0:
        raise ValueError
    return [x, y, x + w, y + h]


def frames(text: str) -> set:
    """FRAME[,FRAME...] on the command line."""
    numbers = {int(part) for part in text.split(',')}
    if min(numbers) < 0:
        raise ValueError
    return numbers


def parse_args(argv=None):
    parser = argparse.ArgumentParser(
        description='Predict the poses of the people of a video')
    parser.add_argument('config', help='config of the pose model')
    parser.add_argument('checkpoint', help='checkpoint of the pose model')
    parser.add_argument(
        '--input',
        required=True,
        help='video, folder of images, image, or webcam:0')
    people = parser.add_mutually_exclusive_group()
    people.add_argument(
        '--det-model',
        metavar='CONFIG',
        help='config of a detector of MMDetection')
    people.add_argument(
        '--bbox-file',
        metavar='FILE.json',
        help='boxes, as COCO\'s list of detections: "image_id" (frame, from '
        '0, or name of its image), "bbox" (x, y, w, h), "score", "track_id"')
    people.add_argument(
        '--bbox',
        type=box,
        nargs='+',
        metavar='x,y,w,h',
        help='box of one person in the first frame, from where the pose is '
        'followed; with --cuts one for each shot')
    parser.add_argument(
        '--prompt',
        metavar='FILE.json',
        help="labelled frames, in COCO's format of keypoints: people in them "
        'are guided by the label closest in time. Without boxes from '
        'elsewhere, they are the people who are looked for. Predictions also '
        'go to STEM_coco.json, to be corrected and given to --prompt again')
    parser.add_argument('--det-weights', help='checkpoint of the detector')
    parser.add_argument(
        '--det-cat-id',
        type=int,
        default=0,
        help='index of the class "person" of the detector')
    parser.add_argument(
        '--bbox-thr', type=float, default=0.3, help='least score of a box')
    parser.add_argument(
        '--nms-thr',
        type=float,
        default=0.65,
        help='of two detected boxes with a larger IoU one is left out')
    parser.add_argument(
        '--cuts',
        type=frames,
        default=set(),
        metavar='FRAME[,FRAME...]',
        help='frames, from 0, with which a new shot begins: nothing is '
        'remembered over a cut')
    parser.add_argument(
        '--max-age',
        type=int,
        default=30,
        help='for so many frames a person may be missing and be remembered')
    parser.add_argument(
        '--device', default='cpu', help='device to run on. Defaults to cpu')
    parser.add_argument(
        '--fps',
        type=float,
        help='frames per second of the output. Defaults to those of the '
        'input, 25 for images')
    parser.add_argument(
        '--show', action='store_true', help='show it in a window, ESC ends')
    parser.add_argument(
        '--draw-bbox', action='store_true', help='draw boxes and identities')
    parser.add_argument(
        '--draw-heatmap', action='store_true', help='draw heatmaps, below')
    parser.add_argument(
        '--kpt-thr',
        type=float,
        default=0.3,
        help='least score of a keypoint that is drawn')
    parser.add_argument(
        '--radius', type=int, default=3, help='of keypoints, in pixels')
    parser.add_argument(
        '--thickness', type=int, default=1, help='of limbs, in pixels')
    parser.add_argument(
        '--vis-out-dir', help='folder for the video (or picture)')
    parser.add_argument('--pred-out-dir', help='folder for the predictions')
    args = parser.parse_args(argv)
    if not (args.show or args.vis_out_dir or args.pred_out_dir):
        parser.error('give --vis-out-dir, --pred-out-dir or --show')
    if args.det_weights and not args.det_model:
        parser.error('--det-weights needs --det-model')
    if args.det_model and not args.det_weights:
        parser.error('--det-model needs --det-weights')
    if args.prompt and args.det_model:
        parser.error('--prompt names people, whom a detector cannot tell '
                     'apart: leave --det-model out, or give their boxes with '
                     'their track_id as --bbox-file')
    if args.max_age < 0 or (args.fps is not None and not args.fps > 0):
        parser.error('--max-age must be at least 0, --fps more than 0')
    return args


def find_people(args, source, labels):
    """The provider of boxes that the command line asks for."""
    if args.bbox:
        return FollowedBox(args.bbox)
    if args.bbox_file:
        boxes = BoxFile(args.bbox_file, source, args.bbox_thr)
        if boxes.has_identities:
            return boxes
        if labels:
            raise ValueError(f'{args.bbox_file} has no track_id, so that the '
                             'labels of --prompt are about nobody: add them')
        find = boxes.find
    elif args.det_model:
        from projects.temporal_corr.apis.person_detector import PersonDetector
        find = PersonDetector(args.det_model, args.det_weights, args.device,
                              args.det_cat_id, args.nms_thr)
    elif labels:
        return LabelledPeople(labels.frames, args.kpt_thr)
    else:
        return WholeFrame()
    # MMDetection is imported only where it is needed.
    from projects.temporal_corr.apis.box_tracker import BoxTracker
    return TrackedPeople(find, BoxTracker(args.bbox_thr, args.max_age))


def run(args, source, inferencer, people, outputs, prompts) -> str:
    """Go through the frames; returns why it ended early, '' if it did not."""
    progress = ProgressBar(source.num_frames or 0)
    with Interruption() as interruption:
        for frame in source:
            cut = frame.index in args.cuts
            if frame.index and cut:
                inferencer.reset()
                people.reset()
            if prompts and (cut or not frame.index):
                later = [end for end in args.cuts if end > frame.index]
                prompts.show(inferencer, frame.index, min(later, default=None))
            try:
                samples = []
                if frame.readable:
                    found = people(frame)
                    samples = inferencer(frame.image, found.bboxes,
                                         found.track_ids, found.scores)
                    people.see(samples)
                else:
                    inferencer(frame.image, [])
                go_on = outputs.write(frame.image, samples)
            except RuntimeError as error:
                if not outputs.num_frames:
                    raise
                # What is there is worth keeping.
                return f'frame {frame.index} failed ({error})'
            progress.update()
            if interruption.requested:
                return 'interrupted'
            if not go_on:
                return 'ended by ESC'
    return ''


def warnings(args, source, people) -> list:
    """What is to be said of a video that was seen to its end."""
    messages = source.report()
    if getattr(people, 'num_unmatched', 0):
        messages.append(f'{people.num_unmatched} boxes of {args.bbox_file} '
                        'are about no frame of the input')
    unused = sorted(cut for cut in args.cuts if cut >= source.num_read)
    if unused:
        messages.append(f'there are no frames {unused}, which --cuts names; '
                        f'the last one is {source.num_read - 1}')
    return messages


def main(argv=None) -> int:
    args = parse_args(argv)
    source = FrameSource(args.input, args.fps)
    inferencer = VideoPoseInferencer(
        config_path(args.config),
        args.checkpoint,
        args.device, {'model.test_cfg.output_heatmaps': args.draw_heatmap},
        max_age=args.max_age)
    names = list(inferencer.dataset_meta['keypoint_id2name'].values())
    labels = prompts = None
    if args.prompt:
        labels = LabelFile(args.prompt, source, names)
        # The labelled frames are read before their shot is.
        prompts = Prompts(labels.frames, FrameSource(args.input))
    people = find_people(args, source, labels)
    painter = FramePainter(inferencer.dataset_meta, args.radius,
                           args.thickness, args.kpt_thr, args.draw_bbox,
                           args.draw_heatmap)
    with VideoOutputs(source, painter, inferencer.dataset_meta,
                      args.vis_out_dir, args.pred_out_dir, args.show,
                      labels) as outputs:
        ended = run(args, source, inferencer, people, outputs, prompts)
    source.close()
    print()
    if ended:
        print(f'{ended}: the files hold the {outputs.num_frames} frames '
              'before')
    else:
        for message in warnings(args, source, people):
            print(f'Warning: {message}')
    for line in outputs.describe():
        print(line)
    return 0 if ended in ('', 'ended by ESC') else 1


if __name__ == '__main__':
    # OpenCV tells of every broken picture; the summary does, too.
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
    try:
        sys.exit(main())
    except (ValueError, TypeError, FileNotFoundError, RuntimeError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
    except KeyboardInterrupt:
        sys.exit('stopped at once; no files were written')
