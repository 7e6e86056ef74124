"""Free memory of the machine, of the container, and under the limits of the process."""

from pathlib import Path

CGROUPS = (  # files of a container's memory: limit, use, statistics
    ("memory.max", "memory.current", "memory.stat"),
    ("memory/memory.limit_in_bytes", "memory/memory.usage_in_bytes", "memory/memory.stat"),
)


def available_memory() -> float | None:
    """Return the free memory in bytes: the least of the machine's, the container's, the process's.

    None where it is unknown (on other systems than Linux).
    """
    known = [free for free in (_machine(), _container(), _process()) if free is not None]
    return min(known) if known else None


def check_fits(needed: float, what: str, remedy: str) -> None:
    """Refuse ``what``, such as "S1.h5 holds", if it needs more bytes than are free."""
    free = available_memory()
    if free is not None and needed > free:
        raise ValueError(
            f"{what} {needed / 1e9:.3g} GB, but {free / 1e9:.3g} GB of memory are free; {remedy}"
        )


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


def _process() -> float | None:
    """Free memory under the limits of this process (``ulimit -v``, ``-d``); None without limits."""
    try:
        import resource

        with open("/proc/self/statm") as file:
            pages = [int(field) for field in file.read().split()]
    except (ImportError, OSError):  # not on Windows, not on a Mac
        return None
    held = {resource.RLIMIT_AS: pages[0], resource.RLIMIT_DATA: pages[5]}
    limits = {which: resource.getrlimit(which)[0] for which in held}
    free = [
        limits[which] - held[which] * resource.getpagesize()
        for which in held
        if limits[which] != resource.RLIM_INFINITY
    ]
    return float(max(0, min(free))) if free else None


def _read(root: str, name: str) -> str:
    with open(Path(root) / name) as file:
        return file.read()
