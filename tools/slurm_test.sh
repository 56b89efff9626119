#!/usr/bin/env bash
# Copyright (c) temporal_corr authors. All rights reserved.
# tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of
# tools/test.py], with GPUS, GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS.
set -euo pipefail

if [ $# -lt 4 ]; then
    echo "usage: $0 PARTITION JOB_NAME CONFIG CHECKPOINT [arguments]" >&2
    exit 2
fi
exec "$(dirname "$0")/slurm_run.sh" "$1" "$2" test.py "${@:3}"
