#!/usr/bin/env bash
# Runs a subcommand of Espalier on every rank of a PBS job.
#
#     qsub -v ARGUMENTS="train --config train.yaml" launch/pbs.sh
#
# PBS passes no arguments to a script, so ARGUMENTS contains them, separated by spaces; put an argument that contains a
# space into train.yaml. The cluster file CLUSTER sets ranks, threads and binding; the hosts are $PBS_NODEFILE. Lines to
# change are marked <--. ESPALIER sets the path of the program.

#PBS -N espalier
#PBS -l select=4:ncpus=32:mpiprocs=2
#PBS -l place=scatter:excl
#PBS -l walltime=04:00:00
#PBS -j oe

# <-- select: one chunk per node; ncpus: its cores; mpiprocs: its ranks, one for each NUMA domain (lscpu)
# <-- walltime

set -euo pipefail

# The lines above.
if [[ ${1-} == --help || ${1-} == -h ]]; then
    sed -n '2,/^$/s/^# \{0,1\}//p' "$0"
    exit
fi

directory=${PBS_O_WORKDIR:-$PWD}
cluster=${CLUSTER:-cluster-configs/pbs.yaml}
espalier=${ESPALIER:-$directory/.build/release/espalier}

cd -- "$directory"
read -r -a arguments <<<"${ARGUMENTS:-}"
if ((${#arguments[@]} == 0)); then
    echo 'error: expected a subcommand in ARGUMENTS, found nothing; qsub -v ARGUMENTS="train …" pbs.sh' >&2
    exit 1
fi
exec "$espalier" launch --cluster "$cluster" -- "${arguments[@]}"
