"""Free memory of the machine or the container."""

from pathlib import Path

CGROUPS = (  # files of a container's memory: limit, use, statistics
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)


def available_memory() -> float | None:
    """Return the free memory in bytes: the machine's, or the container's if that is less.

    None where it is unknown (on other systems than Linux).
    """
    known = [free for free in (_machine(), _container()) if free is not None]
    return min(known) if known else None


def _machine() -> float | None:
    try:
        with open("/proc/meminfo") as file:
            fields = dict(line.split(":") for line in file)
        return 1024.0 * int(fields["MemAvailable"].split()[0])
    except (OSError, KeyError, ValueError):
        return None


def _container(root: str = "/sys/fs/cgroup") -> float | None:
    """Free memory under the limit of a container, such as Binder's; None if there is no limit."""
    for limit, used, statistics in CGROUPS:
        try:
            total, taken = (int(_read(root, name)) for name in (limit, used))
            known = dict(line.split() for line in _read(root, statistics).splitlines())
        except (OSError, ValueError):  # no such file, or the word "max"
            continue
        # Pages of files that nobody uses are given back when memory is needed.
        spare = known.get("total_inactive_file", known.get("inactive_file", 0))
        return float(total - taken + int(spare))
    return None


def _read(root: str, name: str) -> str:
    with open(Path(root) / name) as file:
        return file.read()
