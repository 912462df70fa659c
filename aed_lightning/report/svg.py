"""Figures of matplotlib as SVG that stands inside a page: no fixed colors of text, no names that clash."""

import io
import xml.etree.ElementTree as ET
from typing import Any

import matplotlib
from markupsafe import Markup
from matplotlib.figure import Figure

INK = "#010203"
"""Drawn as the page's own text color, so that a figure can be read on dark and on light paper."""
STYLE: Any = {
    "font.size": 9,
    "axes.titlesize": 9,
    "legend.fontsize": 8,
    "legend.frameon": False,
    "axes.spines.top": False,
    "axes.spines.right": False,
    **dict.fromkeys(("text.color", "axes.labelcolor", "axes.edgecolor", "xtick.color", "ytick.color"), INK),
    "grid.color": "#808080",
    "grid.alpha": 0.3,
    "figure.facecolor": "none",
    "axes.facecolor": "none",
    # Names of videos and runs are text, whatever stands in them.
    "text.parse_math": False,
    "svg.fonttype": "none",
    "svg.hashsalt": "aed_lightning",
}
SVG = "http://www.w3.org/2000/svg"
LINK = "{http://www.w3.org/1999/xlink}href"
UNWANTED = {f"{{{SVG}}}metadata", f"{{{SVG}}}title"}


def drawing() -> Any:
    """The context in which figures are made and become SVG."""
    return matplotlib.rc_context(STYLE)


def inline_svg(figure: Figure, title: str, prefix: str) -> Markup:
    """The figure as an `<svg>` element, within `drawing()`.

    title: what the figure shows, for those who do not see it. prefix: begins every id, unique in the page.
    """
    written = io.BytesIO()
    figure.savefig(written, format="svg", metadata={"Date": None})
    root = ET.fromstring(written.getvalue())
    for parent in list(root.iter()):
        for child in list(parent):
            # A style inside a page would hold for all of it.
            if child.tag in UNWANTED or (child.tag == f"{{{SVG}}}defs" and child.find(f"{{{SVG}}}style") is not None):
                parent.remove(child)
    for element in root.iter():
        element.attrib = {_attribute(name): _value(name, text, prefix) for name, text in element.attrib.items()}
        element.tag = element.tag.removeprefix(f"{{{SVG}}}")
    for name in ("width", "height", "version"):
        root.attrib.pop(name, None)
    root.attrib |= {"role": "img", "aria-label": title, "stroke-linejoin": "round"}
    return Markup(ET.tostring(root, encoding="unicode"))


def _attribute(name: str) -> str:
    return "href" if name == LINK else name


def _value(name: str, text: str, prefix: str) -> str:
    """An attribute with its own ids and the page's text color."""
    if name == "id":
        return f"{prefix}-{text}"
    if name == LINK:
        return text.replace("#", f"#{prefix}-")
    return text.replace("url(#", f"url(#{prefix}-").replace(INK, "currentColor")
