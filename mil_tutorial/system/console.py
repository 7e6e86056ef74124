"""The console: what is printed shows on every terminal, and what nobody can read stops no work."""

import os
import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, redirect_stderr, redirect_stdout, suppress
from io import TextIOWrapper
from typing import Any


@contextmanager
def console() -> Iterator[None]:
    """Print what a terminal lacks a letter for all the same, and nothing where there is none."""
    with ExitStack() as stack:
        for stream, redirect in ((sys.stdout, redirect_stdout), (sys.stderr, redirect_stderr)):
            if stream is None:  # closed by the caller
                stack.enter_context(redirect(stack.enter_context(open(os.devnull, "w"))))
            elif isinstance(stream, TextIOWrapper):
                stream.reconfigure(errors="backslashreplace")
        messages: Any = _Messages(sys.stderr)
        stack.enter_context(redirect_stderr(messages))
        yield


def flush_or_drop(stream: Any) -> None:
    """Drop what was printed and cannot be written: Python would try again at its end, and fail."""
    try:
        stream.flush()
    except (OSError, ValueError):
        with suppress(OSError):
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, stream.fileno())
            os.close(nowhere)


class _Messages:
    """Standard error; a message that cannot be written is lost, as where its terminal is gone."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream

    def write(self, text: str) -> int:
        with suppress(OSError):
            self._stream.write(text)
        flush_or_drop(self._stream)
        return len(text)

    def flush(self) -> None:
        flush_or_drop(self._stream)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._stream, name)
