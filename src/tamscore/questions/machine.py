"""What the operating system lets this process have: memory and processors, within the control groups around it."""

from __future__ import annotations

import os
from pathlib import Path


def memory(table: Path = Path("/proc/meminfo")) -> tuple[int, int]:
    """Return total and available memory in bytes."""
    try:
        lines = table.read_text(encoding="ascii").splitlines()
    except OSError:
        total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
        return total, total
    fields = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in lines if len(line.split()) > 1}
    return fields["MemTotal"], fields.get("MemAvailable", fields["MemTotal"])


def memory_limit(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> int | None:
    """Return the smallest memory limit in bytes of the control groups around this process, None for none."""
    folders = _cgroups(root, own)
    texts = [_read(folder / "memory.max") for folder in folders]
    texts.append(_read(root / "memory" / "memory.limit_in_bytes"))
    limits = [int(text) for text in texts if text.isdigit()]
    real = [limit for limit in limits if limit < 1 << 60]  # version 1 writes a huge number for no limit
    return min(real, default=None)


def cpu_quota(root: Path = Path("/sys/fs/cgroup"), own: Path = Path("/proc/self/cgroup")) -> float | None:
    """Return the smallest number of processors that the control groups around this process allow, None for no limit."""
    pairs = [_read(folder / "cpu.max").split() for folder in _cgroups(root, own)]
    pairs.append([_read(root / "cpu" / "cpu.cfs_quota_us"), _read(root / "cpu" / "cpu.cfs_period_us")])
    quotas = [int(pair[0]) / int(pair[1]) for pair in pairs if len(pair) == 2 and all(map(str.isdigit, pair))]
    return min(quotas, default=None)


def _cgroups(root: Path, own: Path) -> list[Path]:
    """Return the folder of this process's control group (version 2) and those around it."""
    lines = [line[3:] for line in _read(own).splitlines() if line.startswith("0::")]
    folder = root / lines[0].lstrip("/") if lines else root
    return [folder, *(parent for parent in folder.parents if parent == root or root in parent.parents)]


def _read(path: Path) -> str:
    """Return the text of a small system file, empty where it cannot be read."""
    try:
        return path.read_text(encoding="ascii").strip()
    except (OSError, ValueError):
        return ""
