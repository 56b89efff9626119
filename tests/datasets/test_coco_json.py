# Copyright (c) temporal_corr authors. All rights reserved.
import pytest

from projects.temporal_corr.datasets.coco_json import read_json, whole_number


@pytest.mark.parametrize('raw, where', [
    (b'', 'line 1'),
    (b'{\n"images": [1,\n', 'line 3'),
    (b'{"a": "\xff\xfe"}', 'utf-8'),
    (b'[' * 100000, 'recursion'),
], ids=['empty', 'cut off', 'latin-1', 'nested too deep'])
def test_names_file_and_line_of_what_is_broken(tmp_path, raw, where):
    path = tmp_path / 'a.json'
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=f'{path} .*{where}.*Export it again'):
        read_json(str(path), 'Export it again')
    with pytest.raises(ValueError, match='directory'):
        read_json(str(tmp_path))


@pytest.mark.parametrize('value, number', [
    (7, 7), (7., 7), ('00007', 7), (-1, -1), (7.5, None), ('p1', None),
    (None, None), (True, None), ([7], None), (float('nan'), None),
    (float('inf'), None), (2**63, None),
])  # yapf: disable
def test_whole_numbers(value, number):
    assert whole_number(value) == number
