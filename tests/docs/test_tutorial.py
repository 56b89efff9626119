# Copyright (c) temporal_corr authors. All rights reserved.
"""The tutorial runs from the first cell to the last."""
import json
import re

import pytest

nbformat = pytest.importorskip('nbformat')
nbclient = pytest.importorskip('nbclient')


@pytest.fixture(scope='module')
def path(repo_root):
    return repo_root / 'docs/tutorial.ipynb'


@pytest.fixture(scope='module')
def notebook(path):
    return nbformat.read(path, as_version=4)


@pytest.fixture(scope='module')
def executed(path, tmp_path_factory):
    """The notebook with its outputs, and the folder that it filled."""
    pytest.importorskip('projects.temporal_corr.apis')
    out = tmp_path_factory.mktemp('tutorial')
    notebook = nbformat.read(path, as_version=4)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv('TUTORIAL_DIR', str(out))
        patch.setenv('OMP_NUM_THREADS', '1')
        patch.setenv('IPYTHONDIR', str(out / 'ipython'))
        # Jupyter starts a notebook in its folder.
        nbclient.NotebookClient(
            notebook,
            timeout=300,
            kernel_name='python3',
            resources=dict(metadata=dict(path=str(path.parent)))).execute()
    return notebook, out


def images(notebook):
    return sum('image/jpeg' in output.data
               for output in outputs(notebook, 'execute_result'))


def outputs(notebook, kind):
    return [
        output for cell in notebook.cells if cell.cell_type == 'code'
        for output in cell.outputs if output.output_type == kind
    ]


def test_is_committed_with_its_outputs(notebook):
    """In order, without the paths of the machine that ran it."""
    nbformat.validate(notebook)
    cells = [cell for cell in notebook.cells if cell.cell_type == 'code']
    assert [cell.execution_count for cell in cells
            ] == list(range(1, len(cells) + 1))
    assert not outputs(notebook, 'error')
    assert images(notebook) == 4
    assert not re.search(r'"/\w+/', json.dumps(outputs(notebook, 'stream')))


def test_links_are_there(notebook, path):
    text = '\n'.join(cell.source for cell in notebook.cells)
    for name in re.findall(r'\]\(([^)#]+)', text):
        assert (path.parent / name).exists(), name


def test_runs_without_an_error(executed):
    # %run shows what goes wrong and does not stop the notebook.
    errors = outputs(executed[0], 'error')
    assert not errors, '\n'.join(errors[0].traceback)


def test_leaves_what_the_stored_outputs_show(executed, notebook):
    ran, out = executed
    assert images(ran) == images(notebook)
    said, stored = (
        ''.join(output.text for output in outputs(each, 'stream'))
        for each in (ran, notebook))
    # the label helps, there as here
    for text in (said, stored):
        before, after = re.search(r'([\d.]+) -> ([\d.]+)', text).groups()
        assert float(after) > float(before) + 10
        assert len(re.findall(r'Epoch\(train\).*loss: \d', text)) == 6 + 2
    table, = [
        output.data['text/markdown']
        for output in outputs(ran, 'execute_result')
        if 'text/markdown' in output.data
    ]
    for name in ('single', 'correlation'):
        results = json.loads((out / f'{name}.json').read_text())
        assert len(results['run']['test_videos']) == 8
        for column in ('Mean', 'acceleration error'):
            assert f'{100 * results[column]:.1f}' in table
