#!/bin/bash
# Train on one GPU:
#
#   sbatch experiments/cluster/one_gpu.sh --config configs/ped2.yaml --data.root data/ped2
#
# Without a GPU: sbatch --gpus-per-node=0 experiments/cluster/one_gpu.sh …
#SBATCH --job-name=aed_lightning
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=2
#SBATCH --gpus-per-node=1
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:USR1@120
#SBATCH --open-mode=append
source experiments/cluster/requeue.sh
run "$PYTHON" -m aed_lightning fit --resume auto "$@"
