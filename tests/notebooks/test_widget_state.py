"""What is stored of widgets."""

import json

import nbformat
import pytest
from tools.widget_state import STATE, VIEW, tidy_widgets


def model(**state):
    return {"model_module": "m", "model_name": "n", "model_module_version": "1", "state": state}


def notebook(ids, shown):
    """A notebook with the models w (whose layout is l), x and y; shows those named."""
    w, layout, x, y = ids
    views = [
        nbformat.v4.new_output("display_data", {VIEW: {"model_id": name, "version_major": 2}})
        for name in (ids[i] for i in shown)
    ]
    book = nbformat.v4.new_notebook(cells=[nbformat.v4.new_code_cell("w", outputs=views)])
    states = {
        y: model(),
        x: model(of=[f"IPY_MODEL_{w}"]),
        layout: model(),
        w: model(layout=f"IPY_MODEL_{layout}"),
    }
    book.metadata["widgets"] = {
        STATE: {
            "version_major": 2,
            "version_minor": 0,
            "state": {k: states[k] for k in sorted(ids)},
        }
    }
    return book


IDS = ["a" * 32, "b" * 32, "c" * 32, "d" * 32]


def test_only_what_the_page_shows_is_kept():
    book = notebook(IDS, shown=[0])
    tidy_widgets(book)
    states = book.metadata.widgets[STATE]["state"]
    assert list(states) == [f"{1:032x}", f"{2:032x}"]
    assert states[f"{1:032x}"]["state"] == {"layout": f"IPY_MODEL_{2:032x}"}
    assert book.cells[0].outputs[0].data[VIEW]["model_id"] == f"{1:032x}"
    nbformat.validate(book)


def test_what_a_widget_holds_is_kept_with_it():
    book = notebook(IDS, shown=[2])
    tidy_widgets(book)
    assert len(book.metadata.widgets[STATE]["state"]) == 3


@pytest.mark.parametrize("shown", [[0], [0, 3], [2, 0]])
def test_two_runs_store_the_same(shown):
    books = [notebook(ids, shown) for ids in (IDS, ["9" * 32, "3" * 32, "7" * 32, "1" * 32])]
    for book in books:
        tidy_widgets(book)
        book.cells[0].id = "same"
    first, second = (json.dumps(book, sort_keys=True) for book in books)
    assert first == second


def test_nothing_is_stored_where_nothing_is_shown():
    book = notebook(IDS, shown=[])
    tidy_widgets(book)
    assert "widgets" not in book.metadata
