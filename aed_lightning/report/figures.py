"""The drawings of a report."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Int
from markupsafe import Markup
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from ..core import FrameScores
from ..metrics.ranking import roc_curve
from .run_files import Curve
from .svg import drawing, inline_svg

WIDTH = 10.0
RAW, SMOOTHED, TRUTH = "#8c8c8c", "#1f83d6", "#e4572e"
COLORS = ("#1f83d6", "#e4572e", "#2a9d5c", "#b065c9", "#c99700", "#00a3a3", "#d6568f", "#7a7a7a")
LINES = ("-", "--", ":", "-.")


def learning_curves(stage: str, curves: Sequence[Curve], number: int) -> Markup:
    """One stage, the page's `number`th: losses (and what else it logged) beside the figures of validation."""
    trained = [curve for curve in curves if not curve.name.startswith("val/")]
    # val/score is the micro AUC under the name by which both stages know it.
    validated = [curve for curve in curves if curve.name.startswith("val/") and curve.name != "val/score"]
    panels = [(label, lines) for label, lines in (("loss", trained), ("validation AUC", validated)) if lines]
    with drawing():
        figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
        for place, (label, lines) in enumerate(panels):
            axes = figure.add_subplot(1, 2, place + 1)
            for line, curve in enumerate(lines):
                name = curve.name.partition("/")[2] or curve.name
                axes.plot(curve.step, curve.value, marker="o", markersize=3, label=name, **_look(line))
            axes.set(xlabel="step", ylabel=label)
            axes.grid(True)
            axes.legend()
        return inline_svg(figure, f"learning curves of the {stage}", f"stage-{number}")


def score_curve(video: FrameScores, number: int, limits: tuple[float, float] | None) -> Markup:
    """`score_figure` of the page's `number`th video."""
    with drawing():
        return inline_svg(score_figure(video, limits), f"scores of video {video.video}", f"video-{number}")


def score_figure(video: FrameScores, limits: tuple[float, float] | None) -> Figure:
    """Raw and smoothed scores of a video over its frames, its anomalous intervals shaded; made within `drawing()`.

    limits: of the scores of all videos, which are comparable.
    """
    figure = Figure(figsize=(WIDTH, 1.7), layout="constrained")
    axes = figure.add_subplot()
    if video.label is not None:
        for first, last in intervals(np.asarray(video.label) == 1, video.frame_index):
            axes.axvspan(first - 0.5, last + 0.5, color=TRUTH, alpha=0.22, linewidth=0)
    axes.plot(video.frame_index, video.raw, color=RAW, linewidth=0.6)
    axes.plot(video.frame_index, np.asarray(video.smoothed), color=SMOOTHED, linewidth=1.8)
    axes.set(xlabel="frame", ylabel="score")
    axes.margins(x=0)
    if limits is not None:
        axes.set_ylim(*limits)
    return figure


def score_limits(videos: Sequence[FrameScores]) -> tuple[float, float] | None:
    """Lower and upper end of the axis on which the scores of all videos are drawn; none where they are all the same."""
    values = np.concatenate([np.asarray(video.raw, dtype=np.float64) for video in videos] or [np.zeros(0)])
    values = values[np.isfinite(values)]
    if not len(values) or values.max() == values.min():
        return None
    margin = 0.05 * float(values.max() - values.min())
    return float(values.min()) - margin, float(values.max()) + margin


def intervals(anomalous: Bool[np.ndarray, " frames"], frame_index: Int[np.ndarray, " frames"]) -> list[tuple[int, int]]:
    """First and last frame of each stretch of anomalous frames."""
    edges = np.flatnonzero(np.diff(np.concatenate([[False], anomalous, [False]]).astype(np.int8)))
    return [(int(frame_index[first]), int(frame_index[end - 1])) for first, end in edges.reshape(-1, 2)]


def roc_figure(curves: Sequence[tuple[str, np.ndarray, np.ndarray]], prefix: str = "roc") -> Markup:
    """ROC curves of all frames pooled. curves: legend, scores (frames,), anomalous (frames,)."""
    with drawing():
        figure = Figure(figsize=(WIDTH * 0.5, 4.2), layout="constrained")
        axes = figure.add_subplot()
        axes.plot([0, 1], [0, 1], color=RAW, linewidth=0.8, linestyle=":")
        for number, (legend, scores, anomalous) in enumerate(curves):
            axes.plot(*roc_curve(scores, anomalous), label=legend, **_look(number))
        axes.set(
            xlabel="false positive rate", ylabel="true positive rate", aspect="equal", xlim=(0, 1), ylim=(0, 1.005)
        )
        axes.grid(True)
        axes.legend(loc="lower right")
        return inline_svg(figure, "ROC curve of all frames", prefix)


def figures_of_runs(names: Sequence[str], columns: Sequence[tuple[str, Sequence[float | None]]]) -> Markup:
    """A row a run, a mark a figure. columns: name of the figure, its value for each run."""
    with drawing():
        figure = Figure(figsize=(WIDTH, 0.9 + 0.32 * len(names)), layout="constrained")
        axes = figure.add_subplot()
        for number, (label, values) in enumerate(columns):
            known = [np.nan if value is None else value for value in values]
            axes.plot(known, range(len(names)), "os^Dv"[number % 5], color=COLORS[number % len(COLORS)], label=label)
        axes.set_yticks(range(len(names)), names)
        axes.set_ylim(len(names) - 0.5, -0.5)
        axes.set_xlabel("AUC")
        axes.grid(True)
        axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
        return inline_svg(figure, "figures of all runs", "runs")


def validation_of_runs(curves: Sequence[tuple[str, Curve]]) -> Markup:
    """The micro AUC of validation over the steps of the teacher's training, a line a run."""
    with drawing():
        figure = Figure(figsize=(WIDTH, 2.8), layout="constrained")
        axes = figure.add_subplot()
        for number, (name, curve) in enumerate(curves):
            axes.plot(curve.step, curve.value, marker="o", markersize=3, label=name, **_look(number))
        _legend_beside(axes)
        axes.set(xlabel="step of the teacher", ylabel="validation micro AUC")
        axes.grid(True)
        return inline_svg(figure, "validation micro AUC of all runs", "validation")


def _look(number: int) -> dict[str, Any]:
    """Color and line of curve `number`; told apart in black and white too."""
    return {"color": COLORS[number % len(COLORS)], "linestyle": LINES[number % len(LINES)]}


def _legend_beside(axes: Axes) -> None:
    axes.legend(loc="upper left", bbox_to_anchor=(1, 1))
