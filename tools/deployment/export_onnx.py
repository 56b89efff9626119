# Copyright (c) temporal_corr authors. All rights reserved.
"""Export the streaming step of a video model to ONNX.

One call is one frame: the image and what is remembered go in, the heatmaps
and what is to be remembered come out; zeros mean that nothing is remembered.
The file is kept only if ONNX Runtime gives what PyTorch gives, over a clip,
each with its own memory. demo/onnx_example.py runs it.
"""
import argparse
import os.path as osp
import sys
from functools import partial
from pathlib import Path

from mmengine.config import Config
from mmengine.registry import init_default_scope

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
from repo_path import add_cfg_options, add_model_arguments, model_files

try:
    import onnx
    import onnxruntime
except ImportError as missing:
    sys.exit(f'{missing}: the export needs two further packages, '
             'pip install -r requirements/tests.txt')

from mmpose.registry import DATASETS
from onnx_model import add_metadata, describe, to_onnx
from onnx_parity import dataset_frames, largest_difference, random_frames

from projects.temporal_corr.engine import load_pose_model
from projects.temporal_corr.models.streaming_step import StreamingStep
from projects.temporal_corr.video_io.arguments import number, run_command
from projects.temporal_corr.video_io.output_files import output_path, replacing
from projects.temporal_corr.video_io.progress import track

#: The largest difference to PyTorch; relative, for outputs above 1.
TOLERANCE = 1e-4


def parse_args():
    parser = argparse.ArgumentParser(
        description='Export the streaming step of a video model to ONNX')
    add_model_arguments(parser)
    parser.add_argument('--out', required=True, help='file to write: .onnx')
    parser.add_argument(
        '--opset',
        type=number(int, 16),  # the first with GridSample
        default=17,
        help="version of ONNX's operators, from 16. Defaults to 17")
    parser.add_argument(
        '--include-normalization',
        action='store_true',
        help='take uint8 pixels, BGR as OpenCV reads them, instead of '
        'normalised float32')
    parser.add_argument(
        '--verify',
        type=number(int, 1),
        default=16,
        metavar='N',
        help='number of frames to compare with PyTorch: of the test data, '
        'where they are found, else noise. Defaults to 16')
    parser.add_argument(
        '--device', default='cpu', help='device of PyTorch. Defaults to cpu')
    add_cfg_options(parser)
    return parser.parse_intermixed_args()


def has_data(dataset) -> bool:
    """Whether the frames of a data set that was not loaded yet are there."""
    try:
        dataset.full_init()
        dataset[0]
    except FileNotFoundError:
        return False
    return hasattr(dataset, 'videos')


def check(step: StreamingStep, path: str, count: int, dataset=None) -> None:
    """Raise unless ONNX Runtime gives what PyTorch gives."""
    session = onnxruntime.InferenceSession(
        path, providers=['CPUExecutionProvider'])
    run = partial(session.run, list(step.output_names))
    kind, frames = 'noise', random_frames(step, count)
    if dataset is not None:
        kind, count = 'test data', min(count, len(dataset))
        frames = dataset_frames(step, dataset, count)
    difference = max(
        largest_difference(step, run, track(frames, count)),
        # another batch size than any before
        largest_difference(step, run, random_frames(step, min(count, 3), 3)))
    print(f'ONNX Runtime {onnxruntime.__version__} differs from PyTorch by '
          f'{difference:.1e} at most, over {count} frames of {kind} and '
          'batches of 3')
    if difference > TOLERANCE:
        raise RuntimeError(
            f'ONNX Runtime and PyTorch differ by {difference:.1e}, more than '
            f'{TOLERANCE}. The file was not written: try another --opset, or '
            'another version of the packages. Was the model trained? One that '
            'was not makes small differences larger from frame to frame')


def main():
    args = parse_args()
    target = output_path(args.out, ('.onnx', ))
    config, checkpoint = model_files(args.config, args.checkpoint)
    cfg = Config.fromfile(config)
    cfg.merge_from_dict(args.cfg_options)
    init_default_scope(cfg.get('default_scope', 'mmpose'))
    model = load_pose_model(cfg, checkpoint, args.device)
    # Its metainfo is needed in any case, its files are not.
    dataset = DATASETS.build(dict(cfg.test_dataloader.dataset, lazy_init=True))
    step = StreamingStep(model, model.head.decoder.input_size,
                         args.include_normalization)
    name = osp.splitext(osp.basename(config))[0]
    print(f'Exporting {name}: {", ".join(step.input_names)} -> '
          f'{", ".join(step.output_names)}')
    onnx_model = to_onnx(step, args.opset)
    add_metadata(onnx_model, describe(cfg, step, dataset.metainfo, name))
    with replacing(target) as temporary:
        onnx.save(onnx_model, str(temporary))
        check(step, str(temporary), args.verify,
              dataset if has_data(dataset) else None)
    print(f'{target} is written')


if __name__ == '__main__':
    run_command(main)
