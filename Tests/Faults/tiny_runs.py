"""Runs of the tiny golden model, and their invariants."""

import hashlib
import json
import os
import struct
import subprocess
from pathlib import Path

from disturbance import Disturbance

ROOT = Path(__file__).parents[2]
ESPALIER = ROOT / ".build/release/espalier"
GOLDEN = ROOT / "Tests/Goldens/tied"
# AdamW's epsilon is large, so that the metrics keep changing for hundreds of steps.
SETTINGS = {
    "adam_epsilon": 0.001, "beta": 0.5, "learning_rate": 0.01, "lr_scheduler_type": "constant", "threads": 1,
    "global_batch_size": 4, "save_steps": 5, "max_steps": 14,
}  # fmt: skip
EVALUATED = {
    "eval_data": str(GOLDEN / "data.safetensors"), "eval_steps": 4, "load_best_model_at_end": True,
}  # fmt: skip
TIME_DEPENDENT = ("seconds", "second", "runtime", "mfu", "measured_imbalance")


def environment() -> dict[str, str]:
    variables = os.environ | {
        "OMPI_MCA_btl_vader_single_copy_mechanism": "none",
        # Products are events by the library's function; the program's own kernels cannot be wrapped.
        "ESPALIER_PRODUCTS": "openblas",
        # After a rank has died, mpirun waits twice this time for the others before it kills them.
        "OMPI_MCA_odls_base_sigkill_timeout": "0",
        # Ranks share the processors with those of other tests, to which a rank that waits yields.
        "OMPI_MCA_mpi_yield_when_idle": "1",
    }
    if os.geteuid() == 0:
        variables |= {"OMPI_ALLOW_RUN_AS_ROOT": "1", "OMPI_ALLOW_RUN_AS_ROOT_CONFIRM": "1"}
    return variables


def write_rows(path: Path, count: int) -> None:
    """Writes `count` preferences, each a prompt of two tokens with responses of two tokens and one token."""
    tokens = [row % 131 for row in range(count)]
    arrays = {
        "prompt_ids": ("I32", "i", [word for row, token in enumerate(tokens) for word in (token, row // 131 % 131)]),
        "prompt_offsets": ("I64", "q", range(0, 2 * count + 1, 2)),
        "response_ids": ("I32", "i", [word for token in tokens for word in (token, 7, 130 - token)]),
        "response_offsets": ("I64", "q", [0, *(3 * row + end for row in range(count) for end in (2, 3))]),
        "row_offsets": ("I64", "q", range(0, 2 * count + 1, 2)),
    }
    header, data = {"__metadata__": {"format": "espalier-preferences", "format_version": "1"}}, b""
    for name, (kind, code, values) in sorted(arrays.items(), key=lambda item: item[1][0] != "I64"):
        packed = struct.pack(f"<{len(values)}{code}", *values)
        header[name] = {"dtype": kind, "shape": [len(values)], "data_offsets": [len(data), len(data) + len(packed)]}
        data += packed
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


class Run:
    """A run that writes `out` and `reference.safetensors` in a directory; a single process if `ranks` is None."""

    def __init__(self, root: Path, ranks: int | None = 2, data: Path = GOLDEN / "data.safetensors", **settings):
        self.root, self.ranks, self.data = root, ranks, data
        self.output, self.cache = root / "out", root / "reference.safetensors"
        root.mkdir(exist_ok=True)
        # Outside of the run's root, where the tests search for temporary files.
        self.settings = root.parent / f"{root.name}.yaml"
        lines = [f"{name}: {json.dumps(value)}\n" for name, value in (SETTINGS | settings).items()]
        self.settings.write_text("".join(lines))

    @property
    def words(self) -> list[str]:
        """The arguments of espalier, without the output directory."""
        words = ["train", "--config", self.settings, "--model", GOLDEN, "--reference-cache", self.cache]
        return [str(word) for word in [*words, "--data", self.data]]

    def command(self, disturbance: Disturbance | None = None) -> list[str]:
        train = [ESPALIER, *self.words]
        variables = disturbance.variables(self.root) if disturbance else {}
        words = [f"{name}={value}" for name, value in variables.items()]
        if self.ranks is None:
            return [str(word) for word in ["env", *words, *train]]
        launch = ["mpirun", "-np", self.ranks, "--oversubscribe", "--bind-to", "none"]
        return [str(word) for word in [*launch, *(part for word in words for part in ("-x", word)), *train]]

    def popen(self, disturbance: Disturbance | None = None, *more: str) -> subprocess.Popen:
        words = [*self.command(disturbance), "--output", str(self.output), *map(str, more)]
        return subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=environment())

    def start(self, disturbance: Disturbance | None = None, *more: str) -> subprocess.CompletedProcess:
        process = self.popen(disturbance, *more)
        try:
            output, errors = process.communicate(timeout=60)
        except subprocess.TimeoutExpired:
            process.kill()
            raise
        return subprocess.CompletedProcess(process.args, process.returncode, output, errors)

    def finish(self, disturbance: Disturbance | None = None, *more: str) -> subprocess.CompletedProcess:
        result = self.start(disturbance, *more)
        assert result.returncode == 0, result.stderr
        return result

    # The files of the run

    @property
    def model(self) -> bytes:
        return (self.output / "model.safetensors").read_bytes()

    @property
    def metrics(self) -> list[dict]:
        """The lines of metrics, without those that depend on time."""
        lines = (self.output / "metrics.jsonl").read_text().splitlines()
        return [{k: v for k, v in json.loads(line).items() if not k.endswith(TIME_DEPENDENT)} for line in lines]

    @property
    def summary(self) -> dict:
        return json.loads((self.output / "summary.json").read_text())

    @property
    def files(self) -> set[str]:
        """The names of the files in the output directory, without checkpoints, which a full disk may cost."""
        return {path.name for path in self.output.iterdir() if path.is_file()}

    @property
    def checkpoints(self) -> list[Path]:
        return sorted(self.output.glob("checkpoint-*"), key=step_of)

    @property
    def newest(self) -> int:
        """The step of the newest checkpoint that matches its manifest; 0 if there is none."""
        return max((step_of(path) for path in self.checkpoints if is_complete(path)), default=0)

    @property
    def temporaries(self) -> list[str]:
        return [str(path.relative_to(self.root)) for path in self.root.rglob("*") if path.name.endswith(".tmp")]

    def expect_same(self, calm: "Run") -> None:
        """Expects the bits, the metrics and the files of another run, only complete checkpoints, and no temporary files."""
        assert self.metrics == calm.metrics and len(calm.metrics[0]) > 10
        assert self.model == calm.model
        assert self.temporaries == []
        assert self.files == calm.files
        assert all(is_complete(path) for path in self.checkpoints)
        if self.checkpoints:
            assert is_complete((self.output / "latest").resolve(strict=True))


def step_of(checkpoint: Path) -> int:
    return int(checkpoint.name.rpartition("-")[2])


def is_complete(checkpoint: Path) -> bool:
    try:
        manifest = json.loads((checkpoint / "manifest.json").read_text())["files"]
        files = {path.name: path.read_bytes() for path in checkpoint.iterdir() if path.name != "manifest.json"}
    except (OSError, ValueError):
        return False
    found = {name: {"bytes": len(data), "sha256": hashlib.sha256(data).hexdigest()} for name, data in files.items()}
    return found == manifest


def flip_bit(path: Path, place: float) -> None:
    """Flips one bit of a file, at a fraction of its length."""
    data = bytearray(path.read_bytes())
    data[int(place * (len(data) - 1))] ^= 1 << 4
    path.write_bytes(data)
