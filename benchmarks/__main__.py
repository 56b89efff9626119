# Copyright (c) temporal_corr authors. All rights reserved.
"""What the correlation costs, beside what it is compared with.

    python -m benchmarks --out results/benchmark_cpu.json
    python -m benchmarks --only streaming flow --repeat 5

What is compared is measured in interleaved runs; medians are reported. On
one CPU thread, CPU time is measured, so that other programs disturb as little
as possible. Needs no data set: frames are synthetic.
"""
import argparse
import shlex
import sys
import time
import warnings
from pathlib import Path

import torch
from mmengine.logging import MMLogger

from projects.temporal_corr.video_io.arguments import number
from studies.provenance import describe_code, describe_machine, without_folders
from studies.table import write_results

from . import memory, optical_flow, streaming, training
from .report import benchmark_table

SECTIONS = dict(
    streaming=streaming,
    flow=optical_flow,
    training=training,
    memory=memory)


def parse_args(argv) -> argparse.Namespace:
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
        type=number(int, 1),
        help="repetitions of everything. Defaults to each measurement's own")
    parser.add_argument(
        '--device', default='cpu', help='where models run. Defaults to cpu')
    parser.add_argument(
        '--threads',
        type=number(int, 1),
        default=1,
        help='of PyTorch. Defaults to 1')
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/benchmark'),
        help='folder for synthetic data, kept. Defaults to '
        'work_dirs/benchmark')
    parser.add_argument(
        '--out', type=Path, help='JSON file for all that was measured')
    args = parser.parse_args(argv)
    args.work_dir = args.work_dir.absolute()
    alone = args.threads == 1 and args.device == 'cpu'
    args.clock = 'cpu' if alone else 'wall'
    return args


def main(argv=None) -> None:
    argv = sys.argv[1:] if argv is None else argv
    args = parse_args(argv)
    warnings.simplefilter('ignore')
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    MMLogger.get_instance('mmengine').setLevel('ERROR')
    report = dict(
        kind='benchmark',
        command=shlex.join(
            ['python', '-m', 'benchmarks', *map(without_folders, argv)]),
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
            write_results(report, args.out)
    print(benchmark_table(report))


if __name__ == '__main__':
    main()
