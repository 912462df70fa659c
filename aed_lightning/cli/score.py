"""`score`: any video, with trained weights."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .help_text import wants_help

if TYPE_CHECKING:
    from ..runtime import Scorer

HELP = """\
usage: python -m aed_lightning score --weights RUN --source SOURCE --out DIR [options]

Score video that has no labels: a score a frame, events with time and place, a time line and a video to look at.

  --weights RUN       run directory or checkpoint file
  --source SOURCE     a video file, a folder of videos or of images, or a pattern in quotes
  --out DIR           where the results go: scores.csv, events.json, timeline.png, overlay.mp4; of several recordings
                      into DIR/NAME each
  --resume            go on where the results in DIR end

what counts as an event (the levels come from held-out normal video of the training):
  --false-alarms N    threshold that normal video passed so many times an hour (default: 0, never)
  --quantile Q        threshold that this share of the normal frames stayed below, 0.5 to 1
  --threshold X       this threshold
  --hysteresis H      an event ends below the threshold, by this share of its height above the usual level (0.2)
  --min-seconds S     shorter events are none (0.5)

how:
  --stride N          score every so many frames (1)
  --no-overlay        make no video
  --fps F             frames a second of recordings that do not say, as folders of images (25)
  --batch-size N      frames at once (32)
  --reader NAME       auto, opencv, pyav or decord
  --device NAME       auto, cpu, cuda
  --precision P       auto (that of the training), 32-true, bf16-mixed"""


def run(arguments: Sequence[str]) -> int:
    """Score; returns the exit code."""
    if wants_help(arguments):
        print(HELP)
        return 0
    options = _parse(arguments)
    from ..core import UsageError
    from ..data.progress import default_progress
    from ..runtime import load
    from ..runtime.recordings import Manner, score_recording
    from ..runtime.results import finished
    from ..runtime.sources import LiveSource, find_source

    recordings = find_source(options.source)
    if isinstance(recordings, LiveSource):
        raise UsageError(f"--source {recordings.shown}: live sources cannot be scored yet; give a recording")
    scorer = load(options.weights, device=options.device, precision=options.precision)
    manner = Manner(
        *_levels(scorer, options), min_seconds=options.min_seconds, stride=options.stride,
        overlay=not options.no_overlay, fps=options.fps, batch_size=options.batch_size, reader=options.reader,
        resume=options.resume,
    )  # fmt: skip
    about = {"weights": str(options.weights), "sigma": scorer.smoothing.sigma, "smoothing": "centered"}
    progress = default_progress()
    progress.start(len(recordings), 0)
    try:
        for recording in recordings:
            folder = options.out / recording.name if len(recordings) > 1 else options.out
            if options.resume and finished(folder):
                progress.note(f"{recording.path}: scored already")
            else:
                found = score_recording(scorer, recording, folder, manner, progress, about)
                progress.note(f"{recording.path}: {len(found)} events, {folder}")
            progress.video(recording.name)
    finally:
        progress.done()
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m aed_lightning score", usage=HELP.partition("\n")[0][7:], add_help=False, allow_abbrev=False
    )
    for name in ("--weights", "--source", "--out"):
        parser.add_argument(name, type=str if name == "--source" else Path, required=True)
    levels = parser.add_mutually_exclusive_group()
    levels.add_argument("--false-alarms", type=float, default=0.0)
    levels.add_argument("--quantile", type=float)
    levels.add_argument("--threshold", type=float)
    parser.add_argument("--hysteresis", type=float, default=0.2)
    parser.add_argument("--min-seconds", type=float, default=0.5)
    parser.add_argument("--stride", type=int, default=1)
    parser.add_argument("--batch-size", type=int, default=32)
    parser.add_argument("--fps", type=float, default=25.0)
    parser.add_argument("--no-overlay", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--reader", default="auto")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    return parser.parse_args(arguments)


def _levels(scorer: "Scorer", options: argparse.Namespace) -> tuple[float, float]:
    """Where events begin, and below what they end."""
    from ..core import UsageError
    from ..scoring.calibration import release_below

    calibration = scorer.calibrations.get("centered")
    if options.threshold is not None:
        return options.threshold, release_below(options.threshold, calibration, options.hysteresis)
    if calibration is None:
        raise UsageError(
            f"--weights {options.weights}: no threshold was calibrated with them (a checkpoint has none, training "
            "without data.holdout has no video for it); give --threshold"
        )
    if options.quantile is not None:
        threshold = calibration.at_quantile(options.quantile)
    else:
        threshold = calibration.at_alarms_per_hour(options.false_alarms)
    return threshold, release_below(threshold, calibration, options.hysteresis)
