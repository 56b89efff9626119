# Copyright (c) temporal_corr authors. All rights reserved.
"""Label frames of a video on a page in the browser; the model follows.

    annotate.py --input clip.mp4
"""
import argparse
import contextlib
import os
import os.path as osp
import socket
import sys
import webbrowser
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1] / 'tools'))
from repo_path import add_model_arguments, model_files

from projects.temporal_corr.apis import (LABELS_MODEL, FrameSource,
                                         VideoPoseInferencer)
from projects.temporal_corr.datasets.coco_json import read_json
from projects.temporal_corr.video_io.arguments import number, run_command


def parse_args(argv=None):
    parser = argparse.ArgumentParser(
        description='Label frames of a video on a page in the browser')
    add = parser.add_argument
    add_model_arguments(parser, '?', LABELS_MODEL)
    add('--input', required=True,
        help='video, folder of images, or a file that this page saved')
    add('--labels', metavar='FILE.json',
        help="labels to begin with, in COCO's format of keypoints")
    add('--out', metavar='FILE.json',
        help='where labels are saved; gone on with if it is there. Defaults '
        'to NAME_labels.json beside the input')
    add('--device', default='cpu', help='device to run on. Defaults to cpu')
    add('--port', type=number(int, 0, 65535), default=8017,
        help='port of 127.0.0.1, 0 for any. Defaults to 8017: an open page '
        'finds a server that was started again')
    add('--no-browser', action='store_true', help='do not open the page')
    return parser.parse_args(argv)


def find_files(args) -> tuple:
    """The input and the file of labels."""
    if not args.input.lower().endswith('.json'):
        stem = osp.splitext(osp.abspath(args.input))[0]
        return args.input, args.out or f'{stem}_labels.json'
    content = read_json(args.input)
    info = content.get('info') if isinstance(content, dict) else None
    video = info.get('video') if isinstance(info, dict) else None
    if not isinstance(video, str) or args.labels or args.out:
        raise ValueError(f'--input {args.input} alone needs info.video in it: '
                         f'give --input VIDEO --labels {args.input} --out '
                         'FILE.json')
    return osp.join(osp.dirname(args.input), video), args.input


def listen(port: int) -> socket.socket:
    """A socket for this computer alone."""
    try:
        return socket.create_server(('127.0.0.1', port))
    except OSError as error:
        raise ValueError(f'port {port} is in use, maybe by another page: '
                         '--port 0 takes a free one') from error


def main(argv=None) -> None:
    args = parse_args(argv)
    try:
        import uvicorn

        from projects.temporal_corr.annotation.server import make_app
        from projects.temporal_corr.annotation.session import Session
    except ImportError as error:
        raise ValueError(f'{error}: pip install -e ".[annotate]"') from error
    path, out = find_files(args)
    source = FrameSource(path)
    if source.kind == 'webcam':
        raise ValueError('a camera cannot be labelled: record it first')
    files = model_files(args.config, args.checkpoint)
    with listen(args.port) as server:
        session = Session(
            source, VideoPoseInferencer(*files, args.device), out,
            args.labels)
        url = f'http://127.0.0.1:{server.getsockname()[1]}/{session.token}/'
        print(f'{url}  labels go to {out}; Ctrl-C ends', flush=True)
        if not args.no_browser:
            webbrowser.open(url)
        app = uvicorn.Config(make_app(session), log_level='warning')
        with contextlib.suppress(KeyboardInterrupt):
            uvicorn.Server(app).run(sockets=[server])
    session.stop()
    if session.failure:
        raise OSError(f'{session.failure}; a page that is still open has them '
                      'and saves them once this is started again')


if __name__ == '__main__':
    os.environ.setdefault('OPENCV_FFMPEG_LOGLEVEL', '-8')
    run_command(main)
