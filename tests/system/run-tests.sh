#!/bin/bash
# SPDX-License-Identifier: MIT
# Runs the system tests with pytest and leaves "passed failed" in
# build/results/system. Arguments go to pytest: -k NAME, --hv debug, --full ...
set -uo pipefail
cd "$(dirname "$0")/../.."
mkdir -p build/results build/logs
echo "0 1" > build/results/system
exec /usr/bin/python3 -B -m pytest -c tests/system/pytest.ini \
    --counts build/results/system tests/system "$@"
