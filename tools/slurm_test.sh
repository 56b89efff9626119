#!/usr/bin/env bash
# Copyright (c) temporal_corr authors. All rights reserved.
# tools/slurm_test.sh PARTITION JOB_NAME CONFIG CHECKPOINT [arguments of
# tools/test.py], with GPUS, GPUS_PER_NODE, CPUS_PER_TASK and SRUN_ARGS.
set -euo pipefail

if [ $# -lt 4 ]; then
    echo "usage: $0 PARTITION JOB_NAME CONFIG CHECKPOINT [arguments]" >&2
    exit 2
fi
PARTITION=$1
JOB_NAME=$2
CONFIG=$3
CHECKPOINT=$4
GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-8}
CPUS_PER_TASK=${CPUS_PER_TASK:-5}
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$CPUS_PER_TASK}
# Of all processes of the job, and of no other job on the same nodes.
export MASTER_PORT=${MASTER_PORT:-${PORT:-$((20000 + RANDOM % 10000))}}

# SRUN_ARGS holds several arguments: no quotes.
# shellcheck disable=SC2086
exec srun -p "$PARTITION" \
    --job-name="$JOB_NAME" \
    --gres="gpu:$GPUS_PER_NODE" \
    --ntasks="$GPUS" \
    --ntasks-per-node="$GPUS_PER_NODE" \
    --cpus-per-task="$CPUS_PER_TASK" \
    --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$(dirname "$0")/test.py" "$CONFIG" \
    "$CHECKPOINT" --launcher=slurm "${@:5}"
