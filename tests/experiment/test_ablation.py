"""The script that measures the parts of the default recipe."""

import json
from unittest.mock import patch

from scripts import load_script

from mil_tutorial import load_benchmark, load_slides
from mil_tutorial.bags.splits import check_groups, standardise

SCRIPT = load_script("data/results/ablation.py")


def test_validation_bags_of_the_slides_judge():
    train, val, test = load_slides()
    (split,) = SCRIPT.inner(load_benchmark("slides"), standardise).splits(0)
    assert split.test.names == val.names
    assert sorted(split.not_tested().names) == sorted(train.names)
    assert not {*split.not_tested().groups, *val.groups} & set(test.groups)


def test_folds_are_judged_by_models_of_other_groups():
    musk = load_benchmark("musk1")
    inner = SCRIPT.inner(musk, standardise)
    judged = []
    for split, whole in zip(inner.splits(0), musk.splits(0), strict=True):
        check_groups(**split.parts())
        assert split.test.names == whole.val.names
        assert not {*split.not_tested().names} & {*whole.test.names}
        judged += split.test.names
    assert sorted(judged) == sorted(musk.test.names)


def test_what_is_in_the_file_is_not_measured_again(tmp_path):
    path = tmp_path / "ablation.jsonl"
    results = {"data": {"name": "x"}, "seeds": [0, 1]}
    with (
        patch.object(SCRIPT, "run_experiment"),
        patch.object(SCRIPT, "Summary"),
        patch.object(SCRIPT, "as_results", return_value=results) as measured,
    ):
        assert SCRIPT.main(["--data", "musk1", "--seeds", "2", "--out", str(path)]) == 0
        assert SCRIPT.main(["--data", "musk1", "musk2", "--seeds", "2", "--out", str(path)]) == 0
        assert SCRIPT.main(["--data", "musk1", "--seeds", "3", "--out", str(path)]) == 2
    rows = [json.loads(line) for line in path.read_text().splitlines()]
    pairs = [(data, recipe) for data in ("musk1", "musk2") for recipe in SCRIPT.RECIPES]
    assert [(row["name"], row["recipe"]) for row in rows] == pairs
    assert measured.call_count == len(rows)
