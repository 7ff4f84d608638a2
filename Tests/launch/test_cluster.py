"""Job scripts for clusters, the Kubernetes job, and the checks of hosts."""

import copy
import json
import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LAUNCH = ROOT / "launch"
CLUSTERS = ROOT / "cluster-configs"
SCRIPTS = sorted(path for path in LAUNCH.iterdir() if path.read_text().startswith("#!/usr/bin/env bash"))


def run(*command, **variables) -> subprocess.CompletedProcess:
    """Runs a command without the environment of a batch system."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("SLURM_", "PBS_"))}
    environment |= {name: str(value) for name, value in variables.items()}
    return subprocess.run([str(word) for word in command], capture_output=True, text=True, env=environment)


def program(directory: Path, name: str, script: str) -> Path:
    """An executable bash script of this name."""
    path = directory / name
    path.write_text(f"#!/usr/bin/env bash\n{script}\n")
    path.chmod(0o755)
    return path


# --- Scripts ---


def test_all_scripts_are_found():
    assert {path.name for path in SCRIPTS} >= {"pbs.sh", "preflight", "quickstart", "slurm.sbatch", "supervise", "test"}


@pytest.mark.skipif(not shutil.which("shellcheck"), reason="shellcheck is not installed")
@pytest.mark.parametrize("script", [*SCRIPTS, LAUNCH / "common.sh", ROOT / ".ci/run", ROOT / "Documentation/site"], ids=lambda path: path.name)
def test_shellcheck_finds_nothing(script):
    result = run("shellcheck", "--external-sources", script)
    assert (result.returncode, result.stdout) == (0, "")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: path.name)
def test_a_script_stops_at_the_first_failure_and_evaluates_no_text(script):
    text = script.read_text()
    assert "set -euo pipefail\n" in text or '\nsource "$(dirname "${BASH_SOURCE[0]}")/common.sh"\n' in text
    assert not re.search(r"^\s*eval\b", text, re.MULTILINE)


# Shows each argument in brackets.
ECHO = "printf '[%s]' \"$@\""


def test_slurms_script_passes_every_argument_unchanged(tmp_path):
    echo = program(tmp_path, "espalier of mine", ECHO)
    words = ["train", "--output", "a b'c", "--config", "$x.yaml"]
    result = run("bash", LAUNCH / "slurm.sbatch", "my cluster.yaml", *words, ESPALIER=echo)
    assert result.stdout == "[launch][--cluster][my cluster.yaml][--]" + "".join(f"[{word}]" for word in words)


@pytest.mark.parametrize("status", [124, 75, 64, 1, 0])
def test_slurms_script_forwards_its_signal_and_requeues_a_stopped_job(tmp_path, status):
    # Exits with `status` on SIGUSR1, which the script forwards to it.
    stoppable = program(
        tmp_path,
        "espalier",
        f"trap 'exit {status}' USR1; sleep 0.3; kill -USR1 $PPID; for ((i = 0; i < 100; i++)); do sleep 0.1; done",
    )
    program(tmp_path, "scontrol", f"printf '%s ' \"$@\" >'{tmp_path}/asked'")
    path = f"{tmp_path}:{os.environ['PATH']}"
    script = LAUNCH / "slurm.sbatch"
    result = run("bash", script, "slurm.yaml", "train", ESPALIER=stoppable, PATH=path, SLURM_JOB_ID=7)
    assert result.returncode == status, result.stderr
    asked = tmp_path / "asked"
    assert (asked.read_text() if asked.exists() else "") == ("requeue 7 " if status in (75, 124) else "")


def test_pbss_script_takes_arguments_from_its_variable(tmp_path):
    echo = program(tmp_path, "espalier of mine", ECHO)
    variables = {"ESPALIER": echo, "PBS_O_WORKDIR": tmp_path, "ARGUMENTS": "train --config *.yaml"}
    result = run("bash", LAUNCH / "pbs.sh", **variables)
    assert result.stdout == "[launch][--cluster][cluster-configs/pbs.yaml][--][train][--config][*.yaml]"
    result = run("bash", LAUNCH / "pbs.sh", CLUSTER="my cluster.yaml", **variables)
    assert "[my cluster.yaml]" in result.stdout


@pytest.mark.parametrize("script", ["slurm.sbatch", "pbs.sh"])
def test_a_job_without_a_subcommand_ends_in_one_line(script, tmp_path):
    result = run("bash", LAUNCH / script, ESPALIER=program(tmp_path, "espalier", ECHO))
    assert (result.returncode, result.stdout) == (1, "")
    assert re.fullmatch(r"error: expected .*, found nothing; .*\n", result.stderr)


# --- Kubernetes ---


def read_yaml(path: Path) -> dict:
    yaml = pytest.importorskip("yaml", reason="PyYAML is not installed")
    return yaml.safe_load(path.read_text())


def problems(job: dict) -> list[str]:
    """The errors of a job by the schema of MPIJob."""
    jsonschema = pytest.importorskip("jsonschema", reason="jsonschema is not installed")
    schema = json.loads((Path(__file__).parent / "mpijob-v2beta1.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    return [error.json_path for error in jsonschema.Draft202012Validator(schema).iter_errors(job)]


def test_the_kubernetes_job_is_an_mpijob():
    assert problems(read_yaml(LAUNCH / "mpijob.yaml")) == []


@pytest.mark.parametrize(
    ("place", "value"),
    [
        ("apiVersion", "kubeflow.org/v1"),
        ("spec.slotsPerWorker", 0),
        ("spec.slotPerWorker", 1),
        ("spec.runPolicy.cleanPodPolicy", "Sometimes"),
        ("spec.mpiReplicaSpecs.Launcher.replicas", 2),
        ("spec.mpiReplicaSpecs.Launcher.template.spec.containers.0.lifecycle.preStop.exec", {}),
        ("spec.mpiReplicaSpecs.Worker.template.spec.containers", []),
        ("spec.mpiReplicaSpecs.Worker.template.spec.containers.0.resources.limits.memory", "32 GB"),
        ("spec.mpiReplicaSpecs.Worker.template.spec.containers.0.command", "sshd"),
        ("spec.mpiReplicaSpecs.Worker.template.spec.volumes.1.emptyDir.medium", "Disk"),
    ],
)
def test_the_schema_finds_a_wrong_value(place, value):
    job = copy.deepcopy(read_yaml(LAUNCH / "mpijob.yaml"))
    *parents, last = [int(name) if name.isdigit() else name for name in place.split(".")]
    part = job
    for name in parents:
        part = part[name]
    part[last] = value
    assert problems(job) != []


def test_job_image_and_cluster_file_agree():
    spec = read_yaml(LAUNCH / "mpijob.yaml")["spec"]
    cluster = read_yaml(CLUSTERS / "kubernetes.yaml")
    image = (LAUNCH / "Dockerfile").read_text()
    launcher, worker = (
        spec["mpiReplicaSpecs"][role]["template"]["spec"]["containers"][0] for role in ("Launcher", "Worker")
    )
    assert spec["slotsPerWorker"] == cluster["ranks"]
    assert worker["resources"]["limits"]["cpu"] == cluster["ranks"] * cluster["threads"]
    assert launcher["image"] == worker["image"]
    assert f"espalier {cluster['program']}\n" in image
    assert Path(launcher["command"][3]) == Path("/opt/espalier/cluster-configs/kubernetes.yaml")
    assert "COPY cluster-configs /opt/espalier/cluster-configs\n" in image
    assert f"> {worker['command'][-1]} " in image
    # For pkill and pgrep.
    assert "pkill" in launcher["lifecycle"]["preStop"]["exec"]["command"][2] and " procps " in image
    assert f"'HostKey {spec['sshAuthMountPath']}/id_rsa'" in image
    assert f"'Port {worker['readinessProbe']['tcpSocket']['port']}'" in image
    assert "/dev/shm" in {mount["mountPath"] for mount in worker["volumeMounts"]}


# --- Cluster files ---


def test_the_table_of_keys_has_every_key_that_a_file_uses_and_no_other():
    source = (ROOT / "Sources/espalier/Launch/ClusterConfiguration.swift").read_text()
    cases = source.split("enum CodingKeys")[1].split("}")[0]
    keys = set(re.findall(r'= "(\w+)"', cases))
    keys |= {name for name in re.search(r"case (.*)", cases)[1].split(", ")}
    table = set(re.findall(r"^\| `(\w+)` \|", (CLUSTERS / "README.md").read_text(), re.MULTILINE))
    assert len(keys) > 10
    assert table == keys


# --- Before the first run ---


@pytest.fixture
def cluster(tmp_path):
    """Two hosts with an `ssh` that runs commands locally, and an `espalier` whose `doctor` passes."""
    espalier = program(
        tmp_path,
        "espalier",
        f"""case "$*" in *--list-hosts) printf 'node01\\nnode02\\n' ;; *) {ECHO} ;; esac""",
    )
    program(tmp_path, "ssh", 'while [[ $1 != -- ]]; do shift; done; export HOST=$2; exec "${@:3}"')
    program(tmp_path, "mpirun", 'echo "mpirun (Open MPI) 4.1.${OLDER:-4}"')

    def preflight(**variables):
        path = f"{tmp_path}:{os.environ['PATH']}"
        return run(LAUNCH / "preflight", "--cluster", "my cluster.yaml", PATH=path, ESPALIER=espalier, **variables)

    preflight.directory = tmp_path
    return preflight


def test_identical_hosts_reach_doctor(cluster):
    result = cluster()
    assert result.returncode == 0, result.stdout + result.stderr
    rows = [line.split() for line in result.stdout.splitlines() if line.startswith("node")]
    assert [row[0] for row in rows] == ["node01", "node02"] * 2
    assert rows[0][1:] == rows[1][1:]
    assert rows[0][2] == "4.1.4"
    assert "[launch][--cluster][my cluster.yaml][--][doctor]" in result.stdout


def test_a_host_with_a_different_build_is_named_before_ranks_start(cluster):
    program(cluster.directory, "sha256sum", 'echo "${HOST}0000000000 -"')
    result = cluster()
    assert result.returncode == 1
    assert "✗ node02 has build node02000000, node01 has node01000000; make them identical\n" in result.stdout
    assert "doctor" not in result.stdout
    assert result.stderr == "error: 1 of these must be fixed before ranks can start\n"


def test_a_host_that_does_not_respond_is_named_with_the_reason_of_ssh(cluster):
    refusal = 'while [[ $1 != -- ]]; do shift; done; [[ $2 != node02 ]] || { echo "Permission denied" >&2; exit 255; }'
    program(cluster.directory, "ssh", f'{refusal}; exec "${{@:3}}"')
    result = cluster()
    assert result.returncode == 1
    assert (
        "✗ node02 does not respond: Permission denied; ssh node02 must work without a password\n" in result.stdout
    )


def test_preflight_needs_a_cluster_file():
    result = run(LAUNCH / "preflight")
    assert (result.returncode, result.stderr) == (1, "error: --cluster is missing; see --help\n")
