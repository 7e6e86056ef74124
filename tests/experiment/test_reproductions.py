import pytest

from mil_tutorial.experiment.records import load_reproductions, table_cells
from mil_tutorial.experiment.reproductions import (
    PUBLISHED,
    ablation_table,
    comparison_table,
    find_reproduction,
    gain_table,
    instance_table,
    published_numbers,
)


def measured(value, runs=()):
    return {"value": value, "low": value - 0.1, "high": value + 0.1, "by_run": list(runs)}


def row(recipe, pooling, value, runs=(0.5, 0.7)):
    metrics = {"auc": measured(value, runs), "accuracy": measured(value - 0.05, runs)}
    ranked = {"scores": measured(0.8), "attention": measured(0.6)}
    both = {"instance_auc": ranked, "instance_auc_within": ranked}
    return {
        "data": "musk1",
        "recipe": recipe,
        "pooling": pooling,
        "ensemble": metrics | both,
        "single": {name: {"value": value, "by_run": list(runs)} for name in metrics},
        "baselines": {
            "bag_size": {n: measured(0.55) for n in metrics},
            "mean_feature": {n: measured(0.61) for n in metrics},
        },
    }


ROWS = [
    row("plain", "attention", 0.51),
    row("plain", "gated", 0.52),
    row("improved", "attention", 0.9, runs=(0.6, 0.0, 0.8, 0.0))
    | {"members": 2, "ahead_of_plain": {"auc": measured(0.04)}},
    row("without dropout", "attention", 0.8),
]


def test_a_line_holds_published_numbers_ours_and_the_best_baseline():
    cells = table_cells(comparison_table(ROWS, ["musk1"], "accuracy"))
    assert cells[:7] == [
        "accuracy",
        "published, attention",
        "published, gated",
        "plain, attention",
        "plain, gated",
        "improved",
        "without MIL",
    ]
    assert cells[7:] == [
        "musk1",
        "0.892 ± 0.040",
        "0.900 ± 0.050",
        "0.460 [0.360, 0.560]",
        "0.470 [0.370, 0.570]",
        "0.850 [0.750, 0.950]",
        "0.610 [0.510, 0.710] (mean feature)",
    ]
    assert table_cells(comparison_table(ROWS, ["musk1"], "auc"))[8] == "–"  # nothing is published


def test_a_gain_has_its_sign():
    cells = table_cells(gain_table(ROWS, ["musk1"], "auc"))
    assert cells[3:] == ["musk1", "attention", "+0.040 [-0.060, +0.140]"]


def test_an_ablation_compares_single_models():
    cells = table_cells(ablation_table(ROWS, "musk1", "auc"))
    assert cells[6:] == [
        *("improved", "0.700", "0.600", "0.800", "", ""),
        *("without dropout", "0.600", "0.500", "0.700", "+0.100", "2 of 2"),
    ]


def test_instances_are_ranked_by_each_score():
    cells = table_cells(instance_table(ROWS, "musk1"))
    assert cells[4:8] == ["plain, attention", "scores", *["0.800 [0.700, 0.900]"] * 2]
    assert len(cells) == 4 * (1 + 3 * 2)


def test_a_row_is_found_or_named():
    assert find_reproduction(ROWS, "musk1", "plain", "gated") is ROWS[1]
    with pytest.raises(ValueError, match="2 rows of musk1 plain"):
        find_reproduction(ROWS, "musk1", "plain")
    with pytest.raises(ValueError, match="0 rows of musk2 improved .*there are: musk1 improved"):
        find_reproduction(ROWS, "musk2", "improved")


def test_published_numbers_name_their_source():
    keys = [(p.data, p.metric, p.method) for p in PUBLISHED]
    assert len(set(keys)) == len(keys)
    for number in PUBLISHED:
        assert number.data in {row["data"] for row in load_reproductions()}
        assert 0.5 < number.value < 1
        assert number.source
    assert published_numbers("musk1", "auc") == {}
    assert published_numbers("colon", "auc")["best known: TGA-MIL"].value == 0.983
