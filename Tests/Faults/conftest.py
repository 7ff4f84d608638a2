"""Shared fixtures of the fault tests: the library that injects faults, directories, and undisturbed runs."""

import os
import shutil
import tempfile
from pathlib import Path

import pytest

pytest.register_assert_rewrite("tiny_runs")
from disturbance import Disturbance, Record, build_library  # noqa: E402
from tiny_runs import ESPALIER, EVALUATED, Run  # noqa: E402


@pytest.fixture(scope="session")
def library(tmp_path_factory) -> Path:
    if not ESPALIER.exists():
        pytest.skip("espalier has not been built for release")
    if not shutil.which("mpirun") or not shutil.which("cc"):
        pytest.skip("mpirun or a C compiler is not installed")
    return build_library(tmp_path_factory.mktemp("library") / "faults.so")


@pytest.fixture(scope="session")
def memory():
    """A directory in memory if available, where synchronizing files takes no time."""
    shared = Path("/dev/shm")
    place = shared if os.access(shared, os.W_OK) and shutil.disk_usage(shared).free > 1 << 28 else None
    with tempfile.TemporaryDirectory(prefix="espalier-faults-", dir=place) as directory:
        yield Path(directory).resolve()


@pytest.fixture
def place(memory, request) -> Path:
    """A directory for this test."""
    return Path(tempfile.mkdtemp(dir=memory))


@pytest.fixture
def disturbed(library, place):
    """Creates a disturbance with the given faults, all of which must have occurred by the end of the test."""
    made = []

    def disturbed(*faults, **options) -> Disturbance:
        made.append(Disturbance(library, place / f"faults-{len(made)}", list(faults), **options))
        return made[-1]

    yield disturbed
    assert [fault for disturbance in made for fault in disturbance.silent] == []


class Calm:
    """Undisturbed runs, each executed once, with the record of its events."""

    def __init__(self, library: Path, place: Path):
        self.library, self.place, self.made = library, place, {}

    def __call__(self, ranks: int | None = 2, **settings) -> tuple[Run, Record]:
        key = repr((ranks, sorted(settings.items())))
        if key not in self.made:
            place = self.place / f"calm-{len(self.made)}"
            run, disturbance = Run(place, ranks, **settings), Disturbance(self.library, place.with_suffix(".faults"))
            run.finish(disturbance)
            self.made[key] = run, Record(disturbance, ranks or 1)
        return self.made[key]


@pytest.fixture(scope="session")
def calm(library, memory) -> Calm:
    return Calm(library, memory)


@pytest.fixture(scope="session")
def evaluated() -> dict:
    """Settings of a run that evaluates its model and keeps the best one."""
    return EVALUATED
