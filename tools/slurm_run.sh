#!/usr/bin/env bash
# Copyright (c) temporal_corr authors. All rights reserved.
# tools/slurm_run.sh PARTITION JOB_NAME TOOL [arguments of the tool]
# What slurm_train.sh and slurm_test.sh call, with GPUS, GPUS_PER_NODE,
# CPUS_PER_TASK and SRUN_ARGS.
set -euo pipefail

GPUS=${GPUS:-8}
GPUS_PER_NODE=${GPUS_PER_NODE:-8}
CPUS_PER_TASK=${CPUS_PER_TASK:-5}
# Configs deal out a batch to so many processes, as torchrun says it.
export WORLD_SIZE=$GPUS
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$CPUS_PER_TASK}
# Of all processes of the job, and of no other job on the same nodes.
export MASTER_PORT=${MASTER_PORT:-${PORT:-$((20000 + RANDOM % 10000))}}

# SRUN_ARGS holds several arguments: no quotes.
# shellcheck disable=SC2086
exec srun -p "$1" \
    --job-name="$2" \
    --gres="gpu:$GPUS_PER_NODE" \
    --ntasks="$GPUS" \
    --ntasks-per-node="$GPUS_PER_NODE" \
    --cpus-per-task="$CPUS_PER_TASK" \
    --kill-on-bad-exit=1 \
    ${SRUN_ARGS:-} \
    "${PYTHON:-python}" -u "$(dirname "$0")/$3" --launcher=slurm "${@:4}"
