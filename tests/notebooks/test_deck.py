"""A chapter as a deck of slides."""

import re

import nbformat
import pytest
from teach import main

pytestmark = pytest.mark.full


@pytest.fixture()
def deck(tmp_path, capsys):
    """Make the deck of chapter 05; return the page."""

    def make(*options):
        assert main(["deck", "05", "--out", str(tmp_path), *options]) == 0
        path = capsys.readouterr().out.removeprefix("open ").strip()
        with open(path, encoding="utf-8") as file:
            return file.read()

    return make


def test_each_section_is_a_slide_and_solutions_come_only_when_asked_for(deck, notebooks):
    page = deck()
    stored = nbformat.read(notebooks / "05_attention.ipynb", as_version=4)
    sections = [c.source.splitlines()[0][3:] for c in stored.cells if c.source[:3] == "## "]
    titles = re.findall(
        r'<section><section[^>]*>(?:(?!<section).)*?<h2 id="[^"]*">([^<]+)', page, re.S
    )
    assert titles == sections
    assert page.count('alt="') >= 2
    assert "your code here" in page
    assert "check_attend" in page  # in the text
    assert "○ attend" not in page
    assert 'masked_softmax</span><span class="p">(</span><span class="n">scores' not in page
    assert "https://unpkg.com/reveal.js" in page
    solved = deck("--solutions", "--SlidesExporter.reveal_url_prefix=reveal.js")
    assert "your code here" not in solved
    assert 'masked_softmax</span><span class="p">(</span><span class="n">scores' in solved
    assert "https://unpkg.com/reveal.js" not in solved


def test_an_unknown_chapter_has_no_deck(tmp_path, capsys):
    assert main(["deck", "77", "--out", str(tmp_path)]) == 2
    assert "no chapter 77; there are: 00" in capsys.readouterr().err


def test_options_of_nbconvert_belong_to_decks_alone(tmp_path, capsys):
    with pytest.raises(SystemExit):
        main(["assignment", "05", "--out", str(tmp_path), "--nonsense"])
    assert "unrecognized arguments: --nonsense" in capsys.readouterr().err
