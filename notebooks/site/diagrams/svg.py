"""SVG by a few shapes.

Each shape has a class, and the colours of that class on a light page. The site draws the same
picture inside its pages, where ``learn.css`` gives the classes other colours in dark mode.
"""

from html import escape

WIDTH = 420  # units; at 350 pixels, a phone's column, letters of size 14 are still 12 pixels high
FONT = "system-ui, 'Segoe UI', Helvetica, Arial, sans-serif"
COLOURS = {
    "ink": 'fill="#1f2328"',
    "soft": 'fill="#57606a"',
    "mark": 'fill="#b3460a"',  # words about what is marked
    "paper": 'fill="#ffffff"',
    "tile": 'fill="#d6e4f0" stroke="#4a5560"',
    "other": 'fill="#e3dcef" stroke="#4a5560"',
    "third": 'fill="#d9ead9" stroke="#4a5560"',
    "hot": 'fill="#e8731a" stroke="#4a5560"',
    "empty": 'fill="none" stroke="#6e7781" stroke-dasharray="3 3"',
    "frame": 'fill="none" stroke="#6e7781"',
    "line": 'fill="none" stroke="#4a5560" stroke-width="1.5"',
    "alarm": 'fill="none" stroke="#d55e00" stroke-width="3"',
    "dot": 'fill="#0072b2"',
    "ring": 'fill="none" stroke="#d55e00" stroke-width="2"',
}


class Picture:
    """A drawing of a fixed width, and what it shows in words."""

    def __init__(self, height: float, alt: str) -> None:
        self.height = height
        self.alt = alt
        self.shapes: list[str] = []

    def rect(
        self, kind: str, x: float, y: float, width: float, height: float, *, round_by: float = 2
    ) -> None:
        """Add a rectangle."""
        place = f'x="{x:g}" y="{y:g}" width="{width:g}" height="{height:g}" rx="{round_by:g}"'
        self._add("rect", kind, place)

    def text(
        self,
        kind: str,
        x: float,
        y: float,
        words: str,
        *,
        size: float = 14,
        anchor: str = "start",
        bold: bool = False,
    ) -> None:
        """Add a line of text; ``y`` is its base line."""
        weight = ' font-weight="600"' if bold else ""
        place = f'x="{x:g}" y="{y:g}" font-size="{size:g}" text-anchor="{anchor}"{weight}'
        self._add("text", kind, place, escape(words, quote=False))

    def circle(self, kind: str, x: float, y: float, radius: float) -> None:
        """Add a circle."""
        self._add("circle", kind, f'cx="{x:g}" cy="{y:g}" r="{radius:g}"')

    def line(self, kind: str, *points: tuple[float, float]) -> None:
        """Add a line through the points."""
        self._add("path", kind, f'd="M{" L".join(f"{x:g} {y:g}" for x, y in points)}"')

    def arrow(self, *points: tuple[float, float]) -> None:
        """Add a line that ends in an arrow; its last part is upright or level."""
        self.line("line", *points)
        (x0, y0), (x, y) = points[-2:]
        dx, dy = (x > x0) - (x < x0), (y > y0) - (y < y0)
        sides = [(x - 6 * dx + s * 4 * dy, y - 6 * dy + s * 4 * dx) for s in (1, -1)]
        self.line("line", sides[0], (x, y), sides[1])

    def svg(self) -> str:
        """Return the file: the drawing on a card of paper, as wide as a page's column."""
        size = f'width="{WIDTH * 1.3:g}" height="{self.height * 1.3:g}"'
        card = f'<rect class="d-paper" {COLOURS["paper"]} width="100%" height="100%" rx="6"/>'
        body = "\n".join([card, *self.shapes])
        return (
            f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {self.height:g}" '
            f'{size} role="img" aria-label="{escape(self.alt)}" font-family="{FONT}">\n'
            f"<title>{escape(self.alt)}</title>\n{body}\n</svg>\n"
        )

    def _add(self, tag: str, kind: str, place: str, inside: str = "") -> None:
        end = f">{inside}</{tag}>" if inside else "/>"
        self.shapes.append(f'<{tag} class="d-{kind}" {place} {COLOURS[kind]}{end}')
