# Copyright (c) temporal_corr authors. All rights reserved.
"""What the commands of a Markdown file would call, with bash's own words.

A block runs in bash with functions for its commands, which write down their
arguments instead; nothing else is on PATH. Variables, loops and braces are
expanded by bash, and nothing is executed.
"""
import re
import subprocess
from pathlib import Path
from typing import List, NamedTuple

#: Stand-ins: the block and what a command is called with, between tabs.
RECORDER = r"""
record() { local IFS=$'\t'; echo "$BLOCK"$'\t'"$*" >&3; }
for name in python bash make pip git cd source conda mim apt-get tensorboard
do eval "$name() { record $name \"\$@\"; }"; done
command_not_found_handle() { record "$@"; }
"""


class Block(NamedTuple):
    """A fenced block."""
    language: str
    text: str
    line: int


def blocks(path: Path) -> List[Block]:
    """The fenced blocks of a Markdown file, indented ones, too.

    Args:
        path (Path): The file.

    Returns:
        list[Block]: With the number of the line that they begin at.
    """
    found, fence = [], None
    for number, line in enumerate(path.read_text().splitlines(), start=1):
        mark = re.match(r'( *)```(\w*)\s*$', line)
        if fence is None and mark:
            fence = (len(mark[1]), mark[2], number, [])
        elif fence is not None and mark:
            indent, language, start, lines = fence
            text = ''.join(f'{row[indent:]}\n' for row in lines)
            found.append(Block(language, text, start))
            fence = None
        elif fence is not None:
            fence[3].append(line)
    if fence is not None:
        raise ValueError(f'{path}:{fence[2]}: the block is not closed')
    return found


class Call(NamedTuple):
    """A command with its arguments."""
    line: int
    words: List[str]


def commands(path: Path, folder: Path) -> List[Call]:
    """The commands of the shell blocks of a file.

    Args:
        path (Path): A Markdown file. A variable that one block sets can be
            used in the next.
        folder (Path): An empty folder to be in.

    Returns:
        list[Call]: Each call, as often as loops repeat it, with the line
        that its block begins at.

    Raises:
        ValueError: If bash does not understand a block, or a variable is not
            set.
    """
    calls = folder / 'calls'
    script = [f'exec 3>{calls}', 'set -u', RECORDER]
    for block in blocks(path):
        if block.language in ('shell', 'bash', 'sh'):
            script += [f'BLOCK={block.line}', block.text]
    result = subprocess.run(['/bin/bash', '--norc', '-c', '\n'.join(script)],
                            stdout=subprocess.DEVNULL,
                            stderr=subprocess.PIPE,
                            cwd=folder,
                            env=dict(PATH='/nonexistent', HOME=str(folder)),
                            text=True)
    if result.stderr or not calls.exists():
        raise ValueError(f'{path}: {result.stderr}')
    found = []
    for row in calls.read_text().splitlines():
        line, *words = row.split('\t')
        found.append(Call(int(line), words))
    return found


def inline_code(path: Path) -> List[str]:
    """What stands between single backticks outside of the blocks.

    Args:
        path (Path): A Markdown file.

    Returns:
        list[str]: In order.
    """
    text = re.sub(r'(?ms)^ *```.*?^ *```\s*$', '', path.read_text())
    return re.findall(r'`([^`\n]+)`', text)


def expand_braces(word: str) -> List[str]:
    """``a_{b,c}.py`` as bash expands it."""
    if not re.fullmatch(r'[\w{},./-]+', word):
        return [word]
    result = subprocess.run(['/bin/bash', '-c', f'echo {word}'],
                            capture_output=True, text=True, check=True)
    return result.stdout.split()
