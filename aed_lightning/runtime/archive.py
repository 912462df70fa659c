"""The results of many recordings, scored in shares, as one table of events; nothing that is not whole gets into it."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ..core import DataError, write_text
from ..data.lock import locked
from ..data.shards import some_of
from .results_folder import MERGED, MERGED_COLUMNS, read_events
from .sources import Recording

SCORED_ALIKE = (
    "fingerprint", "sigma", "smoothing", "threshold", "release", "min_seconds", "stride", "skip", "gate", "backend",
    "precision",
)  # fmt: skip
"""What events.json says of the scoring, and must be the same for all."""


def merge_results(recordings: Sequence[Recording], out: Path) -> tuple[Path, int]:
    """Write `out/events.csv`, a row an event of the results in `out/NAME` of every recording; the file, and how many.

    Columns: the recording's name; frames, seconds and score as in events.json; the box where it is known. Raises
    DataError with every recording that has no whole results, or those of another file, and where two were scored with
    other weights or in another manner.
    """
    rows: list[dict[str, Any]] = []
    missing: list[str] = []
    alike: tuple[str, dict[str, Any]] | None = None
    with locked(out, 0.0, lambda _: None, being="written"):
        for recording in recordings:
            file = out / recording.name / "events.json"
            found = read_events(file) if file.is_file() else {}
            if found.get("complete") is not True or found.get("bytes") != recording.bytes:
                missing.append(recording.name)
                continue
            manner = {key: found.get(key) for key in SCORED_ALIKE}
            alike = alike or (recording.name, manner)
            if differing := [key for key in SCORED_ALIKE if manner[key] != alike[1][key]]:
                what = ", ".join(f"{key} {alike[1][key]!r} and {manner[key]!r}" for key in differing)
                raise DataError(
                    f"{out}: {alike[0]} and {recording.name} were scored differently ({what}); "
                    "score them alike, with --overwrite"
                )
            for event in found["events"]:
                rows.append({"recording": recording.name, **event, **(event["where"] or {})})
        if missing:
            raise DataError(
                f"{out}: {len(missing)} of {len(recordings)} recordings are not scored to their end: "
                f"{some_of(missing)}; run score --shard --resume for every share again, which does only these"
            )
        text = io.StringIO()
        writer = csv.DictWriter(text, MERGED_COLUMNS, extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
        write_text(out / MERGED, text.getvalue())
    return out / MERGED, len(rows)
