#!/usr/bin/env bash
# Three training seeds on the same videos. From the repository's root; goes on where it was stopped.
set -euo pipefail
python=${PYTHON:-.venv/bin/python}
$python -m aed_lightning toy
for seed in 0 1 2; do
    $python -m aed_lightning fit --config configs/toy.yaml --seed $seed --run_dir runs/toy-seed-$seed --resume auto
done
# At the end: a changed file in the tree would mark the figures of later seeds as those of a changed commit.
for seed in 0 1 2; do
    mkdir -p experiments/0002-toy-three-seeds/seed-$seed
    cp runs/toy-seed-$seed/metrics.json experiments/0002-toy-three-seeds/seed-$seed/
done
