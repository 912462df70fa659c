"""The page of one run."""

import base64
import json
import math
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import jinja2
import yaml
from markupsafe import Markup

from ..core import FrameScores, write_text
from ..metrics.ranking import area_under_roc
from .figures import learning_curves, roc_figure, score_curve, score_limits
from .notes import notes_on, pooled
from .run_files import Run, read_run
from .worst import APART_FRAMES, Mistake, worst_frames

MISTAKES: tuple[tuple[Mistake, str, str], ...] = (
    ("false_alarms", "False alarms: normal frames that score high", "anomalous frames below"),
    ("misses", "Misses: anomalous frames that score low", "normal frames above"),
)


def write_report(root: Path, file: Path) -> None:
    """Write the page of the run at `root`; it needs no other file, no script and no network.

    Raises UsageError and DataError as `read_run` does.
    """
    write_text(file, render("report.html", report_content(read_run(root))))


def render(template: str, content: Mapping[str, Any]) -> str:
    """A page; text becomes markup nowhere but in the figures, which are drawn here."""
    environment = jinja2.Environment(
        loader=jinja2.PackageLoader("aed_lightning.report"), autoescape=True, trim_blocks=True, lstrip_blocks=True
    )
    environment.filters["figure"] = figure
    return environment.get_template(template).render(content)


def figure(value: Any) -> str:
    """A figure as tables show it: numbers with four decimals, whole ones as they are, none as a dash."""
    if value is None:
        return "–"
    return f"{value:.4f}" if isinstance(value, float) else str(value)


def report_content(run: Run) -> dict[str, Any]:
    """What the page says of a run."""
    metrics = run.metrics
    place = {video.video: number for number, video in enumerate(run.videos, start=1)}
    made = {**run.environment, **(metrics or {})}
    return {
        "run": run,
        "metrics": metrics,
        "dataset": made.get("dataset") or _configured_name(run.config) or "unnamed data set",
        "notes": notes_on(run),
        "facts": _facts(metrics or {}),
        "scores": _model_scores(metrics or {}),
        "kinds": sorted((metrics or {}).get("per_kind", {}).items(), key=lambda kind: _or_infinity(kind[1].get("auc"))),
        "places": _places(metrics or {}),
        "roc": _roc(run),
        "stages": _stages(run),
        "worst": _worst(run),
        "apart": APART_FRAMES,
        "per_video": [(row, place.get(str(row.get("video")))) for row in (metrics or {}).get("per_video", [])],
        "videos": _score_curves(run.videos),
        "command": made.get("command"),
        "commit": made.get("commit"),
        "environment": json.dumps(run.environment, indent=1, ensure_ascii=False) if run.environment else "",
        "config": yaml.safe_dump(run.config, sort_keys=False, allow_unicode=True) if run.config else "",
    }


def _configured_name(config: Mapping[str, Any]) -> Any:
    data = config.get("data")
    return data.get("name") if isinstance(data, dict) else None


def _or_infinity(value: Any) -> float:
    return float(value) if isinstance(value, int | float) else math.inf


def _facts(metrics: Mapping[str, Any]) -> list[tuple[str, Any]]:
    parameters = metrics.get("rule_parameters") or {}
    rule = ", ".join(f"{name} {value}" for name, value in parameters.items()) if isinstance(parameters, dict) else ""
    known = {
        "stage": f"{metrics.get('stage')}, after its last epoch ({metrics.get('epoch')}, counted from 0)",
        "rule": f"{metrics.get('rule')} ({rule})" if rule else metrics.get("rule"),
        "seed": metrics.get("seed"),
        "device": metrics.get("device"),
        "threads": metrics.get("threads"),
        "seconds of scoring": metrics.get("seconds"),
        "commit": metrics.get("commit"),
    }
    return [(name, value) for name, value in known.items() if value is not None]


def _model_scores(metrics: Mapping[str, Any]) -> list[tuple[str, Any]]:
    names = (("standard", "model, smoothed"), ("causal", "model, smoothed with the past only"), ("raw", "model, raw"))
    return [(name, metrics[key]) for key, name in names if metrics.get(key)]


def _places(metrics: Mapping[str, Any]) -> list[tuple[str, Any]]:
    """Figures of where and when anomalies were found; empty where nothing was to be compared with."""
    found = metrics.get("localization", {})
    regions, pixels, delay = found.get("regions", {}), found.get("pixels", {}), metrics.get("delay", {})
    named = {
        "RBDC, regions found": regions.get("rbdc"),
        "TBDC, tracks found": regions.get("tbdc"),
        "pixel AUC": pixels.get("pixel_auc"),
        "pixel AUC, 40 % of the mask": pixels.get("pixel_auc_40"),
        "median delay, frames": delay.get("median_frames"),
        "median delay, seconds": delay.get("median_seconds"),
        "events": delay.get("events"),
        "events missed": delay.get("missed"),
        "false alarms": delay.get("false_alarms"),
        "false alarms an hour": delay.get("false_alarms_per_hour"),
    }
    return [(name, value) for name, value in named.items() if value is not None]


def _roc(run: Run) -> Markup | None:
    found = pooled(run.videos)
    if found is None:
        return None
    raw, smoothed, anomalous = found
    legends = [
        f"{name}, AUC {area_under_roc(values, anomalous):.4f}"
        for name, values in (("smoothed", smoothed), ("raw", raw))
    ]
    return roc_figure([(legends[0], smoothed, anomalous), (legends[1], raw, anomalous)])


def _stages(run: Run) -> list[tuple[str, Markup | None, str]]:
    """Name, figure and last values of each stage; a stage that logged once has nothing to draw."""
    stages = []
    for number, stage in enumerate(dict.fromkeys(curve.stage for curve in run.curves), start=1):
        curves = [curve for curve in run.curves if curve.stage == stage]
        drawn = learning_curves(stage, curves, number) if any(len(curve.step) > 1 for curve in curves) else None
        last = ", ".join(f"{curve.name} {curve.value[-1]:.4f} (step {curve.step[-1]})" for curve in curves)
        stages.append((stage, drawn, last))
    return stages


def _worst(run: Run) -> list[tuple[str, str, list[tuple[Any, str | None]]]]:
    found = worst_frames(run.videos)
    return [
        (title, passed, [(frame, _data_uri(run.pictures.get((frame.video, frame.frame)))) for frame in found[mistake]])
        for mistake, title, passed in MISTAKES
        if found[mistake]
    ]


def _data_uri(png: bytes | None) -> str | None:
    return None if png is None else f"data:image/png;base64,{base64.b64encode(png).decode('ascii')}"


def _score_curves(videos: list[FrameScores]) -> list[tuple[FrameScores, Markup]]:
    limits = score_limits(videos)
    return [(video, score_curve(video, number, limits)) for number, video in enumerate(videos, start=1)]
