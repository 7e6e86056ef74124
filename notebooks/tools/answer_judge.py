"""What runs in a process of its own to judge one answer; ``answer_process.py`` starts it.

It reads a job as JSON from standard input and writes one line of JSON to standard output. Its text
is given to ``python -c``, so that a container needs nothing but the package.

Three things keep an answer from choosing its own verdict. The check belongs to a copy of the
package that the answer cannot import. The verdict carries a word that the answer is not told.
And after the answer, the same check must still refuse an answer that is known to be wrong.
"""

import ast
import contextlib
import json
import os
import re
import sys
from collections.abc import Iterator

LARGEST_FILE = 20_000_000  # bytes
MEMORY = 4_000_000_000  # bytes; torch and a chapter need about one quarter
TEXT = 2_000  # characters of a verdict


def main():
    """Judge one answer."""
    job = json.load(sys.stdin)
    report = os.fdopen(os.dup(1), "w", encoding="utf-8")
    be_silent()
    limit(job["seconds"])
    judge = load_check(job["check"], job["name"])
    answer, problem = answer_of(job, job["answer"])
    verdict = judge(answer)
    state, text = verdict.state, verdict.text
    if problem and state != "right":
        text += f" (in your cell: {problem})"
    if state == "right" and not refuses_wrong_answers(job, judge):
        state, text = "suspect", "the check no longer refuses a wrong answer; look at this by hand"
    line = {"secret": job["secret"], "state": state, "text": text[:TEXT]}
    report.write(json.dumps(line) + "\n")
    report.flush()
    os._exit(0)  # no thread of the answer has another word


def be_silent():
    """Send what is printed nowhere."""
    nowhere = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(nowhere, stream)


def limit(seconds):
    """End a loop after so many seconds of computing; keep disk and memory from filling.

    A limit that the system does not have, or has set lower already, is left as it is.
    """
    try:
        import resource
    except ImportError:  # Windows
        return
    limits = {"CPU": seconds, "FSIZE": LARGEST_FILE, "DATA": MEMORY}
    for name, most in limits.items():
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(getattr(resource, f"RLIMIT_{name}"), (most, most))


def load_check(imports, name):
    """Import a check, then forget its modules: what is imported later is another copy."""
    names = {}
    exec(imports, names)
    for module in list(sys.modules):
        if module.split(".")[0] == "mil_tutorial":
            del sys.modules[module]
    return names[f"check_{name}"].judge


def answer_of(job, source):
    """Run what stands above an exercise, then a cell that answers it; return answer and problem."""
    names = {"FAST": True, "__name__": "chapter"}
    for given in job["given"]:
        run(definitions(given), names)
    for own in job["own"]:
        run(definitions(own), names)
    problem = run(statements(source), names)
    try:
        return eval(job["argument"], names), problem
    except Exception as error:
        return None, problem or f"{type(error).__name__}: {error}"


def statements(source):
    """Return the statements of a cell, without the lines that only IPython understands."""
    try:
        return ast.parse(re.sub(r"^[%!].*$", "", source, flags=re.MULTILINE)).body
    except (SyntaxError, ValueError, RecursionError) as error:
        return [error]


def definitions(source):
    """Return the imports, functions and classes of a cell."""
    kept = (ast.Import, ast.ImportFrom, ast.FunctionDef, ast.ClassDef)
    return [node for node in statements(source) if isinstance(node, kept)]


def run(nodes, names):
    """Run statements one by one; those that fail are left out. Return the first failure."""
    problem = None
    for node in nodes:
        try:
            if isinstance(node, Exception):
                raise node
            exec(compile(ast.Module([node], []), "answer", "exec"), names)
        except Exception as error:
            problem = problem or f"{type(error).__name__}: {error}"
    return problem


def refuses_wrong_answers(job, judge):
    """Tell whether the check still sees that the stub, and a spoilt solution, are not right."""
    stub, _ = answer_of(job, job["stub"])
    solution, _ = answer_of(job, job["solution"])
    return "right" not in (judge(stub).state, judge(spoilt(solution)).state)


def spoilt(value):
    """Change every number that an answer is, holds or returns."""
    import numpy as np
    import torch

    if isinstance(value, bool | str):
        return not value
    if isinstance(value, torch.Tensor | np.ndarray):
        return value ^ True if value.dtype in (torch.bool, np.dtype(bool)) else value + 1
    if isinstance(value, int | float | np.number):
        return 2 * value + 1
    if isinstance(value, tuple | list):
        parts = [spoilt(part) for part in value]
        return type(value)(*parts) if hasattr(value, "_fields") else type(value)(parts)
    if isinstance(value, dict):
        return {key: spoilt(part) for key, part in value.items()}
    if isinstance(value, Iterator):
        return map(spoilt, value)
    if isinstance(value, torch.nn.Module):
        value.forward = spoilt(value.forward)
        return value
    return spoilt_call(value) if callable(value) else spoilt_object(value)


def spoilt_call(function):
    """Return a function whose result is spoilt, and what it does besides.

    It works twice, and changes the gradients that it leaves.
    """

    def call(*given, **named):
        function(*given, **named)
        result = spoilt(function(*given, **named))
        for module in given:
            for parameter in module.parameters() if hasattr(module, "parameters") else ():
                if parameter.grad is not None:
                    parameter.grad = parameter.grad + 1
        return result

    return call


def spoilt_object(value):
    """Spoil what a data set or a sampler gives."""
    kind = type(value)
    methods = {
        name: spoilt_call(vars(kind)[name])
        for name in ("__getitem__", "__iter__")
        if name in vars(kind)
    }
    if methods:
        value.__class__ = type(kind.__name__, (kind,), methods)
    return value


if __name__ == "__main__":
    main()
