#!/bin/sh
# Everything that is to be timed on a GPU, in one command, after `make setup` with a torch that has CUDA:
#
#   sh experiments/benchmarks/gpu.sh [VIDEO]
#
# Writes gpu.json (network, training step, and the file VIDEO if one is given) beside this script.
set -e
cd "$(dirname "$0")/../.."
python=${PYTHON:-.venv/bin/python}
exec "$python" -m aed_lightning benchmark --device cuda --batch 1 8 32 128 --rounds 30 \
    --modes torch:32-true torch:bf16-mixed compile:bf16-mixed \
    --baseline experiments/benchmarks/plain_network.py --json experiments/benchmarks/gpu.json \
    ${1:+--source "$1"}
