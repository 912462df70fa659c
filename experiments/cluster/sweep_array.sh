#!/bin/bash
# One run of a sweep an element; submitted by
#
#   python -m aed_lightning sweep experiments/sweeps/augmentation_percentage.yaml --slurm
#
# Arguments: a file with a command a line, and the command that writes the table. Without a GPU:
# SBATCH_GPUS_PER_NODE=0 before the command above.
#SBATCH --job-name=aed_sweep
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=2
#SBATCH --gpus-per-node=1
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:USR1@120
#SBATCH --open-mode=append
source experiments/cluster/requeue.sh
commands=$1
shift
run bash -c "$(sed -n "$((SLURM_ARRAY_TASK_ID + 1))p" "$commands")"
code=$?
"$@" # the table
exit "$code"
