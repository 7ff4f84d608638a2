"""The processors that this process may use."""

import os
from pathlib import Path

_GROUPS = Path("/sys/fs/cgroup")


def available_processors(groups: Path = _GROUPS, own: Path = Path("/proc/self/cgroup")) -> int:
    """Returns the number of processors that affinity and the quotas of control groups allow, at least 1."""
    try:
        count = len(os.sched_getaffinity(0))
    except AttributeError:  # Other systems than Linux.
        count = os.cpu_count() or 1
    return max(1, int(min([count, *_quotas(groups, own)])))


def _quotas(groups: Path, own: Path) -> list[float]:
    """Returns the quotas, in processors, of the control groups of this process and of those that contain them."""
    found = []
    for folder in _folders(groups, own):
        for read in (_version_2, _version_1):
            try:
                found.append(read(folder))
            except (OSError, ValueError, ZeroDivisionError):
                continue
    return [quota for quota in found if quota > 0]


def _folders(groups: Path, own: Path) -> list[Path]:
    folders = [groups, groups / "cpu"]
    try:
        lines = own.read_text().splitlines()
    except OSError:
        return folders
    for line in lines:
        _, controllers, path = (line.split(":", 2) + ["", ""])[:3]
        if controllers and "cpu" not in controllers.split(","):
            continue
        folder = (groups / "cpu" if controllers else groups) / path.lstrip("/")
        folders += [folder, *(parent for parent in folder.parents if parent.is_relative_to(groups))]
    return list(dict.fromkeys(folders))


def _version_2(folder: Path) -> float:
    quota, period = (folder / "cpu.max").read_text().split()
    return float(quota) / float(period) if quota != "max" else 0.0


def _version_1(folder: Path) -> float:
    quota, period = ((folder / f"cpu.cfs_{name}_us").read_text() for name in ("quota", "period"))
    return float(quota) / float(period)
