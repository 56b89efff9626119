# Copyright (c) temporal_corr authors. All rights reserved.
"""What the correlation costs: every claim beside what it stands against.

    benchmark.py --out results/benchmark_cpu.json
    benchmark.py --only streaming flow --repeat 5

Things that are compared are measured in turns in one run; medians count.
On a CPU with one thread times are those of the processor, so that other
programs count as little as possible; the JSON file has those of the clock on
the wall, too. Needs no data set: frames are synthetic, and so are the label
files unless --penn-labels names the real ones.
"""
import argparse
import os
import os.path as osp
import shlex
import sys
import time
import warnings
from pathlib import Path

import torch

HERE = osp.dirname(osp.abspath(__file__))
sys.path.insert(0, osp.dirname(HERE))
sys.path.insert(1, osp.join(osp.dirname(HERE), 'misc'))
import repo_path  # noqa: E402,F401
from benchmark_table import BENCHMARK_KIND  # noqa: E402
from benchmarks import (data_loading, lanes, memory,  # noqa: E402
                        optical_flow, penn_labels, sharding, streaming,
                        training)
from benchmarks.report import format_table, write_json  # noqa: E402
from benchmarks.settings import Settings  # noqa: E402
from mmengine.logging import MMLogger  # noqa: E402
from provenance import (describe_code, describe_machine,  # noqa: E402
                        without_folders)

SECTIONS = dict(
    streaming=streaming,
    flow=optical_flow,
    training=training,
    lanes=lanes,
    loading=data_loading,
    penn=penn_labels,
    memory=memory,
    sharding=sharding)


def parse_args(argv=None) -> argparse.Namespace:
    """Read and check the command line."""
    parser = argparse.ArgumentParser(
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
        'PENN_ROOT of the environment if it does, or else synthetic label '
        'files')
    parser.add_argument(
        '--work-dir',
        type=Path,
        default=Path('work_dirs/benchmark'),
        help='folder for synthetic data, kept. Defaults to '
        'work_dirs/benchmark')
    parser.add_argument(
        '--out', type=Path, help='JSON file for all that was measured')
    args = parser.parse_args(argv)
    for name in ('repeat', 'threads'):
        value = getattr(args, name)
        if value is not None and value < 1:
            parser.error(f'--{name} must be at least 1, got {value}')
    root = args.penn_labels
    if root is None:
        root = Path(os.environ.get('PENN_ROOT', ''))
        args.penn_labels = root if (root / 'labels').is_dir() else None
    elif not (root / 'labels').is_dir():
        parser.error(f'--penn-labels: there is no folder {root / "labels"}; '
                     'name the folder that Penn_Action.tar.gz unpacks, or '
                     'leave the option out')
    return args


def command_line(args: argparse.Namespace) -> str:
    """The command that measures the same, without folders of this machine."""
    words = ['python', 'tools/analysis_tools/benchmark.py']
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
    """Run the command line."""
    args = parse_args(argv)
    warnings.simplefilter('ignore')
    torch.set_num_threads(args.threads)
    torch.manual_seed(0)
    MMLogger.get_instance('mmengine').setLevel('ERROR')
    settings = Settings(args.device, args.threads, args.work_dir.absolute(),
                        args.penn_labels and args.penn_labels.absolute(),
                        args.repeat)
    report = dict(
        kind=BENCHMARK_KIND,
        command=command_line(args),
        device=args.device,
        machine=describe_machine(args.threads),
        code=describe_code(),
        clock=settings.clock,
        seconds={},
        rows=[])
    rows = []
    for count, name in enumerate(args.only, start=1):
        print(f'[{count}/{len(args.only)}] {name}', file=sys.stderr)
        start = time.time()
        rows += SECTIONS[name].measure(settings)
        report['seconds'][name] = time.time() - start
        print(f'      {report["seconds"][name]:.0f} s', file=sys.stderr)
        if args.out:
            # What is measured is kept, should the next section fail.
            write_json(args.out,
                       dict(report, rows=[row.to_dict() for row in rows]))
    print('\n' + format_table(rows))
    machine = report['machine']
    print(f'\n{machine["device"]}, {args.threads} threads, torch '
          f'{machine["torch"]}, models on {args.device}; times: '
          f'{settings.clock} unless the section says otherwise')


if __name__ == '__main__':
    main()
