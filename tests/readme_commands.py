# Copyright (c) temporal_corr authors. All rights reserved.
"""Blocks, commands and inline code of a Markdown file."""
import re
import shutil
import subprocess
import textwrap
from pathlib import Path
from typing import List, NamedTuple

#: Prints the calls whose arguments are looked at; nothing is run.
PRINT_CALLS = r"""
set -u
PATH=
for program in python bash make; do
    eval "$program() { printf '%s\t' $program \"\$@\"; printf '\n'; }"
done
cd() { :; }
echo() { :; }
source() { :; }
command_not_found_handle() { :; }
"""


class Block(NamedTuple):
    """A fenced block."""
    language: str
    text: str
    line: int


def blocks(path: Path) -> List[Block]:
    """The fenced blocks, with the number of the line that they begin at."""
    text = path.read_text()
    if len(re.findall('(?m)^ *```', text)) % 2:
        raise ValueError(f'{path}: a block is not closed')
    return [
        Block(found[2], textwrap.dedent(found[3]),
              text.count('\n', 0, found.start()) + 1)
        for found in re.finditer(r'(?ms)^( *)```(\w*) *\n(.*?)^\1```', text)
    ]


def commands(path: Path, folder: Path) -> List[List[str]]:
    """Program and arguments of each call of the shell blocks, as Bash expands
    them in an empty folder; a ValueError if a variable is not set."""
    shell = [block.text for block in blocks(path) if block.language == 'shell']
    result = subprocess.run(
        [shutil.which('bash'), '-c', PRINT_CALLS + ''.join(shell)],
        cwd=folder, env={}, capture_output=True, text=True)  # yapf: disable
    if 'unbound variable' in result.stderr or 'syntax' in result.stderr:
        raise ValueError(f'{path}: {result.stderr}')
    return [line.split('\t')[:-1] for line in result.stdout.splitlines()]


def inline_code(path: Path) -> List[str]:
    """What stands between single backticks outside of the blocks."""
    text = re.sub(r'(?ms)^ *```.*?^ *```\s*$', '', path.read_text())
    return re.findall(r'`([^`\n]+)`', text)


def expand_braces(word: str) -> List[str]:
    """``a_{b,c}.py`` as a shell expands it."""
    found = re.search(r'{([^{}]*)}', word)
    if not found:
        return [word]
    return [
        text for part in found[1].split(',')
        for text in expand_braces(word.replace(found[0], part, 1))
    ]
