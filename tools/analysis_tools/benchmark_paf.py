# Copyright (c) temporal_corr authors. All rights reserved.
"""How long encoding and decoding of part affinity fields take.

The codec beside the same as plain loops, in turns, for one crop of 46 x 46
cells. Times are those of the processor, so that other programs do not count.
"""
import argparse
import os.path as osp
import platform
import sys
from functools import partial

import cv2
import numpy as np
import scipy

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))
import repo_path  # noqa: E402,F401
from benchmarks.timing import interleave  # noqa: E402
from plain_part_affinity import plain_decode, plain_encode  # noqa: E402

from projects.temporal_corr.codecs import PartAffinityField  # noqa: E402

# A standing person in pixels around the middle of the input.
STANDING = np.array([(0, -95), (0, -70), (-22, -68), (-35, -35), (-40, 0),
                     (22, -68), (35, -35), (40, 0), (-14, 5), (-15, 50),
                     (-16, 95), (14, 5), (15, 50), (16, 95), (0, -30)], float)


def parse_args():
    parser = argparse.ArgumentParser(
        description='Time the codec of part affinity fields')
    parser.add_argument(
        '--repeat', type=int, default=20, help='repetitions of each')
    return parser.parse_args()


def standing_people(num_people: int, rng) -> np.ndarray:
    """Keypoints of people side by side, each a little different, (N, K, 2)."""
    shift = (np.arange(num_people) - (num_people - 1) / 2) * 85
    people = STANDING + 183.5 + rng.normal(0, 4, (num_people, 15, 2))
    people[..., 0] += shift[:, None]
    return people


def processor() -> str:
    """Name of the processor."""
    try:
        with open('/proc/cpuinfo') as file:
            for line in file:
                if line.startswith('model name'):
                    return line.split(':', 1)[1].strip()
    except OSError:
        pass
    return platform.processor() or platform.machine()


def main():
    args = parse_args()
    cv2.setNumThreads(0)
    rng = np.random.default_rng(0)
    codec = PartAffinityField()
    functions = {}
    for name, num_people, noise in (('1 person', 1, 0.),
                                    ('1 person, noise 0.02', 1, 0.02),
                                    ('2 people, noise 0.02', 2, 0.02)):
        people = standing_people(num_people, rng)
        encoded = codec.encode(people)
        maps = np.concatenate([encoded['heatmaps'], encoded['pafs']])
        maps += rng.normal(0, noise, maps.shape)
        functions[name, 'encode'] = partial(codec.encode, people)
        functions[name, 'encode loops'] = partial(
            plain_encode, people, np.ones(people.shape[:2]), codec)
        functions[name, 'decode'] = partial(codec.decode, maps)
        functions[name, 'decode loops'] = partial(plain_decode, maps, codec)
    times = interleave(functions, args.repeat)
    print(f'\n{processor()}, Python {platform.python_version()}, numpy '
          f'{np.__version__}, scipy {scipy.__version__}')
    print(f'medians of {args.repeat}, milliseconds')
    print(f'{"":22}{"encode":>8}{"loops":>8}{"decode":>8}{"loops":>8}')
    for case in dict.fromkeys(name for name, _ in functions):
        row = (1000 * durations.median('cpu')
               for (name, _), durations in times.items() if name == case)
        print(f'{case:22}' + ''.join(f'{value:8.2f}' for value in row))


if __name__ == '__main__':
    main()
