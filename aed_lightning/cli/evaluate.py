"""`evaluate`: the figures of frame scores that any program wrote."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ..core import FrameScores

FILES = """\
a file a video, with the same name in both folders:
  .npz        array raw or scores (labels: labels or label), perhaps frame_index
  .npy, .txt  one number a frame
  .csv        a column raw or score (labels: label), perhaps frame; or one number a line
Without frame numbers, scores and labels are equal in number; with them, frames may be left out, and are counted.
Where frames are left out between all that have scores, as by score --stride, sigma still counts frames of the video.
The folder scores/ of a run serves as both. docs/evaluation.md defines the figures and what is refused."""


def run(arguments: Sequence[str]) -> int:
    """Read, evaluate, print; returns the exit code."""
    options = _parser().parse_args(arguments)
    from rich.console import Console

    from ..core import UsageError, write_json
    from ..data.score_files import read_frame_scores
    from ..scoring.temporal import check_sigma
    from .figures_table import print_figures

    check_sigma(options.sigma)
    if options.range < 2 or options.range % 2:
        raise UsageError(f"--range {options.range}: give an even number, 2 or more")
    videos, unscored = read_frame_scores(options.scores, options.labels)
    figures = {
        "version": 1,
        "scores": str(options.scores),
        "labels": str(options.labels),
        "videos": len(videos),
        "frames": sum(len(video.raw) for video in videos),
        "frames_without_score": unscored,
        **_figures(videos, options),
    }
    print_figures(Console(soft_wrap=True), figures)
    if options.json is not None:
        write_json(options.json, figures)
    return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m aed_lightning evaluate",
        description="Figures of frame scores under both protocols, whatever program wrote the scores.",
        epilog=FILES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    parser.add_argument("--scores", type=Path, required=True, metavar="DIR", help="higher is more anomalous")
    parser.add_argument("--labels", type=Path, required=True, metavar="DIR", help="0 normal, 1 anomalous")
    parser.add_argument(
        "--protocol", choices=("standard", "official", "both"), default="both", help="(default: %(default)s)"
    )
    parser.add_argument(
        "--sigma", type=float, default=0.0, help="standard: of the Gaussian, frames; 0 smooths nothing (the default)"
    )
    parser.add_argument("--range", type=int, default=38, help="official: taps of the filter + 1 (default: %(default)s)")
    parser.add_argument("--mu", type=float, default=11.0, help="official: of the filter (default: %(default)g)")
    parser.add_argument("--per-video-minmax", action="store_true", help="bring each video to [0, 1] after smoothing")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    return parser


def _figures(videos: Sequence["FrameScores"], options: argparse.Namespace) -> dict[str, Any]:
    """The keys that metrics.json has too."""
    from ..core import DataError
    from ..metrics import bootstrap_intervals, evaluate

    figures: dict[str, Any] = {}
    areas: dict[str, dict[str, float]] = {}
    if options.protocol != "official":
        stride = _stride(videos)
        if options.sigma:
            _refuse_no_neighbors(videos, stride, options.sigma)
        smoothing = {"sigma_frames": options.sigma, "per_video_minmax": options.per_video_minmax, "stride": stride}
        figures["standard"] = evaluate(videos, **smoothing)
        figures["intervals"] = bootstrap_intervals(videos, **smoothing)
        areas["auc"] = figures["standard"].pop("per_video_auc")
    if options.protocol != "standard":
        filtering = {"range": options.range, "mu": options.mu, "per_video_minmax": options.per_video_minmax}
        try:
            figures["official"] = evaluate(videos, "official", **filtering)
        except ValueError as error:  # of the types of the released code
            raise DataError(str(error)) from error
        areas["auc_padded"] = figures["official"].pop("per_video_auc_padded")
    figures["per_video"] = [
        {
            "video": video.video,
            "frames": len(video.raw),
            "anomalous": int((video.label == 1).sum()) if video.label is not None else None,
            **{key: of_video.get(video.video) for key, of_video in areas.items()},
        }
        for video in videos
    ]
    return figures


def _stride(videos: Sequence["FrameScores"]) -> int:
    """The distance of neighboring scored frames: the largest that divides all that there are."""
    import numpy as np

    distances = [np.diff(video.frame_index) for video in videos]
    return max(1, int(np.gcd.reduce(np.concatenate([*distances, [0]]).astype(np.int64))))


def _refuse_no_neighbors(videos: Sequence["FrameScores"], stride: int, sigma: float) -> None:
    """A Gaussian would leave such a video as it is, without a word."""
    import numpy as np

    from ..core import UsageError

    for video in videos:
        distances = np.diff(video.frame_index)
        if len(distances) and not (distances == stride).any():
            raise UsageError(
                f"--sigma {sigma:g}: no two scored frames of {video.video} are neighbors, as the videos' frames lie "
                f"{stride} apart; evaluate videos of one stride at a time, or give --sigma 0"
            )
