#!/usr/bin/env bash
# Copyright (c) temporal_corr authors. All rights reserved.
# Unpacks MPII as `mim download` fetches it (dataset-index.yml), and says what
# MPII_ROOT is then. The archive is kept until all of it is unpacked.
set -euo pipefail
if [ $# -ne 2 ]; then
    echo "usage: $0 DOWNLOAD_DIR DATA_ROOT" >&2
    exit 2
fi
source="$1/OpenDataLab___MPII_Human_Pose"
mkdir -p "$2"
tar -xzf "$source/raw/MPII_Human_Pose.tar.gz" -C "$2"
rm -rf "$source"
images=$(find "$2" -maxdepth 3 -type d -name images | head -n 1)
if [ -n "$images" ]; then
    echo "export MPII_ROOT=$(dirname "$images")"
else
    echo "no folder named images in $2: set MPII_ROOT by hand" >&2
fi
