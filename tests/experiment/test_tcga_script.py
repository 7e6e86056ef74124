"""The script that makes the record of TCGA, with runs that cost nothing."""

import json
from unittest.mock import patch

import pytest
from scripts import load_script


@pytest.fixture()
def record(tmp_path):
    script = load_script("data/results/tcga.py")

    def made(benchmark, seeds, jobs, checkpoints, options):
        name = checkpoints.name
        return {"seeds": list(range(seeds)), "run": name, "ahead_over_folds": {}}

    def run(seeds, *names):
        places = ["--work", str(tmp_path / "work"), "--out", str(tmp_path / "tcga.json")]
        with (
            patch.object(script, "report", side_effect=made) as report,
            patch.object(script, "load_benchmark"),
        ):
            code = script.main([*places, "--seeds", str(seeds), "--runs", *names])
        return code, report.call_count

    return run


def test_runs_that_are_done_are_not_made_again(record, tmp_path):
    assert record(2, "brca-site") == (0, 1)
    assert record(2, "brca-site", "lung-site") == (0, 1)
    runs = json.loads((tmp_path / "tcga.json").read_text())["runs"]
    assert [report["run"] for report in runs.values()] == ["brca-site", "lung-site"]


def test_runs_of_other_seeds_do_not_mix(record, tmp_path, capsys):
    record(2, "brca-site")
    before = (tmp_path / "tcga.json").read_text()
    assert record(3, "brca-site") == (2, 0)
    assert "brca-site.json is of 2 seeds, this record of 3; name another" in capsys.readouterr().err
    assert (tmp_path / "tcga.json").read_text() == before


def test_a_report_that_was_not_written_whole_is_made_again(record, tmp_path):
    with patch("os.replace", side_effect=OSError(28, "No space left on device")):
        assert record(2, "brca-site") == (2, 1)
    assert list((tmp_path / "work").iterdir()) == []
    assert record(2, "brca-site") == (0, 1)


@pytest.mark.parametrize("text", ["", "[]", '{"seeds": 3}', '{"seeds": [0, 1]}'])
def test_what_is_no_report_is_named(record, tmp_path, capsys, text):
    (tmp_path / "work").mkdir()
    (tmp_path / "work" / "brca-site.json").write_text(text)
    assert record(2, "brca-site") == (2, 0)
    assert "brca-site.json is no report; remove it" in capsys.readouterr().err


def test_a_folder_as_record_is_refused_before_the_work(record, tmp_path, capsys):
    (tmp_path / "tcga.json").mkdir()
    assert record(2, "brca-site") == (2, 0)
    assert "tcga.json is a folder" in capsys.readouterr().err
