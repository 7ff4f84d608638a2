#!/usr/bin/env bash
# Any subcommand of Espalier under PBS, on every rank.
#
#     qsub -v ARGUMENTS="train --config train.yaml" launch/pbs.sh
#
# PBS hands a script no arguments, so they come in ARGUMENTS, with single spaces between them; an argument with a space
# in it belongs into train.yaml. Ranks, threads and binding are those of CLUSTER, hosts are $PBS_NODEFILE. Lines to
# change are marked <--. The path of the program can be given in ESPALIER.

#PBS -N espalier
#PBS -l select=4:ncpus=32:mpiprocs=2
#PBS -l place=scatter:excl
#PBS -l walltime=04:00:00
#PBS -j oe

# <-- select: one chunk a node; ncpus: its cores; mpiprocs: its ranks, one for each NUMA domain (lscpu)
# <-- walltime

set -euo pipefail

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
