#!/usr/bin/env bash
# Copyright (c) temporal_corr authors. All rights reserved.
# tools/dist_train.sh CONFIG GPUS [arguments of tools/train.py]
# GPUS is the number of processes on this machine; without a GPU they run on
# the CPU. On one machine a free port is chosen; several machines: NNODES,
# NODE_RANK, MASTER_ADDR, PORT.
set -euo pipefail

if [ $# -lt 2 ]; then
    echo "usage: $0 CONFIG GPUS [arguments of tools/train.py]" >&2
    exit 2
fi
CONFIG=$1
GPUS=$2
# All processes of a machine share its cores.
CORES=$(nproc 2>/dev/null || echo 1)
THREADS=$((CORES / GPUS))
export OMP_NUM_THREADS=${OMP_NUM_THREADS:-$((THREADS > 0 ? THREADS : 1))}

if [ "${NNODES:-1}" = 1 ] && [ -z "${PORT:-}" ]; then
    # Any number of runs side by side, also where the host has no name.
    RENDEZVOUS=(--standalone --local_addr=127.0.0.1)
else
    RENDEZVOUS=(--nnodes="${NNODES:-1}" --node_rank="${NODE_RANK:-0}"
        --master_addr="${MASTER_ADDR:-127.0.0.1}"
        --master_port="${PORT:-29500}")
fi

exec "${PYTHON:-python}" -m torch.distributed.run \
    "${RENDEZVOUS[@]}" \
    --nproc_per_node="$GPUS" \
    "$(dirname "$0")/${DIST_TOOL:-train.py}" "$CONFIG" --launcher pytorch "${@:3}"
