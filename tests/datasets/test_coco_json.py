# Copyright (c) temporal_corr authors. All rights reserved.
import codecs
import json

import pytest

from projects.temporal_corr.datasets.coco_json import read_json, whole_number

CONTENT = {'images': [{'id': 1, 'file_name': 'é.png'}]}
TEXT = json.dumps(CONTENT, ensure_ascii=False)


@pytest.mark.parametrize('raw', [
    codecs.BOM_UTF8 + TEXT.encode(),
    # PowerShell's redirection
    TEXT.encode('utf-16'),
    TEXT.replace('{', '\r\n{').encode(),
], ids=['utf-8 mark', 'utf-16', 'CRLF'])
def test_reads_what_editors_write(tmp_path, raw):
    path = tmp_path / 'a.json'
    path.write_bytes(raw)
    assert read_json(str(path)) == CONTENT


@pytest.mark.parametrize('raw, where', [
    (b'', 'line 1'),
    (b'{\n"images": [1,\n', 'line 3'),
    (b'{"a": "\xff\xfe"}', 'utf-8'),
    (b'[' * 100000, 'recursion'),
], ids=['empty', 'cut off', 'latin-1', 'nested too deep'])
def test_names_file_and_line_of_what_is_broken(tmp_path, raw, where):
    path = tmp_path / 'a.json'
    path.write_bytes(raw)
    with pytest.raises(ValueError, match=where) as error:
        read_json(str(path), 'Export it again')
    assert str(path) in str(error.value)
    assert 'Export it again' in str(error.value)


def test_a_folder(tmp_path):
    with pytest.raises(ValueError, match='directory'):
        read_json(str(tmp_path))


@pytest.mark.parametrize('value, number', [
    (7, 7), (7., 7), ('00007', 7), (' 7', 7), (-1, -1), (7.5, None),
    ('p1', None), ('', None), (None, None), (True, None), ([7], None),
    (float('nan'), None), (float('inf'), None), (2**63, None),
])  # yapf: disable
def test_whole_numbers(value, number):
    assert whole_number(value) == number
