"""What is stored of widgets: those on the page, with ids that do not change from run to run."""

import json
import re
from typing import Any

from nbformat import NotebookNode, from_dict

STATE = "application/vnd.jupyter.widget-state+json"
VIEW = "application/vnd.jupyter.widget-view+json"


def tidy_widgets(notebook: NotebookNode) -> None:
    """Drop widgets that no output shows, and number the others in the order of the page."""
    widgets = notebook.metadata.get("widgets")
    if widgets is None:
        return
    models = widgets[STATE]["state"]
    shown = _reachable(models, _viewed(notebook))
    widgets[STATE]["state"] = {name: models[name] for name in shown}
    if not shown:
        del notebook.metadata["widgets"]
        return
    text = json.dumps(notebook)
    for number, name in enumerate(shown, 1):
        text = text.replace(name, f"{number:032x}")
    notebook.update(from_dict(json.loads(text)))


def _viewed(notebook: NotebookNode) -> list[str]:
    return [
        output.data[VIEW]["model_id"]
        for cell in notebook.cells
        for output in cell.get("outputs", [])
        if VIEW in output.get("data", {})
    ]


def _reachable(models: dict[str, Any], names: list[str]) -> list[str]:
    """Return the models that the named ones lead to, each once, in order."""
    reached: list[str] = []
    waiting = list(names)
    while waiting:
        name = waiting.pop(0)
        if name in models and name not in reached:
            reached.append(name)
            waiting = re.findall(r"IPY_MODEL_(\w+)", json.dumps(models[name])) + waiting
    return reached
