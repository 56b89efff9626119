# Copyright (c) temporal_corr authors. All rights reserved.
"""Make a checkpoint for one data set's keypoints one for another's.

The rows of the last layer are taken by the names of the keypoints; where a
name is missing, the mean of its neighbours' rows is a start for training.
"""
import argparse
import sys
import warnings
from pathlib import Path
from typing import List, Mapping, Optional

from mmpose.datasets.datasets.utils import parse_pose_metainfo

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))
import repo_path  # noqa: F401
from checkpoint_io import save_checkpoint

from projects.temporal_corr.datasets.named_keypoints import DATASET_INFO
from projects.temporal_corr.engine.safe_loading import load_from_local
from projects.temporal_corr.models.keypoint_rows import (keypoint_sources,
                                                         rows_by_name)
from projects.temporal_corr.video_io.arguments import run_command


def keypoint_names(metainfo: Mapping) -> List[str]:
    """Names of the keypoints in the order of parsed metainfo."""
    names = metainfo['keypoint_id2name']
    return [names[index] for index in range(len(names))]


def names_of(dataset: str) -> List[str]:
    """Names of the keypoints of a data set: a file of this project or MMPose
    in ``configs/_base_/datasets``, such as ``'coco'``, or a path."""
    own = DATASET_INFO / f'{dataset}.py'
    path = str(own) if own.is_file() else dataset
    if not path.endswith('.py'):
        path += '.py'
    try:
        with warnings.catch_warnings():
            # that the file is MMPose's
            warnings.simplefilter('ignore')
            return keypoint_names(parse_pose_metainfo(dict(from_file=path)))
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f'there is no data set {dataset!r}: name a file of '
            'configs/_base_/datasets of this project or of MMPose, such as '
            'coco or sub_jhmdb, or give the path of one') from error


def convert(path: Path, source: Optional[str], target: str) -> dict:
    """Convert a single-frame checkpoint from the keypoints of a data set
    (None for what it says itself) to those of another: ``state_dict``,
    ``meta``, and the ``sources`` of each keypoint."""
    checkpoint = load_from_local(str(path))
    state_dict = checkpoint.get('state_dict', checkpoint)
    meta = checkpoint.get('meta') or {}
    own = meta.get('dataset_meta') or {}
    own = keypoint_names(own) if 'keypoint_id2name' in own else None
    names = names_of(source) if source else own
    if names is None:
        raise ValueError(f'{path} does not say which keypoints it is for: '
                         'name its data set with --from')
    if own is not None and own != names:
        raise ValueError(
            f'{path} says that its keypoints are {", ".join(own)}, and those '
            f'of --from {source} are {", ".join(names)}: leave --from out')
    temporal = [key for key in state_dict if key.startswith(
        ('head.correlation.', 'head.previous_heatmaps.', 'head.refinement.'))]
    if temporal:
        raise ValueError(
            f'{path} has {temporal[0]}, whose maps are made for its '
            'keypoints: take the checkpoint of a single-frame MMPose model')
    try:
        rows = rows_by_name(state_dict, names, names_of(target))
    except ValueError as error:
        raise ValueError(f'{path}: {error}') from error
    return dict(
        meta=dict(source=path.name, keypoints_of=target), state_dict=rows,
        sources=keypoint_sources(names, names_of(target)))


def parse_args(argv=None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument(
        'source', type=Path, help='checkpoint of a heatmap model of MMPose')
    parser.add_argument('out', type=Path, help='checkpoint to be written')
    parser.add_argument(
        '--from',
        dest='dataset',
        help='data set whose keypoints it has, such as coco. Default: the '
        'one that the checkpoint names')
    parser.add_argument(
        '--to', required=True,
        help='data set whose keypoints are wanted, such as sub_jhmdb')
    return parser.parse_args(argv)


def main(argv=None) -> None:
    args = parse_args(argv)
    checkpoint = convert(args.source, args.dataset, args.to)
    sources = checkpoint.pop('sources')
    save_checkpoint(checkpoint, args.out, args.source)
    for name, names in sources.items():
        print(name if names == (name, ) else
              f'{name}: not in the source, starts from {" + ".join(names)}')
    print(f"Start from it with load_from='{args.out}'.")


if __name__ == '__main__':
    run_command(main)
