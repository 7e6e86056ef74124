"""What an examination finds, line by line, and the exit code that follows."""

from collections.abc import Iterable
from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One line of a report."""

    what: str
    value: str
    healthy: bool = True
    optional: bool = False  # and absent


def print_findings(findings: Iterable[Finding]) -> int:
    """Print each as it comes; return the exit code: 1 if something is wrong."""
    healthy = True
    for finding in findings:
        mark = "BAD" if not finding.healthy else " - " if finding.optional else "ok "
        print(f"{mark}  {finding.what:18} {finding.value}", flush=True)
        healthy &= finding.healthy
    return 0 if healthy else 1
