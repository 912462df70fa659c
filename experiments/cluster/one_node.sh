#!/bin/bash
# Train on all GPUs of one node, a task each; the data must be prepared before:
#
#   sbatch experiments/cluster/one_node.sh --config configs/avenue.yaml --data.root data/avenue
#
# Other numbers of GPUs: sbatch --gpus-per-node=8 --ntasks-per-node=8 experiments/cluster/one_node.sh …
# Without a GPU: sbatch --gpus-per-node=0 experiments/cluster/one_node.sh …
#SBATCH --job-name=aed_lightning
#SBATCH --nodes=1
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
