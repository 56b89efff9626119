# Copyright (c) temporal_corr authors. All rights reserved.
"""Image files, as a viewer shows them; damaged ones are refused."""
import os
import re
from typing import List, Tuple

import cv2
import numpy as np

IMAGE_SUFFIXES = ('.bmp', '.jpeg', '.jpg', '.png', '.ppm', '.tif', '.tiff',
                  '.webp')
ORIENTATION = 0x0112  # EXIF's tag; 5 to 8 are turned by 90 degrees


def list_files(folder: str, pattern: str = '.*') -> List[str]:
    """Sorted names of the files of a folder, none if there is no such folder.

    Hidden files, as macOS leaves them, are none. ``pattern`` is a regular
    expression of the whole name.
    """
    if not os.path.isdir(folder):
        return []
    return sorted(
        name for name in os.listdir(folder)
        if re.fullmatch(pattern, name) and not name.startswith('.')
        and not os.path.isdir(os.path.join(folder, name)))


def decode_images(content: bytes) -> List[np.ndarray]:
    """The pictures of an image file: several of an animation or many pages.

    They are turned as the file's EXIF orientation says. ``cv2.imread`` would
    show the missing part of a JPEG in grey; here it is an error.

    Args:
        content (bytes): The file.

    Returns:
        list[np.ndarray]: BGR uint8 in shape (H, W, 3) each.

    Raises:
        ValueError: If it is damaged, or no image of 8 or 16 bits.
    """
    try:
        complete, images = cv2.imdecodemulti(
            np.frombuffer(content, np.uint8),
            cv2.IMREAD_COLOR | cv2.IMREAD_ANYDEPTH)
    except cv2.error as error:  # empty, or larger than OpenCV allows
        raise ValueError(error.err.strip()) from error
    if not complete or not images:
        raise ValueError('it is cut off, damaged or no image')
    return [_eight_bits(image) for image in images]


def decode_image(content: bytes) -> np.ndarray:
    """The picture of a file that holds a single one, see
    :func:`decode_images`."""
    images = decode_images(content)
    if len(images) > 1:
        raise ValueError(f'it holds {len(images)} pictures: save each as a '
                         'file of its own')
    return images[0]


def read_image(path: str) -> np.ndarray:
    """Read a file with :func:`decode_image`."""
    # OpenCV itself does not open every path on Windows.
    with open(path, 'rb') as file:
        return decode_image(file.read())


def picture_size(path: str) -> Tuple[int, int]:
    """Width and height of a picture as it is loaded, in pixels, mostly from
    its header alone. ValueError if it is no picture."""
    from PIL import Image  # the other functions do without it
    try:
        with Image.open(path) as image:
            size = image.size
            tagged = 'exif' in image.info or image.format == 'TIFF'
            if tagged and image.getexif().get(ORIENTATION, 1) != 1:
                # OpenCV turns pictures of some formats and not of others
                size = read_image(path).shape[1::-1]
    except (OSError, SyntaxError, AttributeError, ValueError) as error:
        raise ValueError(f'{path} is not a readable image ({error}). Unpack '
                         'or extract it again') from error
    return tuple(size)


def count_images(path: str) -> int:
    """How many pictures a file holds, by its header, at least 1."""
    try:
        return max(cv2.imcount(path), 1)
    except cv2.error:  # reading it will tell
        return 1


def _eight_bits(image: np.ndarray) -> np.ndarray:
    if image.dtype == np.uint16:
        return (image >> 8).astype(np.uint8)
    if image.dtype != np.uint8:
        raise ValueError(f'its pixels are of {image.dtype}: save it with 8 '
                         'or 16 bits')
    return image
