# Copyright (c) temporal_corr authors. All rights reserved.
"""Makes the package ``projects.temporal_corr`` of this repository importable.

Importing this module puts the root of the repository first on ``sys.path``,
so that the tools run from any directory, installed or not.
"""
import os.path as osp
import sys

ROOT = osp.dirname(osp.dirname(osp.abspath(__file__)))


def _put_root_first() -> None:
    if ROOT in sys.path:
        sys.path.remove(ROOT)
    sys.path.insert(0, ROOT)
    import projects
    if osp.join(ROOT, 'projects') not in list(projects.__path__):
        # A package with an __init__.py hides folders without, whichever
        # comes first.
        sys.exit(
            f"another package named 'projects' wins: {projects.__file__}. "
            'Take its folder off PYTHONPATH, uninstall it, or run in another '
            'environment')


def config_path(path: str) -> str:
    """A config relative to the current directory or to the repository.

    Args:
        path (str): Path as the user gave it.

    Returns:
        str: Path of a file that exists.

    Raises:
        SystemExit: If there is no such file, or it is none of a config.
    """
    if not path.endswith(('.py', '.json', '.yaml', '.yml')):
        sys.exit(f'{path} is no config (.py): were the config and the '
                 'checkpoint swapped? --help says in which order they come')
    for candidate in (path, osp.join(ROOT, path)):
        if osp.isfile(candidate):
            return candidate
    folders = dict.fromkeys((osp.abspath(osp.curdir), ROOT))
    sys.exit(f'there is no config {path} in {" nor in ".join(folders)}: see '
             'projects/temporal_corr/configs')


_put_root_first()
