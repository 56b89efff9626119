# Copyright (c) temporal_corr authors. All rights reserved.
"""What the correlation costs: every claim beside what it stands against.

    python -m benchmarks --out results/benchmark_cpu.json
    python -m benchmarks --only streaming flow --repeat 5

Things that are compared are measured in turns in one run; medians count.
On a CPU with one thread times are those of the processor, so that other
programs count as little as possible; the JSON file has those of the clock on
the wall, too. Needs no data set: frames are synthetic, and the section of Penn
Action's labels is left out unless --penn-labels names them.
"""
import argparse
import json
import os
import shlex
import sys
import time
import warnings
from pathlib import Path

import torch
from mmengine.logging import MMLogger

from projects.temporal_corr.engine import AtomicLocalBackend
from studies.provenance import describe_code, describe_machine, without_folders

from . import (data_loading, memory, optical_flow, penn_labels, streaming,
               training, whole_test)
from .report import benchmark_table

SECTIONS = dict(
    streaming=streaming,
    flow=optical_flow,
    training=training,
    lanes=whole_test,
    loading=data_loading,
    penn=penn_labels,
    memory=memory)


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog='python -m benchmarks',
        description='Measure what the correlation costs, side by side')
    parser.add_argument(
        '--only',
        nargs='+',
        choices=SECTIONS,
        default=list(SECTIONS),
        metavar='SECTION',
        help=f'some of {", ".join(SECTIONS)}. Defaults to all')
    parser.add_argument(
        '--repeat',
        type=int,
        help="repetitions of everything. Defaults to each measurement's own")
    parser.add_argument(
        '--device', default='cpu', help='where models run. Defaults to cpu')
    parser.add_argument(
        '--threads', type=int, default=1, help='of PyTorch. Defaults to 1')
    parser.add_argument(
        '--penn-labels',
        type=Path,
        metavar='DIR',
        help='folder that holds labels/ of Penn Action. Defaults to '
        'PENN_ROOT of the environment if it does')
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/benchmark'),
        help='folder for synthetic data, kept. Defaults to '
        'work_dirs/benchmark')
    parser.add_argument(
        '--out', type=Path, help='JSON file for all that was measured')
    args = parser.parse_args(argv)
    root = args.penn_labels or Path(os.environ.get('PENN_ROOT', ''))
    if (root / 'labels').is_dir():
        args.penn_labels = root
    elif args.penn_labels:
        parser.error(f'--penn-labels: there is no folder {root / "labels"}; '
                     'name the folder that Penn_Action.tar.gz unpacks, or '
                     'leave the option out')
    args.work_dir = args.work_dir.absolute()
    # On one thread of a busy machine processor time is what the work takes.
    alone = args.threads == 1 and args.device == 'cpu'
    args.clock = 'cpu' if alone else 'wall'
    return args


def command_line(args: argparse.Namespace) -> str:
    """The command that measures the same, without folders of this machine."""
    words = ['python', '-m', 'benchmarks']
    if args.only != list(SECTIONS):
        words += ['--only', *args.only]
    if args.repeat:
        words += ['--repeat', str(args.repeat)]
    words += ['--device', args.device, '--threads', str(args.threads)]
    if args.penn_labels:
        words += ['--penn-labels', 'data/penn_action']
    if args.out:
        words += ['--out', without_folders(str(args.out))]
    return shlex.join(words)


def main(argv=None) -> None:
    args = parse_args(argv)
    warnings.simplefilter('ignore')
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    MMLogger.get_instance('mmengine').setLevel('ERROR')
    report = dict(
        kind='benchmark',
        command=command_line(args),
        device=args.device,
        machine=describe_machine(args.threads),
        code=describe_code(),
        clock=args.clock,
        seconds={},
        rows=[])
    for count, name in enumerate(args.only, start=1):
        print(f'[{count}/{len(args.only)}] {name}', file=sys.stderr)
        start = time.time()
        report['rows'] += SECTIONS[name].measure(args)
        report['seconds'][name] = time.time() - start
        if args.out:
            # What is measured is kept, should the next section fail.
            AtomicLocalBackend().put_text(
                json.dumps(report, indent=2) + '\n', args.out)
    print(benchmark_table(report))


if __name__ == '__main__':
    main()
