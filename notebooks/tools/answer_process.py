"""Judge one answer in a process of its own, which may hang, crash or lie without harm."""

import contextlib
import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

JUDGE = Path(__file__).with_name("answer_judge.py")
LONGEST_LINE = 20_000  # bytes
PASSED_ON = ("PATH", "PYTHONPATH", "SYSTEMROOT", "LD_LIBRARY_PATH")  # no secret of the teacher's
PATIENCE = 5  # times the seconds of computing: how long to wait on a busy machine
STATES = ("right", "wrong", "open", "suspect")


@dataclass(frozen=True)
class Judgement:
    """What a judged answer is: right, wrong, open, suspect, or lost where no verdict came."""

    state: str
    text: str


def judge_answer(
    job: dict[str, Any], python: list[str] | None = None, seconds: int = 60
) -> Judgement:
    """Judge one answer.

    Parameters
    ----------
    job : dict
        ``check`` (its import), ``name``, ``argument`` (what the check is called with), ``given``
        and ``own`` (cells above the exercise), ``answer``, ``stub`` and ``solution`` (cells).
    python : list of str
        The command that starts Python, perhaps in a container; this Python if it is left out.
    seconds : int
        Of computing; then, or after five times as long in all, the process is killed.
    """
    if job["answer"].strip() == job["stub"].strip():
        return Judgement("open", "left as it was")
    secret = secrets.token_hex(16)
    job = job | {"secret": secret, "seconds": seconds}
    with tempfile.TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        process = subprocess.Popen(
            [*(python or [sys.executable]), "-c", JUDGE.read_text(encoding="utf-8")],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            cwd=folder,
            env=_environment(folder),
            start_new_session=True,
        )
        lines: list[bytes] = []
        reader = threading.Thread(target=_talk, args=(process, job, lines), daemon=True)
        reader.start()
        reader.join(PATIENCE * seconds)
        _end(process)
    lost = f"no verdict: your code ended its process, or took more than {seconds} seconds"
    return _read(lines, secret) or Judgement("lost", lost)


def _environment(folder: str) -> dict[str, str]:
    kept = {name: os.environ[name] for name in PASSED_ON if name in os.environ}
    return kept | {"HOME": folder, "MIL_TUTORIAL_FAST": "1", "OMP_NUM_THREADS": "1"}


def _talk(process: Any, job: dict[str, Any], lines: list[bytes]) -> None:
    with contextlib.suppress(OSError):  # it ended before it had read all
        process.stdin.write(json.dumps(job).encode())
        process.stdin.close()
    lines.append(process.stdout.readline(LONGEST_LINE))


def _end(process: Any) -> None:
    """Kill the process and those that it started."""
    if hasattr(os, "killpg"):
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
    else:
        process.kill()
    process.wait()


def _read(lines: list[bytes], secret: str) -> Judgement | None:
    """Believe a line only if it has the form of a verdict and knows the secret."""
    try:
        said = json.loads(lines[0])
        if said["secret"] == secret and said["state"] in STATES:
            return Judgement(said["state"], str(said["text"]))
    except (IndexError, ValueError, KeyError, TypeError, RecursionError):
        pass
    return None
