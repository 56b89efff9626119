#!/usr/bin/env bash
# Creates the virtual environment that `make demo` and `make test` use.
#
# usage: tools/misc/setup_env.sh VENV        (PYTHON=python3.11 chooses the interpreter)
#
# Each step leaves a stamp that names what it installed, so nothing is done
# twice and an interrupted set-up goes on where it stopped.
set -euo pipefail

VENV=${1:?usage: setup_env.sh VENV}
ROOT=$(cd "$(dirname "$0")/../.." && pwd)
REQ=$ROOT/requirements
PYTHON=${PYTHON:-python3.11}
MMCV_INDEX=https://download.openmmlab.com/mmcv/dist/cu121/torch2.1/index.html

# Nothing to do where exactly these requirements are installed already.
fingerprint=$(cat "$REQ"/*.txt | cksum)
[ "$(cat "$VENV/.ready" 2>/dev/null)" = "$fingerprint" ] && exit 0

say() { printf '\n== [%(%H:%M:%S)T] %s\n' -1 "$*"; }
fail() { printf '\nSet-up stopped: %s\n  What to do: %s\n' "$1" "$2" >&2; exit 1; }

# step NAME REQUIREMENT_FILE REMEDY COMMAND...: runs COMMAND unless the stamp holds this very file
step() {
  local stamp=$VENV/.done-$1 file=$2 remedy=$3
  cmp -s "$stamp" "$file" && return 0
  say "$1 ($(grep -cv -e '^#' -e '^$' "$file") requirements)"
  "${@:4}" || fail "the step '$1' failed (the messages above say where)" "$remedy"
  cp "$file" "$stamp"
}

mmcv_prebuilt() {  # OpenMMLab's own wheel, where its index answers
  "$VENV/bin/python" -m pip install --quiet --no-deps --only-binary mmcv --retries 0 --timeout 15 \
    -f "$MMCV_INDEX" -r "$REQ/mmcv.txt" >"$VENV/mmcv-prebuilt.log" 2>&1
}

mmcv_imports() { "$VENV/bin/python" -c 'import mmcv.ops' 2>"$VENV/import.log"; }

mmcv_from_source() {  # pip's wheel cache serves the second time
  echo "No prebuilt mmcv wheel could be had; building it from source. This takes 10 to 25 minutes on two"
  echo "cores, once: pip keeps the wheel. Full output in $VENV/mmcv-build.log"
  # -g0 -O1: a third less compile time, and a wheel of 1 MB instead of 32 MB.
  env MMCV_WITH_OPS=1 MAX_JOBS="${MAX_JOBS:-$(nproc)}" CFLAGS="${CFLAGS:--g0 -O1}" CXXFLAGS="${CXXFLAGS:--g0 -O1}" \
    "$VENV/bin/python" -m pip install -v --no-deps --no-build-isolation -r "$REQ/mmcv.txt" 2>&1 |
    tee "$VENV/mmcv-build.log" |
    { grep --line-buffered -oE '\[[0-9]+/[0-9]+\]|Successfully (built|installed) .*|error: .*' || true; } |
    while read -r line; do
      case $line in
        \[*) [ -t 1 ] && printf '\r  compiling %s ' "$line" ||
             case $line in *0/*) echo "  compiling $line" ;; esac ;;
        *) printf '\n  %s\n' "$line" ;;
      esac
    done
}

install_mmcv() {
  mmcv_prebuilt && mmcv_imports && return
  mmcv_from_source && mmcv_imports && return
  # The cached wheel was compiled against another torch.
  echo "The mmcv wheel in pip's cache does not fit this torch; building a new one."
  "$VENV/bin/python" -m pip uninstall --quiet --yes mmcv
  "$VENV/bin/python" -m pip cache remove --quiet mmcv
  mmcv_from_source && mmcv_imports
}

if [ ! -x "$VENV/bin/python" ]; then
  command -v "$PYTHON" >/dev/null || fail "no $PYTHON on this machine" \
    "install Python 3.11, or name another interpreter (3.9 to 3.11): make PYTHON=python3.10 test"
  say "creating $VENV with $("$PYTHON" --version)"
  "$PYTHON" -m venv "$VENV" || fail "python -m venv failed" \
    "install the venv module (Debian: apt-get install python3.11-venv)"
fi

PIP=("$VENV/bin/python" -m pip install --disable-pip-version-check)
NETWORK="check that the package registry answers (pip download six), then run the same command again: it goes on from here"
step torch "$REQ/torch.txt" "$NETWORK" "${PIP[@]}" -r "$REQ/torch.txt"
step runtime "$REQ/runtime.txt" "$NETWORK" "${PIP[@]}" -r "$REQ/runtime.txt"
step openmmlab "$REQ/openmmlab.txt" "$NETWORK" "${PIP[@]}" --no-deps -r "$REQ/openmmlab.txt"
step mmcv "$REQ/mmcv.txt" \
  "mmcv needs a C++17 compiler (Debian: apt-get install g++) and the Python headers (python3.11-dev); see $VENV/mmcv-build.log" \
  install_mmcv
step tests "$REQ/tests.txt" "$NETWORK" "${PIP[@]}" -r "$REQ/tests.txt"

"$VENV/bin/python" -c 'import mmcv.ops, mmdet, mmpose.models' 2>"$VENV/import.log" || {
  tail -n 5 "$VENV/import.log" >&2
  fail "the packages are installed but do not import together" "remove $VENV and set up again: make clean-env"
}
echo "$fingerprint" >"$VENV/.ready"
say "environment ready in $VENV"
