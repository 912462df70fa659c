"""`score`: any video, with trained weights."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .help_text import wants_help
from .parser import Parser

if TYPE_CHECKING:
    from ..runtime import Scorer
    from ..runtime.notify import Notifier
    from ..runtime.recordings import Manner
    from ..runtime.sources import LiveSource, Recording

HELP = """\
usage: python -m aed_lightning score --weights RUN --source SOURCE --out DIR [options]

Score video that has no labels: a score a frame, events with time and place, a time line and a video to look at.

  --weights RUN       run directory or checkpoint file
  --source SOURCE     a video file, a folder of videos or of images, a pattern in quotes, a camera's number, or the
                      address of a stream (rtsp://, http://, …); user and password in it are shown nowhere
  --out DIR           where the results go: scores.csv, events.json, timeline.png, overlay.mp4; of several recordings
                      into DIR/NAME each
  --resume            go on where the results in DIR end

what counts as an event (the levels come from held-out normal video of the training):
  --false-alarms N    threshold that normal video passed so many times an hour (default: 0, never)
  --quantile Q        threshold that this share of the normal frames stayed below, 0.5 to 1
  --threshold X       this threshold
  --hysteresis H      an event ends below the threshold, by this share of its height above the usual level (0.2)
  --min-seconds S     shorter events are none (0.5)

live sources, until they are interrupted:
  --seconds N         end after so many
  --notify URL        post each event there as JSON; a receiver that is away slows nothing (files too)

how:
  --stride N          score every so many frames (1)
  --no-overlay        make no video
  --fps F             frames a second of recordings that do not say, as folders of images, and of live sources (25)
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
    from ..runtime import load
    from ..runtime.notify import Notifier
    from ..runtime.recordings import Manner
    from ..runtime.sources import LiveSource, find_source, without_password

    source = find_source(options.source)
    live = isinstance(source, LiveSource)
    scorer = load(options.weights, device=options.device, precision=options.precision)
    smoothing = "causal" if live else "centered"
    manner = Manner(
        *_levels(scorer, options, smoothing), min_seconds=options.min_seconds, stride=options.stride,
        overlay=not options.no_overlay, fps=options.fps, batch_size=options.batch_size, reader=options.reader,
        resume=options.resume,
    )  # fmt: skip
    if options.seconds is not None and not 0 < options.seconds < 1e9:
        raise UsageError(f"--seconds {options.seconds}: give more than 0")
    about = {
        "weights": str(options.weights),
        "fingerprint": scorer.fingerprint,
        "sigma": scorer.smoothing.sigma,
        "smoothing": smoothing,
    }
    with ExitStack() as stack:
        notifier = stack.enter_context(Notifier(options.notify)) if options.notify else None
        if isinstance(source, LiveSource):
            _score_live(scorer, source, options, manner, about, notifier)
        else:
            _score_recordings(scorer, source, options, manner, about, notifier)
    if notifier is not None and notifier.lost:
        print(f"{notifier.lost} events were not taken by {without_password(options.notify)}; events.json has them")
    return 0


def _score_recordings(
    scorer: "Scorer", recordings: "list[Recording]", options: argparse.Namespace, manner: "Manner",
    about: dict[str, Any], notifier: "Notifier | None",
) -> None:  # fmt: skip
    from ..data.progress import default_progress
    from ..runtime.recordings import score_recording

    progress = default_progress()
    progress.start(len(recordings), 0)
    try:
        for recording in recordings:
            folder = options.out / recording.name if len(recordings) > 1 else options.out
            found = score_recording(scorer, recording, folder, manner, progress, about, notifier)
            progress.note(f"{recording.path}: {len(found)} events, {folder}")
            progress.video(recording.name)
    finally:
        progress.done()


def _score_live(
    scorer: "Scorer", source: "LiveSource", options: argparse.Namespace, manner: "Manner", about: dict[str, Any],
    notifier: "Notifier | None",
) -> None:  # fmt: skip
    from ..runtime.live import score_live

    def say(message: str) -> None:
        print(f"{source.shown}: {message}", flush=True)

    say("end with Ctrl-C" if options.seconds is None else f"for {options.seconds:g} s")
    score_live(scorer, source, options.out, manner, say, about, seconds=options.seconds, notifier=notifier)


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
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
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--notify")
    parser.add_argument("--fps", type=float, default=25.0)
    parser.add_argument("--no-overlay", action="store_true")
    parser.add_argument("--resume", action="store_true")
    parser.add_argument("--reader", default="auto")
    parser.add_argument("--device", default="auto")
    parser.add_argument("--precision", default="auto")
    return parser.parse_args(arguments)


def _levels(scorer: "Scorer", options: argparse.Namespace, smoothing: str) -> tuple[float, float]:
    """Where events begin, and below what they end."""
    from ..core import UsageError
    from ..scoring.calibration import release_below

    calibration = scorer.calibrations.get(smoothing)
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
