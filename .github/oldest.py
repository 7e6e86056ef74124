"""Print pip constraints that hold every package at the lowest version pyproject.toml allows."""

import re
from pathlib import Path

text = (Path(__file__).parents[1] / "pyproject.toml").read_text(encoding="utf-8")
lowest = dict(re.findall(r'"([\w-]+)>=([\d.]+)"', text))
print(*(f"{name}=={version}.*" for name, version in lowest.items()), sep="\n")
