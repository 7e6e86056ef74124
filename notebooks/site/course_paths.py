"""Ways through the course: which chapters, for whom, and how long they take."""

from dataclasses import dataclass


@dataclass(frozen=True)
class CoursePath:
    """A selection of chapters, in order."""

    name: str
    reader: str
    numbers: tuple[str, ...]


CORE = ("00", "01", "03", "05", "07", "09", "10")
ALL = tuple(f"{number:02}" for number in range(18))
PATHS = (
    CoursePath("core", "You want to understand attention MIL and read its heat maps.", CORE),
    CoursePath(
        "practitioner", "You have slides or features of your own.", (*CORE, "11", "13", "14")
    ),
    CoursePath(
        "evaluator",
        "You judge models that others built, or buy them.",
        ("00", "02", "09", "11", "14", "15", "17"),
    ),
    CoursePath("all", "You want to build everything yourself.", ALL),
)


def hours(minutes: int) -> str:
    """Return minutes as hours, rounded to quarters: 255 → "4¼ hours"."""
    whole, quarters = divmod(round(minutes / 15), 4)
    number = f"{whole or ''}{('', '¼', '½', '¾')[quarters]}"
    return f"{number} {'hour' if number == '1' else 'hours'}"
