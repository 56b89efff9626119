# Copyright (c) temporal_corr authors. All rights reserved.
from mmengine import fileio
from mmpose.datasets.transforms import LoadImage
from mmpose.registry import TRANSFORMS

from ..video_io.images import decode_image


@TRANSFORMS.register_module()
class LoadVideoFrame(LoadImage):
    """Load the image of a frame, as :class:`LoadImage`, but refuse files
    that are damaged or hold several pictures."""

    def transform(self, results: dict) -> dict:
        """Load the image."""
        path = results['img_path']
        where = (f'frame {results["frame_index"]} (from 0) of video '
                 f'{results["video_id"]}' if 'video_id' in results else
                 'a sample')
        remedy = ('Extract the frames again, and check data_root and '
                  'data_prefix.img of the data set')
        try:
            own_way = (self.color_type, self.imdecode_backend)
            if 'img' not in results and own_way == ('color', 'cv2'):
                content = fileio.get(path, backend_args=self.backend_args)
                results['img'] = decode_image(content)
            return super().transform(results)
        except FileNotFoundError as error:
            raise FileNotFoundError(
                f'The image {path} of {where} is missing. {remedy}'
            ) from error
        except Exception as error:
            reason = str(error.__context__ or error).partition('\n')[0]
            raise ValueError(f'The image {path} of {where} cannot be read '
                             f'({reason}). {remedy}') from error
