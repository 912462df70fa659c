#!/bin/bash
# A SLURM of two nodes on this machine, for tests.
#
#   slurm.sh install_packages   those of Debian, where they are not there
#   slurm.sh start DIR          all of it below DIR; then SLURM_CONF=DIR/slurm.conf sinfo
#   slurm.sh stop DIR           ends the jobs and what `start` started
set -euo pipefail

install_packages() {
    if [ "$(id -u)" != 0 ]; then
        echo "make test-cluster starts a SLURM of its own and needs root for that" >&2
        exit 2
    fi
    if command -v slurmctld && command -v slurmd && command -v sbatch && command -v munged; then return; fi > /dev/null
    if ! command -v apt-get > /dev/null; then
        echo "make test-cluster needs SLURM and munge, and there is no apt-get to install them with" >&2
        exit 2
    fi
    export DEBIAN_FRONTEND=noninteractive
    apt-get update -q
    apt-get install -q -y --no-install-recommends slurm-wlm munge
}

configure() { # two nodes with two cores each, whatever the machine has; jobs give way to those of the urgent partition
    local host
    host=$(hostname -s)
    cat > "$1/slurm.conf" << CONF
ClusterName=test
SlurmctldHost=$host(127.0.0.1)
SlurmUser=root
AuthType=auth/munge
# A job that is started again waits for so many seconds.
AuthInfo=cred_expire=10
SlurmctldPort=17000
SlurmctldPidFile=$1/slurmctld.pid
SlurmctldLogFile=$1/slurmctld.log
StateSaveLocation=$1/state
SlurmdSpoolDir=$1/spool-%n
SlurmdPidFile=$1/slurmd-%n.pid
SlurmdLogFile=$1/slurmd-%n.log
SlurmdParameters=config_overrides
ProctrackType=proctrack/linuxproc
TaskPlugin=task/none
JobAcctGatherType=jobacct_gather/none
SwitchType=switch/none
MpiDefault=none
MailProg=/bin/true
SelectType=select/cons_tres
SelectTypeParameters=CR_Core
SchedulerType=sched/builtin
SchedulerParameters=batch_sched_delay=1,sched_interval=1
PreemptType=preempt/partition_prio
PreemptMode=REQUEUE
ReturnToService=2
NodeName=n[1-2] NodeHostname=$host NodeAddr=127.0.0.1 Port=[17001-17002] CPUs=2 RealMemory=4000
PartitionName=normal Nodes=n[1-2] Default=YES MaxTime=INFINITE PriorityTier=1
PartitionName=urgent Nodes=n[1-2] MaxTime=INFINITE PriorityTier=2
CONF
}

begin() { # DIR NAME COMMAND …: in the background, noted for `stop`
    local folder=$1 name=$2
    shift 2
    "$@" > "$folder/$name.out" 2>&1 < /dev/null &
    echo $! >> "$folder/started"
}

until_it_works() { # SECONDS COMMAND …
    local end=$((SECONDS + $1))
    shift
    until "$@" > /dev/null 2>&1; do
        [ "$SECONDS" -lt "$end" ] || return 1
        sleep 0.3
    done
}

both_idle() { [ "$(sinfo -h -t idle -N -p normal -o %N | wc -l)" = 2 ]; }
no_jobs() { [ -z "$(squeue -h)" ]; }
all_ended() { ! kill -0 $(cat "$1/started"); }

start() {
    export SLURM_CONF=$1/slurm.conf
    mkdir -p "$1/state" "$1/spool-n1" "$1/spool-n2"
    configure "$1"
    if ! munge -n > /dev/null 2>&1; then
        for folder in /run/munge /var/log/munge /var/lib/munge; do install -d -o munge -g munge "$folder"; done
        begin "$1" munged runuser -u munge -- munged --foreground
        until_it_works 30 munge -n || { echo "munged did not start; see $1/munged.out" >&2; exit 1; }
    fi
    begin "$1" slurmctld slurmctld -D
    begin "$1" slurmd-n1 slurmd -D -N n1
    begin "$1" slurmd-n2 slurmd -D -N n2
    until_it_works 120 both_idle || { echo "the nodes did not come up; see $1/*.log and $1/*.out" >&2; exit 1; }
}

stop() {
    export SLURM_CONF=$1/slurm.conf
    [ -f "$1/started" ] || return 0
    scancel --user=root --partition=normal > /dev/null 2>&1 || true
    scancel --user=root --partition=urgent > /dev/null 2>&1 || true
    until_it_works 60 no_jobs || true
    kill $(tac "$1/started") 2> /dev/null || true
    until_it_works 20 all_ended "$1" || kill -KILL $(cat "$1/started") 2> /dev/null || true
    rm "$1/started"
}

"$@"
