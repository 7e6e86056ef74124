"""The course as a web site: ``sphinx-build -W -c notebooks/site notebooks _site/html``."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE), str(HERE.parent)]

from tools.settings import BRANCH, REPOSITORY  # noqa: E402

import mil_tutorial  # noqa: E402

project = "mil-tutorial"
author = "The mil-tutorial authors"
version = release = mil_tutorial.__version__
language = "en"

extensions = [
    "myst_nb",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx.ext.mathjax",
    "site_parts",
]
root_doc = "index"
include_patterns = [
    "index.md",
    "README.md",
    "[0-9][0-9]_*.ipynb",
    "recipes/*.md",
    "site/*.md",
    "site/api/*.md",
    "site/data/*.md",
]

# Pages show what is stored in the notebooks; nothing is run.
nb_execution_mode = "off"
nb_merge_streams = True
nb_render_markdown_format = "myst"  # printed tables are tables
nb_code_prompt_show = "Show the code of this figure"
nb_code_prompt_hide = "Hide the code of this figure"
nb_ipywidgets_js = {"widgets.js": {"type": "module"}}
mathjax_path = "mathjax/tex-chtml.js"
mathjax3_config = {"chtml": {"displayAlign": "left"}}
myst_enable_extensions = ["colon_fence", "deflist", "dollarmath"]
myst_heading_anchors = 3

add_module_names = False
autodoc_member_order = "bysource"
autodoc_preserve_defaults = True  # as written, not as Python would print them
autodoc_typehints_format = "short"
python_use_unqualified_type_names = True
napoleon_google_docstring = False
napoleon_use_ivar = True  # attributes of the same name do not compete
napoleon_use_rtype = False

html_theme = "sphinx_book_theme"
html_title = "Attention MIL for histopathology"
templates_path = ["templates"]
html_static_path = ["static"]
html_favicon = "static/favicon.svg"
html_scaled_image_link = False
html_css_files = ["site.css", "learn.css"]
html_js_files = ["access.js", ("progress.js", {"defer": "defer"})]
html_context = {"default_mode": "auto"}
html_theme_options = {
    "repository_url": f"https://github.com/{REPOSITORY}",
    "repository_branch": BRANCH,
    "path_to_docs": "notebooks",
    "use_repository_button": True,
    "use_download_button": True,
    "use_fullscreen_button": False,
    "home_page_in_toc": True,
    "show_navbar_depth": 1,
    "navbar_persistent": [],
}
