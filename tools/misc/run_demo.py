# Copyright (c) temporal_corr authors. All rights reserved.
"""The whole method on synthetic videos: what ``make demo`` runs.

Begins with the released model on one clip. Then makes videos in the raw JHMDB
layout, converts them, trains a small single-frame model, goes on from it with
the three variants under one schedule, tests each chronologically, and draws.
Every stage calls the tool that a user would call, and leaves a stamp: what is
done is not done again.
"""
import argparse
import json
import os
import shlex
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
CONFIGS = ROOT / 'projects/temporal_corr/configs/resnet'
SCRATCH = CONFIGS / 'single_res18_1xb16-6e_jhmdb-128x96.py'
VARIANTS = {
    'single frame': 'single',
    'previous heatmaps': 'heatmap',
    'correlation': 'correlation-cosine',
}
COLUMNS = ('Head', 'Sho', 'Elb', 'Wri', 'Hip', 'Knee', 'Ank', 'Mean')
NUM_VIDEOS, NUM_FRAMES = 80, 20
EPOCHS, FINETUNE_EPOCHS = 6, 2


class Stages:
    """Runs the stages in order, each once, and shows how far it is."""

    def __init__(self, out: Path, total: int, env: dict):
        self.out, self.total, self.env = out, total, env
        self.count = 0
        (out / 'log').mkdir(parents=True, exist_ok=True)

    def run(self, name: str, title: str, *command) -> None:
        """Run one tool; its output goes to log/NAME.log."""
        self.count += 1
        command = [sys.executable, *map(str, command)]
        stamp = self.out / 'log' / f'{name}.done'
        log = self.out / 'log' / f'{name}.log'
        head = f'[{self.count}/{self.total}] {title}'
        if stamp.exists() and stamp.read_text() == shlex.join(command):
            print(f'{head}: done before', flush=True)
            return
        print(head, flush=True)
        start = time.time()
        with open(log, 'w', encoding='utf-8') as file, subprocess.Popen(
                command, cwd=ROOT, env=self.env, stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT, text=True) as process:
            for line in process.stdout:
                file.write(line)
                _, found, step = line.partition('Epoch(train)')
                if found:
                    print('     ', ' '.join((found + step).split())[:68],
                          flush=True)
        if process.returncode:
            tail = log.read_text(encoding='utf-8').splitlines()[-15:]
            sys.exit('\n'.join(tail) +
                     f'\n\nThis stage failed; its whole output: {log}\n'
                     f'Run it alone with: {shlex.join(command)}')
        stamp.write_text(shlex.join(command))
        print(f'      {time.time() - start:.0f} s', flush=True)


def write_table(out: Path) -> str:
    """The table of the variants, as Markdown."""
    rows = ['| model | ' + ' | '.join(COLUMNS) + ' |',
            '|---' * (len(COLUMNS) + 1) + '|']  # yapf: disable
    for title, name in VARIANTS.items():
        result = json.loads((out / f'{name}.json').read_text())
        cells = (f'{100 * result[column]:.1f}' for column in COLUMNS)
        rows.append(f'| {title} | ' + ' | '.join(cells) + ' |')
    text = (
        f'PCK@0.2 on the synthetic test videos ({NUM_VIDEOS} videos of '
        f'{NUM_FRAMES} frames in all, split 1), seed 0:\n'
        f'{EPOCHS} epochs single-frame from scratch, then '
        f'{FINETUNE_EPOCHS} epochs of each variant from there.\n\n' +
        '\n'.join(rows) + '\n')
    (out / 'table.md').write_text(text, encoding='utf-8')
    return text


def run_released(stages: Stages) -> None:
    """The released model finds and follows the person of a clip."""
    clip, poses = stages.out / 'clip', stages.out / 'released'
    stages.run('clip', 'making a clip of a synthetic person',
               'tools/misc/make_synthetic_videos.py', clip, '--num-videos', 1,
               '--num-frames', 40, '--layout', 'jhmdb')
    frames, = clip.glob('jhmdb/Rename_Images/*/synthetic_*')
    stages.run('released', 'its poses, by the released model',
               'demo/video_demo.py', '--input', frames, '--vis-out-dir', poses)
    print(f'      {poses / frames.name}.mp4\n'
          '      the same of your own video: source .venv/bin/activate, then\n'
          '      python demo/video_demo.py --input YOUR_VIDEO '
          '--vis-out-dir work_dirs/video', flush=True)  # yapf: disable


def main():
    parser = argparse.ArgumentParser(
        description='Run the method end to end on synthetic videos')
    parser.add_argument('--out', default='work_dirs/demo', help='folder')
    started = time.time()
    out = Path(parser.parse_args().out).resolve()
    data = out / 'data' / 'jhmdb'
    env = dict(os.environ, JHMDB_ROOT=str(data), JHMDB_SPLIT='1')
    env.setdefault('OMP_NUM_THREADS', str(os.cpu_count()))
    stages = Stages(out, 7 + 2 * len(VARIANTS), env)

    run_released(stages)
    stages.run('videos', f'making {NUM_VIDEOS} synthetic videos',
               'tools/misc/make_synthetic_videos.py', out / 'data',
               '--num-videos', NUM_VIDEOS, '--num-frames', NUM_FRAMES,
               '--layout', 'jhmdb')
    stages.run('convert', 'converting them, as the real JHMDB',
               'tools/dataset_converters/jhmdb.py', data, '--split', 1,
               '--out', data / 'annotations')

    def train(name, title, config, epochs, cosine, *options):
        stages.run(f'train_{name}', title, 'tools/train.py', config,
                   '--work-dir', out / name, '--no-validate',
                   '--cfg-options', f'train_cfg.max_epochs={epochs}',
                   f'param_scheduler.{cosine}.T_max={epochs}',
                   'randomness.seed=0', *options)
        return (out / name / 'last_checkpoint').read_text().strip()

    start = train('scratch', 'training a single-frame model', SCRATCH,
                  EPOCHS, 1)
    checkpoints = {}
    for title, name in VARIANTS.items():
        config = CONFIGS / f'{name}_res18_1xb16-2e-finetune_jhmdb-128x96.py'
        checkpoint = train(name, f'going on from it: {title}', config,
                           FINETUNE_EPOCHS, 0, f'load_from={start}')
        checkpoints[name] = (config, checkpoint)
        stages.run(f'test_{name}', f'testing: {title}', 'tools/test.py',
                   config, checkpoint, '--work-dir', out / name, '--out',
                   out / f'{name}.json')

    stages.run('figure', 'drawing correlation maps beside heatmaps',
               'tools/analysis_tools/visualize_correlation.py',
               *checkpoints[VARIANTS['correlation']], '--out',
               out / 'correlation_maps.png')
    compare = []
    for title, name in VARIANTS.items():
        compare += ['--compare', *checkpoints[name], title]
    stages.run('video', 'drawing the skeletons',
               'tools/analysis_tools/visualize_predictions.py', *compare,
               '--show-gt', '--out', out / 'predictions.mp4')

    print('\n' + write_table(out))
    print(f'table     {out / "table.md"}\n'
          f'picture   {out / "correlation_maps.png"}\n'
          f'video     {out / "predictions.mp4"}\n'
          f'in {time.time() - started:.0f} s')


if __name__ == '__main__':
    main()
