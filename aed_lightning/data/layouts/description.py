"""What a user must know of a data set before it is there: `prepare --describe NAME` prints it."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Description:
    """One data set in words.

    title: its name and what it shows. expected: the tree below the data root. source: where to ask for the data.
    licence: what may be done with it. citation: the paper to name. labels: what a label is, how frames are counted,
    and where copies differ.
    """

    title: str
    expected: str
    source: str
    licence: str
    citation: str
    labels: str

    def __str__(self) -> str:
        parts = (
            ("expected below --data.root", self.expected),
            ("where to get it", self.source),
            ("licence", self.licence),
            ("cite", self.citation),
            ("labels", self.labels),
        )
        return f"{self.title}\n" + "".join(f"\n{name}:\n{_indented(text)}\n" for name, text in parts)


def _indented(text: str) -> str:
    return "\n".join(f"  {line}" for line in text.strip().splitlines())
