"""Paths, self-test, cheat sheet, FAQ and glossary: what they say is what the chapters hold."""

import re
import sys

import pytest
import torch
import yaml
from built_site import NOTEBOOKS
from torch import nn

pytest.importorskip("sphinx", reason="needs the extra docs")

sys.path[:0] = [str(NOTEBOOKS / "site"), str(NOTEBOOKS)]

from course_paths import PATHS, hours  # noqa: E402
from diagrams import course  # noqa: E402
from site_parts import evidence, inline_svg, paths, self_test  # noqa: E402
from tools.chapters import read_chapters  # noqa: E402

from mil_tutorial import AttentionMIL  # noqa: E402

SITE = NOTEBOOKS / "site"
CHAPTERS = read_chapters(NOTEBOOKS)
NUMBERS = [chapter.number for chapter in CHAPTERS]


def page(name):
    return (SITE / f"{name}.md").read_text(encoding="utf-8")


@pytest.mark.parametrize(
    ("minutes", "words"),
    [(60, "1 hour"), (255, "4¼ hours"), (15, "¼ hours"), (330, "5½ hours"), (865, "14½ hours")],
)
def test_minutes_are_told_in_quarters_of_an_hour(minutes, words):
    assert hours(minutes) == words


def test_a_path_lists_its_chapters_with_the_sum_of_their_minutes():
    rows = paths.table_of_paths(CHAPTERS)[2:]
    assert [path.name for path in PATHS] == [re.search(r"\*\*(\w+)\*\*", row)[1] for row in rows]
    minutes = {chapter.number: chapter.data["minutes"] for chapter in CHAPTERS}
    for path, row in zip(PATHS, rows):
        assert re.findall(r"\[(\d\d)\]", row) == list(path.numbers)
        assert f"| {hours(sum(minutes[n] for n in path.numbers))} |" in row
    assert list(PATHS[-1].numbers) == NUMBERS


def test_the_map_shows_every_chapter_once():
    shown = [number for _, chapters in course.GROUPS for number in chapters]
    assert shown == NUMBERS


def test_the_landing_page_states_what_is_recorded():
    sentence = evidence.sentence("slides-hard")
    # The README's line on these slides is compared with the same record in tests/experiment.
    readme = (NOTEBOOKS.parent / "README.md").read_text(encoding="utf-8")
    (interval,) = re.findall(r"minus max: (.*?\])", sentence)
    assert interval.replace("−", "-") in " ".join(readme.split())
    (cells,) = re.findall(r"^\| slides-hard: AUC \|(.*)\|$", readme, re.M)
    for name, cell in zip(("max", "mean", "attention", "gated"), cells.split("|")):
        assert f"{name} {cell.split()[0]}" in sentence


def test_self_test_questions_lead_to_chapters_and_are_no_one_elses():
    questions = self_test.read_self_test()
    assert 12 <= len(questions) <= 15
    asked = [question["chapter"] for question in questions]
    assert asked == sorted(asked)
    assert set(asked) <= set(NUMBERS)
    kit = yaml.safe_load((NOTEBOOKS / "instructor" / "questions.yaml").read_text(encoding="utf-8"))
    others = {q["question"] for q in kit}
    others |= {q["question"] for chapter in CHAPTERS for q in chapter.data["quiz"]}
    assert not others & {question["question"] for question in questions}
    places = [[bool(o.get("right")) for o in q["options"]].index(True) for q in questions]
    assert all(3 <= places.count(place) <= 6 for place in range(3))


def test_a_wrong_answer_names_its_chapter_and_a_right_one_does_not():
    (first, *_) = self_test.read_self_test()
    text = "\n".join(self_test.markdown([first], CHAPTERS, "../"))
    folds = re.findall(r"<details( data-right)?>(.*?)</details>", text, re.DOTALL)
    assert [bool(right) for right, _ in folds].count(True) == 1
    for right, fold in folds:
        assert ("(/00_start_here.ipynb)" in fold) is not bool(right)


def test_a_question_with_two_right_answers_is_refused(tmp_path):
    options = [{"text": "a", "feedback": "b", "right": True}] * 2
    path = tmp_path / "self_test.yaml"
    path.write_text(yaml.safe_dump([{"chapter": "00", "question": "?", "options": options}]))
    with pytest.raises(ValueError, match="needs one right option"):
        self_test.read_self_test(path)


@pytest.mark.parametrize("name", ["../index", "faq", "cheat_sheet", "paths"])
def test_links_to_cells_name_code_cells_that_exist(name):
    cells = {
        f"{chapter.stem}.ipynb#cell-{cell.id}"
        for chapter in CHAPTERS
        for cell in chapter.cells
        if cell.cell_type == "code"
    }
    links = re.findall(r"\(?(?:\.\./)?(\d\d_\w+\.ipynb#cell-[\w-]+)\)", page(name))
    assert [link for link in links if link not in cells] == []
    assert len(links) >= 30 or name != "faq"


def test_every_symptom_of_the_faq_has_a_cell_to_look_at():
    _, *parts = page("faq").split("\n## ")
    assert [part.splitlines()[0] for part in parts if "#cell-" not in part] == []


def test_the_code_of_the_cheat_sheet_is_the_packages_model():
    (code, *_) = re.findall(r"```python\n(.*?)```", page("cheat_sheet"), re.DOTALL)
    names = {"nn": nn, "torch": torch}
    exec(code, names)
    package = AttentionMIL(input_dim=3, hidden_dim=4)
    sheet = names["AttentionMIL"](3, 4, package.pooling.V.out_features)
    pairs = ((sheet.embed[0], package.embedding[0]), (sheet.V, package.pooling.V))
    for ours, theirs in (*pairs, (sheet.w, package.pooling.w), (sheet.head, package.head)):
        ours.load_state_dict(theirs.state_dict())
    bags, mask = torch.randn(2, 5, 3), torch.arange(5) < torch.tensor([[5], [2]])
    logits, attention = sheet(bags, mask)
    expected = package.eval()(bags, mask)
    torch.testing.assert_close(logits, expected.logits)
    torch.testing.assert_close(attention, expected.attention)


def test_a_diagram_in_a_page_has_the_words_of_the_page_and_no_fixed_size():
    svg = (NOTEBOOKS / "images" / "packing.svg").read_text(encoding="utf-8")
    html = inline_svg.inline(svg, 'three "bags" & more')
    assert 'aria-label="three &quot;bags&quot; &amp; more"' in html
    assert "<title>" not in html
    assert not re.search(r"<svg[^>]* (width|height)=", html)


GLOSSARY = re.findall(r"^(\w[^\n`]*)\n((?:  .*\n)+)", page("glossary"), re.M)
WORDS = {  # where a chapter says it in other words
    "attention entropy": "normalised entropy",
    "bag label": "bag",
    "collapsed attention": "collapsed",
    "confidence interval": "interval",
    "effective number of instances": "effective instances",
    "frozen features": "features",
    "mean pooling": "mean",
    "paired difference": "paired_difference",
    "temperature scaling": "temperature",
    "whole slide": "real slide",
}


@pytest.mark.parametrize(("term", "text"), GLOSSARY, ids=[term for term, _ in GLOSSARY])
def test_a_term_is_explained_in_the_chapter_the_glossary_names(term, text):
    named = re.findall(r"Chapter (\d\d)\]\(\.\./\1_", text)
    texts = {
        chapter.number: "\n".join(
            cell.source for cell in chapter.cells if cell.cell_type == "markdown"
        )
        for chapter in CHAPTERS
    }
    if not named:
        assert term in ("macro-metastasis", "recall")
        return
    word = WORDS.get(term, term).replace(" ", r"\s+")
    assert re.search(word, texts[named[0]], re.I)
    bold = r"\*\*" + term.replace(" ", r"\s+") + r"s?\W?\*\*"
    earlier = [n for n in NUMBERS if n < named[0] and re.search(bold, texts[n], re.I)]
    assert earlier == []
