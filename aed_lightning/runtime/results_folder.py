"""The folder that results go to: one process at a time, and nothing in it is lost that somebody may want."""

import json
import re
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager, suppress
from itertools import chain
from pathlib import Path
from typing import Any

from ..core import DataError, UsageError
from ..core.files import PARTIAL_FILES
from ..data.lock import LOCK_FILE, locked
from ..data.shards import SHARDS, Shard

FILES = ("scores.csv", "events.json", "timeline.png", "overlay.mp4")
VERSION = 1
"""Of `events.json`."""
MERGED = "events.csv"
"""The table that `merge_results` makes of all recordings below a folder."""
MERGED_COLUMNS = (
    "recording", "start", "end", "start_time", "end_time", "peak", "peak_frame", "peak_time", "x0", "y0", "x1", "y1",
)  # fmt: skip
_OURS = re.compile(r"scores\.csv|events\.json|timeline\.png|overlay(-[0-9]+)?\.mp4")


@contextmanager
def results_folder(
    out: Path, folders: Sequence[Path], *, resume: bool, overwrite: bool, sources: Sequence[Path] = (),
    shard: Shard | None = None,
) -> Iterator[None]:  # fmt: skip
    """Hold `out`, or a share of it beside the others, and make way in `folders`, `out` itself or below it, each of
    which gets the results of one source.

    overwrite: remove the files of an earlier scoring from them, and no others. Raises UsageError where `out` is not
    empty and neither is asked for, or one of `sources` would be removed; DataError where another process holds it, or
    files of others would be removed.
    """
    with _held(out, shard):
        looked_at = [out] if shard is None else [folder for folder in folders if folder.is_dir()]
        full = [folder for folder in looked_at if any(one.name not in (LOCK_FILE, SHARDS) for one in folder.iterdir())]
        if full and not resume and not overwrite:
            raise UsageError(
                f"--out {full[0]} is not empty; go on with --resume, replace what was scored before with --overwrite, "
                "or name another folder"
            )
        earlier = [_earlier(folder) for folder in folders] if overwrite else []
        removed = list(chain(*earlier))
        if own := {file.resolve() for file in removed} & {source.resolve() for source in sources}:
            raise UsageError(f"--source {own.pop()} would be removed by --overwrite; name another folder for --out")
        for file in removed:
            file.unlink()
        # Not whole any more from here on, and not to be taken for it.
        merged = out / MERGED
        with suppress(FileNotFoundError):  # another share was first
            if merged.is_file() and merged.read_bytes().startswith(",".join(MERGED_COLUMNS).encode()):
                merged.unlink()
        for folder in folders:
            for name in FILES:
                for partial in folder.glob(PARTIAL_FILES.replace("*", f"{name}.*")):
                    partial.unlink()
        yield


def _held(out: Path, shard: Shard | None) -> AbstractContextManager[Any]:
    if shard is None:
        return locked(out, 0.0, lambda _: None, being="written")
    return shard.held(out, 0.0, lambda _: None, being="written")


def read_events(file: Path) -> dict[str, Any]:
    """An `events.json`. Raises DataError where it is none of ours."""
    try:
        found: dict[str, Any] = json.loads(file.read_text(encoding="utf-8"))
        if found["version"] != VERSION or not all({"start", "end", "where"} <= set(event) for event in found["events"]):
            raise ValueError("another version")
    except (OSError, ValueError, KeyError, TypeError) as error:
        reason = error.strerror if isinstance(error, OSError) else repr(error)
        raise DataError(
            f"{file} is none of ours ({reason}); take away what is there, or name another folder"
        ) from error
    return found


def _earlier(folder: Path) -> list[Path]:
    """The files of an earlier scoring; `events.json` last, which tells that the others are ours."""
    found = [file for file in folder.iterdir() if _OURS.fullmatch(file.name)] if folder.is_dir() else []
    events = folder / "events.json"
    if found:
        read_events(events)
    return sorted(found, key=lambda file: file == events)
