"""The command line: ``python -m mil_tutorial COMMAND``; each command is a file of ``cli/``.

Exit codes: 0 all went well; 1 the doctor found something wrong, or some slides could not be used;
2 the input cannot be used, and one line says why.
"""

import argparse
import os
import signal
import sys
from collections.abc import Sequence
from contextlib import suppress
from importlib import import_module
from io import TextIOWrapper

from mil_tutorial.system.errors import in_a_line, short_of_memory

COMMANDS = {
    "demo": "Compare the four poolings on the shipped slides and draw a heat map.",
    "compare": "Train and test poolings on a data set with several seeds; write tables and "
    "figures.",
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
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, TextIOWrapper):  # no console lacks a letter of what is printed
            stream.reconfigure(errors="backslashreplace")
    several = (os.environ.get("WORLD_SIZE") or "1") != "1"
    who = f"process {os.environ.get('RANK')}: " if several else ""
    if several:
        signal.signal(signal.SIGTERM, _stop)
    try:
        try:
            return _run(words)
        finally:
            if sys.stdout is not None:  # closed by the caller
                sys.stdout.flush()
    except BrokenPipeError:  # nobody reads on, as behind "| head"
        _discard_output()
        return 141
    except (ValueError, OSError, ImportError, MemoryError, RuntimeError) as error:
        if isinstance(error, RuntimeError) and not short_of_memory(error):
            raise
        _discard_output()
        print(f"{who}error: {in_a_line(error)}", file=sys.stderr)
        return 2
    except KeyboardInterrupt as reason:
        print(f"{who}stopped{reason}", file=sys.stderr)
        return 130
    finally:
        if several:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it ends by itself, with its own code


def _run(words: list[str]) -> int:
    top = parser(words[0] if words else None)
    arguments, further = top.parse_known_args(words)
    if further and "further" not in arguments:  # only for a command that hands them on
        top.error(f"unrecognized arguments: {' '.join(further)}")
    arguments.further = further
    return arguments.run(arguments)


def _discard_output() -> None:
    """Drop what was printed and cannot be written: Python would try again at its end, and fail."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError, AttributeError):  # of None, where it was closed before
        with suppress(OSError, AttributeError):
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _stop(*_: object) -> None:
    """Say in one line why a launcher stops this process; the launcher's own report is long."""
    raise KeyboardInterrupt(
        ", because another process ended or the job was cancelled; the same command resumes from "
        "its checkpoints"
    )


if __name__ == "__main__":
    sys.exit(main())
