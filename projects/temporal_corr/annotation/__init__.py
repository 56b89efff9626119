# Copyright (c) temporal_corr authors. All rights reserved.
"""A page on which a person labels frames and the model follows."""
