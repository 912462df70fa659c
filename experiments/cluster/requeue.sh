# What the jobs of this folder have in common. They are submitted in the root of the checkout:
#
#   sbatch experiments/cluster/one_gpu.sh --config configs/ped2.yaml
#
# A job that is preempted gets SIGTERM from SLURM, and is started again by it (--requeue). Shortly before the time limit
# SLURM warns the script alone (--signal=B:USR1@120): it sends SIGTERM to the work and asks for the job to be started
# again. SIGTERM makes every verb leave what the next start goes on from. The work never gets SIGUSR1: a training would
# ask for the restart itself, and there would be two.

# One element of an array: the number of the first one would mean the whole array.
job=${SLURM_ARRAY_JOB_ID:+${SLURM_ARRAY_JOB_ID}_$SLURM_ARRAY_TASK_ID}
job=${job:-$SLURM_JOB_ID}
PYTHON=${PYTHON:-.venv/bin/python}
# srun does not take it from the job any more since SLURM 22.05
export SRUN_CPUS_PER_TASK=${SLURM_CPUS_PER_TASK:-1} OMP_NUM_THREADS=${SLURM_CPUS_PER_TASK:-1}

requeue() { echo "starting job $job again" && scontrol requeue "$job" && sleep 60; }

run() { # COMMAND …: in every task of the job; the exit code of the work
    local work code end=
    trap 'scancel --signal=TERM "$job"; end=$((SECONDS + 60))' USR1
    trap : TERM CONT # the work has got it too, and is waited for
    # A task that ends leaves the others a minute: the first one writes for all.
    srun --kill-on-bad-exit=0 --wait=60 "$@" &
    work=$!
    while kill -0 "$work" 2> /dev/null; do
        sleep 0.5 # not `wait`: signals come when they like
        # What has not ended after a minute, as an evaluation, is done again by the next start.
        if [ -n "$end" ] && [ "$SECONDS" -ge "$end" ]; then requeue; end=; fi
    done
    wait "$work"
    code=$?
    if [ -n "$end" ] && [ "$code" -gt 128 ]; then requeue; fi
    return "$code"
}
