# Copyright (c) temporal_corr authors. All rights reserved.
from setuptools import setup

setup()
