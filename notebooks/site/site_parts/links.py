"""Links to files of the repository that are not pages of the site lead to GitHub."""

from pathlib import Path
from urllib.parse import quote

from docutils import nodes
from sphinx import addnodes
from sphinx.application import Sphinx
from sphinx.transforms import SphinxTransform
from tools.settings import BRANCH, REPOSITORY

ROOT = Path(__file__).parents[3]


def on_github(path: Path) -> str:
    """Return the address of a file or folder of the repository."""
    kind = "tree" if path.is_dir() else "blob"
    where = quote(path.relative_to(ROOT).as_posix())
    return f"https://github.com/{REPOSITORY}/{kind}/{BRANCH}/{where}"


class LinksToGitHub(SphinxTransform):
    """Replace each link to a file that is not a page."""

    default_priority = 200

    def apply(self) -> None:
        """Look at all links to files of this page."""
        for link in list(self.document.findall(_is_file_link)):
            path = self._path(link)
            if path is not None:
                reference = nodes.reference("", "", *link.children, refuri=on_github(path))
                link.replace_self(reference)

    def _path(self, link: nodes.Element) -> Path | None:
        """Return the file or folder a link means, or None where that is a page."""
        target = link["reftarget"]
        if link.get("refdomain") != "doc":
            candidates = [Path(self.env.relfn2path(target, self.env.docname)[1])]
        elif target in self.env.found_docs:
            return None
        else:  # its ending was taken off
            start = Path(self.env.srcdir) / target
            candidates = [Path(f"{start}{ending}") for ending in self.config.source_suffix]
        existing = (path.resolve() for path in candidates if path.exists())
        return next((path for path in existing if path.is_relative_to(ROOT)), None)


def _is_file_link(node: nodes.Node) -> bool:
    kinds = (addnodes.download_reference, addnodes.pending_xref)
    return isinstance(node, kinds) and node.get("reftype") == "myst"


def setup(app: Sphinx) -> None:
    """Connect to Sphinx."""
    app.add_transform(LinksToGitHub)
