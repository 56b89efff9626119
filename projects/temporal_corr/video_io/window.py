# Copyright (c) temporal_corr authors. All rights reserved.
import os
import subprocess
import sys


def can_open_windows() -> bool:
    """Whether ``cv2.imshow`` will work here; tells the user if not.

    Without a display OpenCV's Qt does not raise, but ends the process: it is
    tried in another one.
    """
    display = os.environ.get('DISPLAY') or os.environ.get('WAYLAND_DISPLAY')
    if display or not sys.platform.startswith('linux'):
        command = 'import cv2; cv2.namedWindow("probe")'
        try:
            if not subprocess.run([sys.executable, '-c', command],
                                  capture_output=True,
                                  timeout=60).returncode:
                return True
        except subprocess.TimeoutExpired:
            pass
    print('No window can be opened here: going on without --show')
    return False
