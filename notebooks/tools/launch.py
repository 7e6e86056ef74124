"""Where a notebook opens with one click: the badges of the chapters and of the README."""

import re
from pathlib import Path
from urllib.parse import quote

from tools.settings import BRANCH, REPOSITORY

FIRST = "notebooks/00_start_here.ipynb"


def badges(path: str) -> str:
    """Link a notebook of the repository to Colab, Binder and Kaggle."""
    github = f"https://github.com/{REPOSITORY}/blob/{BRANCH}/{path}"
    colab = f"https://colab.research.google.com/github/{REPOSITORY}/blob/{BRANCH}/{path}"
    binder = f"https://mybinder.org/v2/gh/{REPOSITORY}/{quote(BRANCH, safe='')}"
    kaggle = f"https://kaggle.com/kernels/welcome?src={github}"
    return " ".join(
        [
            f"[![Open in Colab](https://colab.research.google.com/assets/colab-badge.svg)]({colab})",
            f"[![Open in Binder](https://mybinder.org/badge_logo.svg)]({binder}?urlpath=lab/tree/{path})",
            f"[![Open in Kaggle](https://kaggle.com/static/images/open-in-kaggle.svg)]({kaggle})",
        ]
    )


def site() -> str:
    """Return the address of the web site that GitHub Pages makes of this repository."""
    owner, name = REPOSITORY.split("/")
    return f"https://{owner.lower()}.github.io/{name}/"


def write_launch(readme: Path) -> None:
    """Bring the badges of the README up to date."""
    text = with_launch(readme.read_text(encoding="utf-8"))
    readme.write_text(text, encoding="utf-8", newline="\n")


def with_launch(text: str) -> str:
    """Return the README's text with the badges between its two comments, and what to clone."""
    codespaces = (
        "[![Open in GitHub Codespaces](https://github.com/codespaces/badge.svg)]"
        f"(https://codespaces.new/{REPOSITORY}?ref={quote(BRANCH, safe='')})"
    )
    read = f"[Read it as a web site]({site()})"
    parts = re.split(r"(?<=<!-- launch -->\n)[\s\S]*?(?=<!-- end launch -->)", text)
    if len(parts) != 2:
        raise ValueError("README.md needs the comments <!-- launch --> and <!-- end launch -->")
    clone = f"git clone https://github.com/{REPOSITORY} && cd {REPOSITORY.split('/')[1]}"
    parts[1] = re.sub(r"git clone \S+ && cd [\w.-]+", clone, parts[1])
    return f"{parts[0]}{badges(FIRST)} {codespaces}\n\n{read}\n{parts[1]}"
