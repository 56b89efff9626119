# Copyright (c) temporal_corr authors. All rights reserved.
"""The tutorial runs from the first cell to the last."""
import json
import re

import cv2
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


def outputs(notebook, kind):
    return [
        output for cell in notebook.cells if cell.cell_type == 'code'
        for output in cell.outputs if output.output_type == kind
    ]


def test_is_committed_without_outputs(notebook):
    nbformat.validate(notebook)
    for cell in notebook.cells:
        if cell.cell_type == 'code':
            assert cell.outputs == []
            assert cell.execution_count is None
            assert not cell.metadata


def test_links_and_tools_are_there(notebook, path, repo_root):
    text = '\n'.join(cell.source for cell in notebook.cells)
    links = re.findall(r'\]\(([^)#]+)', text)
    tools = re.findall(r'^%run (\S+)', text, re.MULTILINE)
    assert links and tools
    for name in links:
        assert (path.parent / name).exists(), name
    for name in set(tools):
        assert (repo_root / name).exists(), name


def test_runs_without_an_error(executed):
    # %run shows what goes wrong and does not stop the notebook.
    errors = outputs(executed[0], 'error')
    assert not errors, '\n'.join(errors[0].traceback)


def test_leaves_table_and_pictures(executed):
    notebook, out = executed
    results = json.loads((out / 'correlation.json').read_text())
    table = (out / 'table.md').read_text()
    for name in ('Mean', 'acceleration', 'acceleration error'):
        assert f'{100 * results[name]:.1f}' in table
    assert len(results['run']['test_videos']) == 4
    for name in ('maps.png', 'trajectories.png', 'stride/frame_stride.png',
                 'last_pose.png'):
        assert cv2.imread(str(out / name)) is not None, name
    video = cv2.VideoCapture(str(out / 'maps.mp4'))
    assert video.get(cv2.CAP_PROP_FRAME_COUNT) == 9
    shown = [output for kind in ('display_data', 'execute_result')
             for output in outputs(notebook, kind)]
    assert sum('image/png' in output.data for output in shown) == 4
    assert any(table.strip() == output.data.get('text/markdown')
               for output in shown)


def test_lanes_do_not_change_the_result(executed):
    _, out = executed
    together, alone = (
        json.loads((out / name).read_text())
        for name in ('correlation.json', 'one_lane.json'))
    for name in ('Mean', 'PCK', 'acceleration'):
        # One keypoint of a tie can fall either way between batch sizes.
        assert together[name] == pytest.approx(alone[name], abs=.02)


def test_follows_the_whole_clip(executed):
    said = ''.join(output.text for output in outputs(executed[0], 'stream'))
    assert '10 poses of 15 keypoints' in said


def test_shows_how_the_training_goes(executed):
    said = ''.join(output.text for output in outputs(executed[0], 'stream'))
    assert len(re.findall(r'Epoch\(train\).*loss: \d', said)) == 15 + 3
