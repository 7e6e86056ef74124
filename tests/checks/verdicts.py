"""All answers to a check in one test, which names each verdict that is not as it should be."""

import pytest


def by_check(answers):
    """Group (check, answer, …) by check: one test a check."""
    groups = {}
    for check, *row in answers:
        groups.setdefault(check, []).append(row)
    return [pytest.param(check, rows, id=check.name) for check, rows in groups.items()]


def expect_state(check, answers, state):
    """Every answer gets this verdict, and its message is in it where it has one."""
    failures = []
    for number, (answer, *message) in enumerate(answers):
        verdict = check.judge(answer)
        if verdict.state != state or not all(text in verdict.text for text in message):
            failures.append(f"answer {number} {message}: {verdict}")
    assert not failures, f"expected {state}:\n" + "\n".join(failures)
