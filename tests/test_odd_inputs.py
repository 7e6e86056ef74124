"""Every odd input of the table is used rightly, or refused in one line before anything is lost."""

import re

import pytest
from odd_inputs import bags, contracts, files, kept, labels, outputs, slides, tables, tissue

TABLE = {
    f"{room.__name__.split('.')[-1]}: {case.name}": case
    for room in (labels, tables, files, slides, tissue, outputs, bags, contracts, kept)
    for case in room.CASES
}


@pytest.mark.parametrize("case", TABLE.values(), ids=TABLE)
def test_right_or_refused(case, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    if case.error is None:
        case.act(tmp_path)
        return
    with pytest.raises((ValueError, OSError, ImportError)) as refusal:
        case.act(tmp_path)
    assert "\n" not in str(refusal.value)
    assert re.search(case.error, str(refusal.value))
    assert not (tmp_path / "out").exists()
