#!/bin/bash
# Prepare or score many videos, a share an element. Arguments: the number of shares, the verb, its options:
#
#   sbatch --array=1-8 --gpus-per-node=0 experiments/cluster/archive_array.sh 8 prepare --config configs/avenue.yaml
#   sbatch --array=1-100%10 experiments/cluster/archive_array.sh 100 score --weights runs/avenue --source archive --out scored
#
# Elements that failed are given again alone (--array=3,7), with the same number of shares. When all are done:
#
#   python -m aed_lightning prepare --config configs/avenue.yaml --merge
#   python -m aed_lightning score --source archive --out scored --merge
#SBATCH --job-name=aed_archive
#SBATCH --nodes=1
#SBATCH --ntasks-per-node=1
#SBATCH --cpus-per-task=2
#SBATCH --gpus-per-node=1
#SBATCH --time=24:00:00
#SBATCH --requeue
#SBATCH --signal=B:USR1@120
#SBATCH --open-mode=append
source experiments/cluster/requeue.sh
shares=$1
verb=$2
shift 2
case $verb in
    prepare) set -- --workers "${SLURM_CPUS_PER_TASK:-1}" "$@" ;;
    score) set -- --resume "$@" ;;
esac
run "$PYTHON" -m aed_lightning "$verb" "$@" --shard "$SLURM_ARRAY_TASK_ID/$shares"
