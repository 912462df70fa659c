#!/bin/bash
# Train on the GPUs of several nodes, a task each; the data, on a file system that all nodes have, must be prepared before:
#
#   sbatch experiments/cluster/several_nodes.sh --config configs/shanghaitech.yaml --data.root data/shanghaitech
#
# Other numbers: sbatch --nodes=4 --gpus-per-node=8 --ntasks-per-node=8 experiments/cluster/several_nodes.sh …
# Without a GPU: sbatch --gpus-per-node=0 experiments/cluster/several_nodes.sh …
#SBATCH --job-name=aed_lightning
#SBATCH --nodes=2
#SBATCH --ntasks-per-node=4
#SBATCH --cpus-per-task=2
#SBATCH --gpus-per-node=4
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:USR1@120
#SBATCH --open-mode=append
source experiments/cluster/requeue.sh
run "$PYTHON" -m aed_lightning fit --resume auto --trainer.strategy ddp \
    --trainer.num_nodes "$SLURM_JOB_NUM_NODES" --trainer.devices "$SLURM_NTASKS_PER_NODE" "$@"
