"""Names of videos, their order, and the border of a data root."""

import re
import unicodedata
from pathlib import Path

LONGEST_NAME = 200


def natural_key(name: str) -> tuple[tuple[str, int, str], ...]:
    """Sort key under which numbers count as numbers: 2 before 10, 2 before 002."""
    return tuple(
        (text.casefold(), int(digits or -1), digits) for text, digits in re.findall(r"([^0-9]*)([0-9]*)", name)
    )


def number_in(name: str) -> int | None:
    """The last number in a name: 17 for `17_label` and `frame017`, none without digits."""
    numbers = re.findall(r"[0-9]+", name)
    return int(numbers[-1]) if numbers else None


def name_problem(name: str) -> str | None:
    """Why `name` cannot name a video (and so a file of the store), or none."""
    if not name or name.startswith("."):
        return "a name is not empty and does not begin with a dot"
    if any(character in "/\\" for character in name):
        return "a name has no path separator"
    if any(unicodedata.category(character) in ("Cc", "Cs", "Zl", "Zp") for character in name):
        return "a name has no control character"
    if len(name.encode("utf-8", "surrogatepass")) > LONGEST_NAME:
        return f"a name has at most {LONGEST_NAME} bytes"
    return None


def lies_below(path: Path, root: Path) -> bool:
    """Whether `path` is below `root` once every link is followed."""
    return path.resolve().is_relative_to(root.resolve())
