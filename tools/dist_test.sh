#!/usr/bin/env bash
# Copyright (c) temporal_corr authors. All rights reserved.
# tools/dist_test.sh CONFIG CHECKPOINT GPUS [arguments of tools/test.py]
# As dist_train.sh, which says what GPUS and the environment variables are.
set -euo pipefail

if [ $# -lt 3 ]; then
    echo "usage: $0 CONFIG CHECKPOINT GPUS [arguments of tools/test.py]" >&2
    exit 2
fi
DIST_TOOL=test.py exec "$(dirname "$0")/dist_train.sh" "$1" "$3" "$2" "${@:4}"
