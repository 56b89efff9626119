# Copyright (c) temporal_corr authors. All rights reserved.
