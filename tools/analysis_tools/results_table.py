# Copyright (c) temporal_corr authors. All rights reserved.
"""Tables and figures from the files of the tools that measure.

    results_table.py results/NAME.json                      # prints the table
    results_table.py results/NAME.json --figure strides.png
    results_table.py --write README.md                      # or --check

The tools are ablation.py, label_rivals.py and
benchmark.py. A file {"kind": "headline", "rows": [[NAME, FILE, ROW], ...]}
makes a table of chosen rows of the first two, with files beside it.

In a document, a table stands between ``<!-- results/NAME.json -->`` and
``<!-- end of results/NAME.json -->``, each on a line of its own, where the
path is relative to the document. --write and --check without files take all
that the document names.
"""
import argparse
import json
import os
import os.path as osp
import re
import sys
from typing import List

sys.path.insert(0, osp.dirname(osp.dirname(osp.abspath(__file__))))
import repo_path  # noqa: F401, E402

from projects.temporal_corr.engine import AtomicLocalBackend  # noqa: E402
from projects.temporal_corr.video_io.output_files import \
    save_figure  # noqa: E402
from projects.temporal_corr.visualization import draw_stride_plot  # noqa: E402

from ablation_results import (  # noqa: E402 isort: skip
    KIND, MORE_COLUMNS, read_ablation, summarize)
from ablation_study import quoted  # noqa: E402 isort: skip
from ablation_table import (  # noqa: E402 isort: skip
    ablation_table, column, label, markdown)
from benchmark_table import (  # noqa: E402 isort: skip
    BENCHMARK_KIND, benchmark_table)

#: Tables by the kind of the file; those of ablation.py are checked first.
HEADLINE_KIND = 'headline'
TABLES = {BENCHMARK_KIND: benchmark_table}
BEGIN = re.compile(r'^<!-- (?!end of )(\S+\.json) -->$', re.MULTILINE)


def parse_args():
    parser = argparse.ArgumentParser(
        description='Tables and figures from the files of the tools that '
        'measure')
    parser.add_argument(
        'files',
        nargs='*',
        help='files of ablation.py, label_rivals.py, benchmark.py')
    group = parser.add_mutually_exclusive_group()
    group.add_argument(
        '--write', metavar='FILE.md', help='put the tables into a document')
    group.add_argument(
        '--check',
        metavar='FILE.md',
        help='exit with 1 if the tables in a document are not those of the '
        'files')
    parser.add_argument(
        '--figure',
        help='picture of the Mean against the temporal downsampling rate to '
        'write, of one file: .png, .pdf, .svg')
    parser.add_argument(
        '--only',
        default='',
        metavar='TEXT',
        help='draw only rows with this in their names')
    args = parser.parse_args()
    if not args.files and not (args.write or args.check):
        parser.error('give files, --write or --check')
    if args.figure and len(args.files) != 1:
        parser.error('--figure needs one file')
    return args


def named_files(document: str, text: str) -> List[str]:
    """The files that a document has tables of.

    Args:
        document (str): Path of the document.
        text (str): Its text.

    Returns:
        list[str]: Their paths, without files of another kind.

    Raises:
        FileNotFoundError: If one is not there.
    """
    found = []
    for name in BEGIN.findall(text):
        path = osp.join(osp.dirname(document), name)
        if not osp.isfile(path):
            raise FileNotFoundError(
                f'{document} has a table of {name}, and there is no such '
                'file: make it with ablation.py or remove the table')
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
        if isinstance(content, dict) and content.get('kind') in (
                KIND, HEADLINE_KIND, *TABLES):
            found.append(path)
    return found


def replace_table(document: str, text: str, path: str) -> str:
    """The text of a document with the table of a file.

    Args:
        document (str): Path of the document.
        text (str): Its text.
        path (str): A file of one of the tools.

    Returns:
        str: The text with what stands between the marks replaced.

    Raises:
        ValueError: If the document does not have the marks once.
    """
    name = osp.relpath(path, osp.dirname(osp.abspath(document)))
    name = name.replace(os.sep, '/')
    begin, end = f'<!-- {name} -->\n', f'<!-- end of {name} -->\n'
    if not (text.count(begin) == text.count(end) == 1
            and text.index(begin) < text.index(end)):
        raise ValueError(
            f'{document} needs these two lines, once and in this order, '
            f'where the table is to be:\n{begin}{end}')
    before, rest = text.split(begin)
    _, after = rest.split(end)
    link = f'The numbers: [{name}]({name}).'
    return f'{before}{begin}\n{table(path)}\n{link}\n\n{end}{after}'


def table(path: str) -> str:
    """The table of a file.

    Args:
        path (str): A file of one of the tools.

    Returns:
        str: The table as Markdown.
    """
    try:
        with open(path, encoding='utf-8') as file:
            content = json.load(file)
        if content['kind'] in TABLES:
            return TABLES[content['kind']](content)
        rows = content['rows'] if content['kind'] == HEADLINE_KIND else None
    except (OSError, ValueError, KeyError, TypeError):
        rows = None  # what is wrong with it is told below
    if rows is not None:
        return headline(rows, osp.dirname(path))
    return ablation_table(read_ablation(path))


def headline(rows: List[List[str]], folder: str) -> str:
    """A table of chosen rows.

    Args:
        rows (list): Name, file and row of each.
        folder (str): Where the files are.

    Returns:
        str: The table as Markdown.

    Raises:
        ValueError: If there is no such row.
    """
    found = []
    for name, file, row in rows:
        path = osp.join(folder, file)
        known = {x.name: x for x in summarize(read_ablation(path))}
        if row not in known:
            raise ValueError(f'there is no row "{row}" in {path}: choose from '
                             f'{quoted(known)}')
        found.append((name, known[row]))
    columns = {
        key: head
        for key, head in dict(Mean='Mean', **MORE_COLUMNS).items()
        if any(key in row.columns for _, row in found)
    }
    return markdown(['', *columns.values()],
                    [[name, *(column(row, key) for key in columns)]
                     for name, row in found]) + '\n'


def draw_strides(path: str, figure: str, only: str = '') -> None:
    """Draw the Mean against the temporal downsampling rate.

    Args:
        path (str): A file of ablation.py.
        figure (str): The picture to write.
        only (str): What the names of the rows must hold. Defaults to ''.
    """
    content = read_ablation(path)
    rows = [row for row in summarize(content)
            if row.strides and only in row.name]  # yapf: disable
    if not rows:
        raise ValueError(f'{path} holds no temporal downsampling rates'
                         f'{f" of rows with {only!r}" if only else ""}: set '
                         'strides in the study and run ablation.py again')
    curves, spreads = {}, {}
    for row in rows:
        curves[row.name] = {k: v.mean for k, v in row.strides.items()}
        spreads[row.name] = {k: v.std or 0. for k, v in row.strides.items()}
    save_figure(
        draw_stride_plot(curves, f'{label(content)} (Mean)', spreads), figure)


def main():
    args = parse_args()
    document = args.write or args.check
    if args.figure:
        draw_strides(args.files[0], args.figure, args.only)
    if document is None:
        for path in args.files:
            print(table(path))
        return
    with open(document, encoding='utf-8') as file:
        text = file.read()
    for path in args.files or named_files(document, text):
        new = replace_table(document, text, path)
        if new == text:
            print(f'{document} has the table of {path}')
        elif args.check:
            sys.exit(f'{document} differs from {path}: run '
                     f'results_table.py {path} --write {document}')
        else:
            AtomicLocalBackend().put_text(new, document)
            print(f'{document}: table of {path} replaced')
        text = new


if __name__ == '__main__':
    try:
        main()
    except (ValueError, FileNotFoundError) as error:
        sys.exit(f'{type(error).__name__}: {error}')
