# Copyright (c) temporal_corr authors. All rights reserved.
"""Which frame gives the exemplars for which frame of a video."""
from typing import Dict, Optional, Sequence

import numpy as np


def select_pair(numbers: np.ndarray, video_id: str, frame: Optional[int],
                gap: Optional[int]) -> tuple:
    """Find a pair of frames in a video.

    Args:
        numbers (np.ndarray): Frame numbers, counted from 1, in time.
        video_id (str): The video, for messages.
        frame (int, optional): Number of the current frame. None takes the
            middle of the video.
        gap (int, optional): The exemplar frame is this many frames earlier.
            None takes the one just before.

    Returns:
        tuple: Positions of the exemplar frame and of the current frame.

    Raises:
        ValueError: If one is not there, naming those that are.
    """
    numbers = np.asarray(numbers).tolist()
    if len(numbers) < 2:
        raise ValueError(f'video "{video_id}" has one frame only: no frame '
                         'before it can give exemplars. Choose another video')
    if frame is None:
        frame = numbers[max(1, len(numbers) // 2)]
        if gap is not None and frame - gap < numbers[0]:
            frame = numbers[0] + gap
    step = numbers[1] - numbers[0]
    range_ = f'{numbers[0]} to {numbers[-1]}' + (f' in steps of {step}'
                                                 if step > 1 else '')
    if frame not in numbers[1:]:
        raise ValueError(
            f'frame {frame} of video "{video_id}" has no earlier frame or is '
            f'not there. Its frames: {range_}')
    current = numbers.index(frame)
    if gap is None:
        return current - 1, current
    if gap < 1 or frame - gap not in numbers:
        raise ValueError(
            f'no exemplar frame is {gap} frames before frame {frame} of '
            f'video "{video_id}". Its frames: {range_}')
    return numbers.index(frame - gap), current


def exemplar_positions(numbers: Sequence[int],
                       gap: Optional[int]) -> Dict[int, int]:
    """Find the exemplar frame of each frame of a video.

    Args:
        numbers (Sequence[int]): Frame numbers in time.
        gap (int, optional): The exemplar frame is this many frames earlier.
            None takes the one just before.

    Returns:
        dict: Position of each frame that has one to that of its exemplar
        frame.
    """
    numbers = np.asarray(numbers).tolist()
    if gap is None:
        return {position: position - 1 for position in range(1, len(numbers))}
    places = {number: place for place, number in enumerate(numbers)}
    return {
        place: places[number - gap]
        for number, place in places.items()
        if gap > 0 and number - gap in places
    }
