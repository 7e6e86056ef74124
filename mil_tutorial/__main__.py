"""The command line: ``python -m mil_tutorial COMMAND``; each command is a file of ``cli/``.

Exit codes: 0 all went well; 1 the doctor found something wrong, or some slides could not be used;
2 the input cannot be used, and one line says why.
"""

import argparse
import os
import signal
import sys
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module

from mil_tutorial.system.console import console, flush_or_drop
from mil_tutorial.system.errors import in_a_line, short_of_memory

COMMANDS = {
    "demo": "Show where max pooling fails and attention does not: two tables and a heat map.",
    "compare": "Train and test poolings on a data set with several seeds; write tables and "
    "figures.",
    "predict": "Judge slides with a model that compare kept; write probabilities, decisions and "
    "heat maps.",
    "doctor": "Check versions, device, memory and data, and predict run times.",
    "lab": "Open JupyterLab at a chapter.",
    "hospital": "Render the slides of a made-up, unseen hospital: pictures, tumour masks, tile "
    "features.",
    "tile": "Find the tiles of whole slides that show tissue; write their coordinates and a "
    "picture.",
    "features": "Encode the tiles that the command tile found with a pretrained network; write "
    "one HDF5 file per slide.",
}


def parser(command: str | None = None) -> argparse.ArgumentParser:
    """Return the parser of all commands; only the named one has its arguments, and is imported."""
    from mil_tutorial import __version__

    top = argparse.ArgumentParser(
        prog="python -m mil_tutorial",
        description="Attention-based multiple-instance learning for histopathology.",
    )
    top.add_argument("--version", action="version", version=__version__)
    commands = top.add_subparsers(required=True, metavar="COMMAND")
    for name, text in COMMANDS.items():
        one = commands.add_parser(name, help=text, description=text)
        if name == command:
            module = import_module(f"mil_tutorial.cli.{name}")
            module.add_arguments(one)
            one.set_defaults(run=module.run)
    return top


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; return its exit code."""
    words = sys.argv[1:] if argv is None else list(argv)
    several = (os.environ.get("WORLD_SIZE") or "1") != "1"
    who = f"process {os.environ.get('RANK')}: " if several else ""
    with console():
        try:
            with _stopped_by_signals():
                code = _run(words)
                sys.stdout.flush()
                return code
        except BrokenPipeError:  # nobody reads on, as behind "| head"
            return 141
        except (ValueError, OSError, ImportError, MemoryError, RuntimeError) as error:
            if isinstance(error, RuntimeError) and not short_of_memory(error):
                raise
            print(f"{who}error: {in_a_line(error)}", file=sys.stderr)
            return 2
        except KeyboardInterrupt as stop:
            number = stop.args[0] if stop.args else signal.SIGINT
            reason = WHY if several and number == signal.SIGTERM else ""
            print(f"{who}stopped{reason}", file=sys.stderr)
            return 128 + number
        finally:
            flush_or_drop(sys.stdout)
            if several:
                signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends by itself, with its code


def _run(words: list[str]) -> int:
    top = parser(words[0] if words else None)
    arguments, further = top.parse_known_args(words)
    if further and "further" not in arguments:  # only for a command that hands them on
        top.error(f"unrecognized arguments: {' '.join(further)}")
    arguments.further = further
    return arguments.run(arguments)


WHY = (
    ", because another process ended or the job was cancelled; the same command resumes from its "
    "checkpoints"
)
"""Why a launcher stops a process, in one line; the launcher's own report is long."""


@contextmanager
def _stopped_by_signals() -> Iterator[None]:
    """Let other signals end the program as Ctrl-C does, which leaves no unfinished file."""
    names = ("SIGTERM", "SIGHUP") if threading.current_thread() is threading.main_thread() else ()
    numbers = [getattr(signal, name) for name in names if hasattr(signal, name)]
    # What the caller ignores, as nohup does, stays ignored.
    heeded = [number for number in numbers if signal.getsignal(number) == signal.SIG_DFL]
    for number in heeded:
        signal.signal(number, _stop)
    try:
        yield
    finally:
        for number in heeded:
            signal.signal(number, signal.SIG_DFL)


def _stop(number: int, _: object) -> None:
    raise KeyboardInterrupt(number)


if __name__ == "__main__":
    sys.exit(main())
