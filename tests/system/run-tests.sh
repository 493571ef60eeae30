#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the system tests with pytest and leaves "passed failed" in
# build/results/system. Arguments go to pytest: -k NAME, --hv debug, --full ...
# Two machines at a time: most of a boot keeps one CPU of the host busy.
# TRELLIS_WORKERS says how many; 0 runs the tests in pytest itself (for --pdb).
set -uo pipefail
cd "$(dirname "$0")/../.."
mkdir -p build/results build/logs
echo "0 1" > build/results/system
workers=$(($(nproc) < 2 ? 1 : 2))
exec /usr/bin/python3 -B -m pytest -c tests/system/pytest.ini \
    -p xdist -n "${TRELLIS_WORKERS:-$workers}" --dist loadgroup \
    --counts build/results/system tests/system "$@"
