"""The generated benchmark: a plaza seen by one camera, with people and, in the test videos, what does not belong."""

from typing import TYPE_CHECKING, Any

TOY_VERSION = 2
"""Changes with every change of a pixel or a label."""

TOY_LABELS_SHA256 = "946ff7f1b3d5b2f6fbe229a4b27e3820b32101c30a105a1ff9fbfc24b09b4af8"
"""`labels_hash` of the whole set of seed 0 in its default size."""

if TYPE_CHECKING:
    from .labels import labels_hash
    from .write import write_toy

__all__ = ["TOY_LABELS_SHA256", "TOY_VERSION", "labels_hash", "write_toy"]


def __getattr__(name: str) -> Any:
    # Drawing and video libraries load only when somebody makes the benchmark.
    if name == "write_toy":
        from .write import write_toy

        return write_toy
    if name == "labels_hash":
        from .labels import labels_hash

        return labels_hash
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
