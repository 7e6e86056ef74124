"""The MIL playground's scripts in node, and the playground in a plain page."""

import json
import shutil
import subprocess
from importlib.resources import files

import pytest

PAGE = """\
<!doctype html><html lang="en"><meta charset="utf-8"><title>Playground</title>
<meta name="viewport" content="width=device-width, initial-scale=1">
<link rel="icon" href="data:,"><link rel="stylesheet" href="widget.css">
<style>body {{ margin: 8px; }}</style><main></main>
<script type="module">
  import widget from "./widget.js";
  const state = {state};
  const model = {{ get: (name) => state[name], set: (name, value) => (state[name] = value) }};
  for (const name of ["on", "off", "save_changes"]) model[name] = () => {{}};
  widget.render({{ model, el: document.querySelector("main") }});
</script></html>
"""
SHOWN = ("preset", "settings", "presets", "defaults", "limits", "site")


def node(body, **names):
    """Run the body of a function of the given names after the playground's scripts; return JSON."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("needs node on the PATH")
    static = files("mil_tutorial.widgets").joinpath("static")
    parts = ("model", "data", "training", "link")
    scripts = [static.joinpath(f"mil_playground_{part}.js").read_text("utf-8") for part in parts]
    call = f"(({', '.join(names)}) => {{{body}}})(...{json.dumps(list(names.values()))})"
    source = "\n".join(scripts) + f"\nconsole.log(JSON.stringify({call}));"
    done = subprocess.run([program, "-"], input=source, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def write_page(widget, folder):
    """Write ``page.html`` that draws a playground without a kernel."""
    (folder / "widget.js").write_text(widget._esm, encoding="utf-8")
    (folder / "widget.css").write_text(widget._css, encoding="utf-8")
    state = json.dumps({name: getattr(widget, name) for name in SHOWN})
    (folder / "page.html").write_text(PAGE.format(state=state), encoding="utf-8")
