"""`score`: any video, with trained weights."""

import argparse
from collections.abc import Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, Any

from .help_text import wants_help
from .parser import Parser
from .signals import ended_by_signals

if TYPE_CHECKING:
    from ..runtime import Scorer
    from ..runtime.notify import Notifier
    from ..runtime.recordings import Manner
    from ..runtime.sources import LiveSource, Recording

HELP = """\
usage: python -m aed_lightning score --weights RUN --source SOURCE --out DIR [options]
       python -m aed_lightning score --source SOURCE --out DIR --merge

Score video that has no labels: a score a frame, events with time and place, a time line and a video to look at.

  --weights RUN       run directory, checkpoint file, or name of weights that come with the package
  --source SOURCE …   a video file, a folder of videos or of images, a pattern in quotes, a camera's number, or the
                      address of a stream (rtsp://, http://, …); user and password in it are shown nowhere.
                      Several cameras are scored at once, by one model
  --out DIR           where scores.csv, events.json, timeline.png and overlay.mp4 go; those of several recordings go
                      to DIR/NAME each, of several cameras to DIR/camera-1, DIR/camera-2, … as they are given.
                      It must be empty or new, unless one of these is given:
  --resume            go on where the results of recordings in DIR end; what is done is not done again
  --overwrite         replace the results in DIR; other files in it stay
  --shard I/N         of many recordings, share I of N, counted from 1; the shares may be scored at once, by other
                      machines too, into one DIR
  --merge             the events of all recordings in DIR as DIR/events.csv; refuses and names what is not scored

what counts as an event (the levels come from normal video that the training held out):
  --false-alarms N    it begins at the level that this video passed at most N times an hour (0: never)
  --quantile Q        … at the level that this share of its frames stayed below, 0.5 to 1
  --threshold X       … at this score
  --hysteresis H      it ends below that by this share of the height above the usual level (0.2)
  --min-seconds S     shorter ones do not count (0.5)

how:
  --stride N          score every so many frames (1)
  --skip N            of recordings: leave out up to so many of these in a row, and draw a line between the scores (0)
  --gate G            … only while no patch of the picture changes by so many gray levels on average
  --no-overlay        make no video
  --fps F             frames a second of live sources, and of recordings that do not say, as folders of images (25)
  --batch-size N      frames at once (32, with openvino 8)
  --reader NAME       auto, opencv, pyav or decord
  --device NAME       auto, cpu, cuda
  --precision P       auto (that of the training), 32-true, bf16-mixed
  --backend NAME      torch, compile, onnx, openvino; the last two need pip install -c constraints.txt -e '.[export]'

while it runs:
  --notify URL        post each event there as JSON when it has ended; a receiver that is away slows nothing
  --seconds N         end a live source after so many; without it Ctrl-C does
  Ctrl-C and SIGTERM leave whole results (exit codes 130 and 143). A recording that cannot be read does not keep
  the others from being scored; the end names it (exit code 1)."""


def run(arguments: Sequence[str]) -> int:
    """Score; returns the exit code."""
    if wants_help(arguments):
        print(HELP)
        return 0
    options = _parse(arguments)
    from ..core import UsageError
    from ..data.opencv import one_thread
    from ..data.shards import Shard
    from ..runtime import load
    from ..runtime.gating import Gate
    from ..runtime.notify import Notifier
    from ..runtime.recordings import Manner
    from ..runtime.results_folder import results_folder
    from ..runtime.sources import LiveSource, Recording, find_sources

    sources = find_sources(options.source)
    cameras = [source for source in sources if isinstance(source, LiveSource)]
    recordings = [source for source in sources if isinstance(source, Recording)]
    live = bool(cameras)
    shard = None if options.shard is None else Shard.parse(options.shard)
    if live and (shard or options.merge):
        raise UsageError("--shard and --merge are for recordings")
    if options.merge:
        return _merge(recordings, options.out)
    apart = shard is not None or len(recordings) > 1
    if shard is not None:
        number, recordings = len(recordings), [one for one in recordings if shard.has(one.name)]
        print(f"share {shard}: {len(recordings)} of {number} recordings", flush=True)
        if not recordings:
            return 0
    if options.seconds is not None and not 0 < options.seconds < 1e9:
        raise UsageError(f"--seconds {options.seconds}: give more than 0, and less than 1e9")
    if live and options.resume:
        raise UsageError("--resume is for recordings; give a live source another --out, or --overwrite")
    if options.gate is not None and not options.skip:
        raise UsageError(f"--gate {options.gate} needs --skip: how many frames in a row may be left out")
    if live and options.skip:
        raise UsageError("--skip is for recordings: a camera's frame cannot wait for the next; give --stride")
    one_thread()
    gate = Gate(options.skip, **({} if options.gate is None else {"levels": options.gate}))
    scorer = load(options.weights, **_given(options, "device", "precision", "backend"))
    smoothing = "causal" if live else "centered"
    manner = Manner(
        *_levels(scorer, options, smoothing), resume=options.resume, gate=gate,
        **_given(options, "min_seconds", "stride", "overlay", "fps", "batch_size", "reader"),
    )  # fmt: skip
    about = {
        "weights": str(options.weights),
        "fingerprint": scorer.fingerprint,
        "sigma": scorer.smoothing.sigma,
        "smoothing": smoothing,
    }
    names = [f"camera-{number + 1}" for number in range(len(cameras))] or [recording.name for recording in recordings]
    folders = [options.out / name for name in names] if apart or len(cameras) > 1 else [options.out]
    files = [recording.path for recording in recordings]
    notifier = Notifier(options.notify) if options.notify else None
    with (
        ended_by_signals(f"what is in {options.out} is whole{'' if live else ': go on with --resume'}"),
        results_folder(
            options.out, folders, resume=options.resume, overwrite=options.overwrite, sources=files, shard=shard
        ),
        ExitStack() as stack,
    ):
        if notifier is not None:
            stack.callback(_tell_lost, notifier, options.notify)
            stack.enter_context(notifier)
        if live:
            _score_live(scorer, dict(zip(cameras, folders, strict=True)), options, manner, about, notifier)
        else:
            _score_recordings(scorer, dict(zip(recordings, folders, strict=True)), manner, about, notifier)
    return 0


def _merge(recordings: "list[Recording]", out: Path) -> int:
    from ..core import UsageError
    from ..runtime.archive import merge_results

    if not out.is_dir():
        raise UsageError(f"--out {out}: nothing there; give the folder that the shares were scored into")
    file, events = merge_results(recordings, out)
    print(f"{file}: {events} events of {len(recordings)} recordings")
    return 0


def _score_recordings(
    scorer: "Scorer", folders: "dict[Recording, Path]", manner: "Manner", about: dict[str, Any],
    notifier: "Notifier | None",
) -> None:  # fmt: skip
    """Score one after the other; raises DataError at the end for those that could not be read."""
    from ..core import DataError, UsageError
    from ..data.progress import default_progress
    from ..runtime.recordings import frames_to_score, score_recording

    progress, failed = default_progress(), []
    progress.start(len(folders), sum(frames_to_score(*place, manner) for place in folders.items()))
    try:
        for recording, folder in folders.items():
            try:
                found = score_recording(scorer, recording, folder, manner, progress, about, notifier)
                progress.note(f"{recording.path}: {len(found)} events, {folder}")
            except (DataError, UsageError) as error:
                failed.append(error)
                if len(folders) > 1:
                    progress.note(f"{error}; going on with the others")
            progress.video(recording.name)
    finally:
        progress.done()
    if failed and len(folders) == 1:
        raise failed[0]
    if failed:
        reasons = "".join(f"\n  {error}" for error in failed)
        raise DataError(f"{len(failed)} of {len(folders)} recordings could not be scored to their end:{reasons}")


def _score_live(
    scorer: "Scorer", folders: "dict[LiveSource, Path]", options: argparse.Namespace, manner: "Manner",
    about: dict[str, Any], notifier: "Notifier | None",
) -> None:  # fmt: skip
    from ..runtime.cameras import score_cameras
    from ..runtime.live import score_live

    shown = ", ".join(source.shown for source in folders)

    def say(message: str) -> None:
        print(f"{shown}: {message}" if len(folders) == 1 else message, flush=True)

    more: dict[str, Any] = {"seconds": options.seconds, "notifier": notifier}
    say("end with Ctrl-C" if options.seconds is None else f"for {options.seconds:g} s")
    if len(folders) == 1:
        ((source, folder),) = folders.items()
        score_live(scorer, source, folder, manner, say, about, **more)
    else:
        score_cameras(scorer, folders, manner, say, about, **more)


def _tell_lost(notifier: "Notifier", address: str) -> None:
    from ..runtime.sources import without_password

    if notifier.lost:
        print(f"{notifier.lost} events were not taken by {without_password(address)}; events.json has them")


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    """What is given; what is not given and has its default elsewhere is not there."""
    parser = Parser(
        prog="python -m aed_lightning score", usage=HELP.partition("\n")[0][7:], add_help=False, allow_abbrev=False
    )
    parser.add_argument("--weights", type=Path)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--source", nargs="+", action="extend", required=True)
    earlier = parser.add_mutually_exclusive_group()
    earlier.add_argument("--resume", action="store_true")
    earlier.add_argument("--overwrite", action="store_true")
    shares = parser.add_mutually_exclusive_group()
    shares.add_argument("--shard")
    shares.add_argument("--merge", action="store_true")
    levels = parser.add_mutually_exclusive_group()
    levels.add_argument("--false-alarms", type=float, default=0.0)
    levels.add_argument("--quantile", type=float)
    levels.add_argument("--threshold", type=float)
    parser.add_argument("--hysteresis", type=float, default=0.2)
    parser.add_argument("--skip", type=int, default=0)
    parser.add_argument("--gate", type=float)
    parser.add_argument("--seconds", type=float)
    parser.add_argument("--notify")
    parser.add_argument("--no-overlay", dest="overlay", action="store_false", default=argparse.SUPPRESS)
    kinds = {"min-seconds": float, "fps": float, "stride": int, "batch-size": int, "reader": str, "device": str,
             "precision": str, "backend": str}  # fmt: skip
    for name, kind in kinds.items():
        parser.add_argument(f"--{name}", type=kind, default=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.weights is None and not options.merge:
        parser.error("the following arguments are required: --weights")
    return options


def _given(options: argparse.Namespace, *names: str) -> dict[str, Any]:
    return {name: value for name, value in vars(options).items() if name in names}


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
