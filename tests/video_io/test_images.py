# Copyright (c) temporal_corr authors. All rights reserved.
"""Image files against Pillow, which is what viewers show."""
import io

import cv2
import numpy as np
import pytest
from PIL import Image, ImageOps

from projects.temporal_corr.video_io.images import (decode_image, picture_size,
                                                    read_image)


@pytest.fixture
def picture():
    """Smooth colours, no two sides alike, RGB."""
    rng = np.random.default_rng(0)
    small = rng.integers(0, 256, (4, 5, 3), dtype=np.uint8)
    return Image.fromarray(cv2.resize(small, (80, 64)))


def encode(image, kind, **options):
    file = io.BytesIO()
    image.save(file, kind, **options)
    return file.getvalue()


@pytest.mark.parametrize('kind', ['JPEG', 'PNG', 'TIFF'])
@pytest.mark.parametrize('orientation', range(1, 9))
def test_upright_as_in_a_viewer(picture, tmp_path, kind, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    path = tmp_path / f'a.{kind.lower()}'
    path.write_bytes(encode(picture, kind, exif=exif))
    expected = ImageOps.exif_transpose(Image.open(path))
    read = read_image(str(path))
    np.testing.assert_allclose(read[..., ::-1], expected, atol=12)
    # the converters and the data sets compare sizes
    assert picture_size(str(path)) == read.shape[1::-1] == expected.size


@pytest.mark.parametrize('mode, kind', [
    ('L', 'PNG'), ('L', 'JPEG'), ('RGBA', 'PNG'), ('P', 'PNG'), ('1', 'TIFF'),
    ('CMYK', 'TIFF'),
])  # yapf: disable
def test_other_colours_become_bgr(picture, mode, kind):
    changed = picture.convert(mode)
    read = decode_image(encode(changed, kind))
    assert read.dtype == np.uint8
    np.testing.assert_allclose(read[..., ::-1], changed.convert('RGB'),
                               atol=12)  # yapf: disable


@pytest.mark.parametrize('suffix', ['.png', '.tif'])
def test_sixteen_bits_become_eight(picture, suffix):
    deep = np.asarray(picture).astype(np.uint16) * 257
    read = decode_image(cv2.imencode(suffix, deep)[1].tobytes())
    np.testing.assert_array_equal(read, picture)


@pytest.mark.parametrize('suffix', [
    '.jpg', '.png', '.webp', '.bmp', '.ppm', '.tif',
])
@pytest.mark.parametrize('share', [0.3, 0.5, 0.95])
def test_cut_off_files_are_refused(picture, suffix, share):
    content = cv2.imencode(suffix, np.asarray(picture))[1].tobytes()
    decode_image(content)
    cut = content[:int(share * len(content))]
    for broken in (cut, cut + bytes(len(content) - len(cut)) * (
            suffix == '.jpg')):  # a download that was allotted beforehand
        with pytest.raises(ValueError):
            decode_image(broken)


def test_what_is_refused(picture, tmp_path):
    path = tmp_path / 'a.png'
    for content in (b'', b'no image'):
        path.write_bytes(content)
        for read in (read_image, picture_size):
            with pytest.raises(ValueError):
                read(str(path))
    # OpenCV would make noise of 0 .. 1 without a word.
    floats = (np.asarray(picture) / 255).astype(np.float32)
    with pytest.raises(ValueError, match='float32'):
        decode_image(cv2.imencode('.tif', floats)[1].tobytes())
    content = encode(
        picture, 'TIFF', save_all=True, append_images=[picture] * 3)
    with pytest.raises(ValueError, match='4 pictures'):
        decode_image(content)


def test_odd_paths(picture, tmp_path):
    path = tmp_path / 'b: 100%05d ä [1].png'
    path.write_bytes(encode(picture, 'PNG'))
    np.testing.assert_array_equal(read_image(str(path))[..., ::-1], picture)
