# Copyright (c) temporal_corr authors. All rights reserved.
"""Reading of what the dataset converters wrote."""
import json


def read_clips(out, pattern):
    """Images and annotations by subset and folder of the frames; ``pattern``
    is the name of the files, with a place for the subset."""
    clips = {}
    for subset in ('train', 'test'):
        data = json.loads((out / pattern.format(subset)).read_text())
        category, = data['categories']
        # all are linked, and COCO counts them from 1
        assert {end for link in category['skeleton'] for end in link} == set(
            range(1, len(category['keypoints']) + 1))
        for image, annotation in zip(data['images'], data['annotations']):
            assert annotation['image_id'] == image['id']
            folder = image['file_name'].rpartition('/')[0]
            images, annotations = clips.setdefault((subset, folder), ([], []))
            images.append(image)
            annotations.append(annotation)
    return clips


def expected_images(vid_id, pattern, num_frames, width, height):
    """The images of a clip, in MMPose's format."""
    return [
        dict(
            id=vid_id * 10000 + i,
            file_name=pattern.format(i),
            width=width,
            height=height,
            vid_id=vid_id,
            frame_id=i,
            nframes=num_frames,
            is_labeled=True) for i in range(1, num_frames + 1)
    ]
