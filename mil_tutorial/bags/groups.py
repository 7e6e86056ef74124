"""Groups of bags, such as patients, as values that can be compared."""

import re
from collections.abc import Hashable, Iterable, Sequence
from typing import Any

from mil_tutorial.system.numbers import check_kind

MISSING = {
    *("", "na", "nan", "nat", "none", "null", "nil", "missing", "unknown", "undefined"),
    *("notavailable", "notapplicable", "notreported"),  # as TCGA writes it, in brackets
}
ERROR = re.compile(r"#(nv|n/[a-z]|[^\W\d]+(/0)?[!?])")
"""What a spreadsheet writes where a formula failed, in its language: ``#REF!``, ``#WERT!``, …"""


def is_missing(value: Any) -> bool:
    """Return True for None, NaN, and text that stands for no value: ``N/A``, ``nan``, ``-``, …

    Neither case nor punctuation matters, so text without a letter or digit is missing; only ``+``
    counts as a letter.
    """
    if isinstance(value, str):
        value = value.casefold().strip()
        return bool(ERROR.fullmatch(value)) or re.sub(r"[^\w+]|_", "", value) in MISSING
    return value is None or bool(value != value)  # NaN differs from itself


def group_values(groups: Iterable[Any], names: Sequence[str] | None = None) -> list[Hashable]:
    """Return groups as plain values: two tensors of one patient would count as two groups.

    Parameters
    ----------
    groups : iterable of length B
        Numbers, strings, tuples, NumPy scalars or tensors of one element.
    names : sequence of str, optional
        What to call each bag in messages.
    """
    check_kind(Iterable, groups=groups)
    values: list[Hashable] = []
    for i, group in enumerate(groups):
        try:
            if isinstance(group, tuple):  # of parts, such as a hospital and a number
                group = tuple(group_values(group))
            group = group.item() if hasattr(group, "item") else group
            group = group.decode() if isinstance(group, bytes) else group  # as HDF5 keeps text
            hash(group)
            usable = not is_missing(group)
        except (TypeError, ValueError, RuntimeError):  # a list, an array, a missing value of pandas
            usable = False
        if not usable:
            name, shown = names[i] if names else f"bag {i}", " ".join(repr(group).split())
            raise ValueError(
                f"{name}: the group is {shown}; name the patient of every bag by a number or a word"
            )
        values.append(group)
    texts = {value for value in values if isinstance(value, str)}
    if both := [value for value in values if value not in texts and str(value) in texts]:
        raise ValueError(
            f"the groups have {both[0]!r} and {str(both[0])!r}, a number and text; are they one "
            "patient? Give every group the same type"
        )
    return values
