# Copyright (c) temporal_corr authors. All rights reserved.
from typing import Tuple

import mmcv
from mmpose.datasets.transforms import LoadImage
from mmpose.registry import TRANSFORMS
from PIL import Image

ORIENTATION = 0x0112  # EXIF's tag; 5 to 8 are turned by 90 degrees


def picture_size(path: str) -> Tuple[int, int]:
    """Size of a picture as it is loaded, mostly from its header alone.

    Args:
        path (str): The file.

    Returns:
        tuple[int, int]: Width and height in pixels.

    Raises:
        ValueError: If it is no picture.
    """
    try:
        with Image.open(path) as image:
            size = image.size
            tagged = 'exif' in image.info or image.format == 'TIFF'
            if tagged and image.getexif().get(ORIENTATION, 1) != 1:
                # OpenCV turns pictures of some formats and not of others
                size = mmcv.imread(path).shape[1::-1]
    except (OSError, SyntaxError, AttributeError) as error:
        raise ValueError(f'{path} is not a readable image ({error}). Unpack '
                         'or extract it again') from error
    return tuple(size)


@TRANSFORMS.register_module()
class LoadVideoFrame(LoadImage):
    """Load the image of a frame, as MMPose's :class:`LoadImage`.

    Raises:
        FileNotFoundError: If there is no such file.
        TypeError: If it is given a clip.
        ValueError: If the file is no complete image.
    """

    def transform(self, results: dict) -> dict:
        """Loads the image.

        Args:
            results (dict): The result dict

        Returns:
            dict: The result dict.
        """
        path = results['img_path']
        if isinstance(path, list):
            raise TypeError(
                'The images of a clip are loaded frame by frame: put the '
                'transforms of the training pipeline, from LoadVideoFrame '
                'on, into ClipTransforms')
        where = (f'frame {results["frame_index"]} (from 0) of video '
                 f'{results["video_id"]}' if 'video_id' in results else
                 'a sample')
        remedy = ('Extract the frames again, and check data_root and '
                  'data_prefix.img of the data set')
        try:
            loaded = super().transform(results)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'The image {path} of {where} is missing. {remedy}'
            ) from error
        except Exception as error:
            reason = str(error.__context__ or error).partition('\n')[0]
            raise ValueError(f'The image {path} of {where} cannot be read '
                             f'({reason}). {remedy}') from error
        if loaded is None:
            raise ValueError(
                f'The image {path} of {where} is empty. {remedy}')
        return loaded
