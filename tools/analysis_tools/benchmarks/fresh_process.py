# Copyright (c) temporal_corr authors. All rights reserved.
"""Work whose time and memory are measured in a process of its own.

    python -m benchmarks.fresh_process convert ROOT OUT
    python -m benchmarks.fresh_process build ANN_FILE
    python -m benchmarks.fresh_process stream NUM_FRAMES EVERY

The last line of the standard output is JSON.
"""
import json
import os
import subprocess
import sys
import time
from multiprocessing import get_context
from pathlib import Path
from typing import Callable

HERE = Path(__file__).resolve()


def run_fresh(task: str, *args) -> dict:
    """Do a task in a new process.

    Args:
        task (str): ``'convert'``, ``'build'`` or ``'stream'``.
        args: Its arguments, see the functions of these names.

    Returns:
        dict: What the function returns.

    Raises:
        RuntimeError: If it fails; its own message is on the terminal.
    """
    command = [sys.executable, '-m', 'benchmarks.fresh_process', task,
               *map(str, args)]
    folders = (*HERE.parents[1:3], os.environ.get('PYTHONPATH'))
    env = dict(
        os.environ, PYTHONPATH=os.pathsep.join(str(f) for f in folders if f))
    result = subprocess.run(command, stdout=subprocess.PIPE, env=env,
                            text=True)
    if result.returncode:
        raise RuntimeError(f'{task} {" ".join(map(str, args))} failed, see '
                           'above')
    return json.loads(result.stdout.splitlines()[-1])


def measured(task: Callable) -> dict:
    """Time and peak memory of a task, in this process.

    Args:
        task (Callable): Returns a dict.

    Returns:
        dict: ``wall`` and ``cpu`` seconds, ``peak`` bytes of the process
        and ``before``, its bytes before the task, all imports done (None
        where the system does not tell), and what the task returns.
    """
    from benchmarks.process_memory import memory_bytes
    before = memory_bytes('VmRSS')
    wall, cpu = time.perf_counter(), time.process_time()
    found = task()
    return dict(
        wall=time.perf_counter() - wall,
        cpu=time.process_time() - cpu,
        peak=memory_bytes('VmHWM'),
        before=before,
        **found)


def convert(root: str, out: str) -> dict:
    """Convert all label files under ROOT/labels to JSON files in OUT."""
    sys.path.insert(0, str(HERE.parents[2] / 'dataset_converters'))
    import penn_action

    def task():
        report = penn_action.convert(Path(root), Path(out))
        return dict(
            frames=sum(part['frames'] for part in report['subsets'].values()),
            clips=sum(part['clips'] for part in report['subsets'].values()))

    return measured(task)


def build(ann_file: str) -> dict:
    """Build PennActionDataset, then read it in a forked worker."""
    import repo_path  # noqa: F401
    from mmengine.registry import init_default_scope

    from projects.temporal_corr.datasets import PennActionDataset
    init_default_scope('mmpose')
    datasets = []

    def task():
        datasets.append(
            PennActionDataset(ann_file=ann_file, check_files=False))
        return dict(frames=len(datasets[0]))

    result = measured(task)
    return dict(result, worker=worker_memory(datasets[0]))


def stream(num_frames: str, every: str) -> dict:
    """Predict a video of NUM_FRAMES, looking at the memory each EVERY."""
    import repo_path  # noqa: F401
    import torch
    from benchmarks.long_video import predict_long_video
    from mmengine.logging import MMLogger
    torch.set_num_threads(1)
    MMLogger.get_instance('mmengine').setLevel('ERROR')
    return predict_long_video(int(num_frames), int(every))


def worker_memory(dataset) -> dict:
    """What a forked worker needs for itself after reading frames all over.

    Args:
        dataset: The data set.

    Returns:
        dict: ``private``, bytes that became the worker's own meanwhile
        (None where the system does not tell), and ``arrays``, bytes of the
        annotations.
    """
    context = get_context('fork')
    receiver, sender = context.Pipe(duplex=False)
    worker = context.Process(target=_read, args=(dataset, sender))
    worker.start()
    private = receiver.recv()
    worker.join()
    arrays = sum(
        value.nbytes for value in vars(dataset.data_list).values()
        if hasattr(value, 'nbytes'))
    return dict(private=private, arrays=arrays)


def _read(dataset, sender) -> None:
    from benchmarks.process_memory import memory_bytes
    before = memory_bytes('Private_Dirty')
    # Some frames of every page of memory.
    for index in range(0, len(dataset), 4):
        dataset.get_data_info(index)
    after = memory_bytes('Private_Dirty')
    sender.send(None if before is None else after - before)


if __name__ == '__main__':
    task, *arguments = sys.argv[1:]
    functions = dict(convert=convert, build=build, stream=stream)
    print('\n' + json.dumps(functions[task](*arguments)))
