# Copyright (c) temporal_corr authors. All rights reserved.
"""Blocks, commands and inline code of a Markdown file."""
import re
import shlex
import textwrap
from pathlib import Path
from typing import Iterator, List, NamedTuple

#: Programs whose arguments are looked at.
PROGRAMS = ('python', 'bash', 'make')


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


class Call(NamedTuple):
    """A program and its arguments."""
    line: int
    words: List[str]


def commands(path: Path) -> Iterator[Call]:
    """The calls of :data:`PROGRAMS` in shell blocks, one for each value of a
    variable of a loop.

    Raises:
        ValueError: If a variable is not set before, or a quote is not closed.
    """
    variables = dict(PWD=['.'])
    for block in blocks(path):
        if block.language != 'shell':
            continue
        for line in block.text.replace('\\\n', ' ').splitlines():
            for name, values in re.findall(r'for (\w+) in ([^;]*)', line):
                variables[name] = values.split()
            for text in _substituted(line, variables):
                words = shlex.split(text, comments=True)
                for name, value in re.findall(r'(?:^|\s)(\w+)=(\S+)', text):
                    variables[name] = [value]
                program = [word in PROGRAMS for word in words]
                if any(program):
                    yield Call(block.line, words[program.index(True):])


def _substituted(line: str, variables: dict) -> List[str]:
    found = re.search(r'\$\{?(\w+)\}?', line)
    if not found:
        return [line]
    if found[1] not in variables:
        raise ValueError(f'{found[1]} is not set: {line}')
    return [
        text for value in variables[found[1]]
        for text in _substituted(line.replace(found[0], value), variables)
    ]


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
