"""The table at the end of a run."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table


def print_summary(console: Console, figures: Mapping[str, Any], run_dir: Path) -> None:
    """Print the figures of metrics.json that decide, and where the rest is."""
    table = Table(title=f"{figures['dataset']}, {figures['videos']} test videos, {figures['frames']} frames")
    table.add_column("score")
    table.add_column("micro AUC", justify="right")
    table.add_column("macro AUC", justify="right")
    official = figures["official"]
    rows = [
        (f"model, standard protocol, smoothed (sigma {figures['smoothing']['sigma']:g})", figures["standard"]),
        ("model, causal smoothing", figures["causal"]),
        ("model, not smoothed", figures["raw"]),
        (
            f"model, official protocol ({official['range']}/{official['mu']}, padded macro)",
            {**official, "macro_auc": official["macro_auc_padded"]},
        ),
        *((f"{name}, no model", values) for name, values in figures["trivial"].items()),
    ]
    for name, values in rows:
        table.add_row(name, _number(values["micro_auc"]), _number(values["macro_auc"]))
    console.print(table)
    if figures["per_kind"]:
        kinds = Table(title="AUC by kind of anomaly, against all normal frames")
        kinds.add_column("kind")
        kinds.add_column("frames", justify="right")
        kinds.add_column("AUC", justify="right")
        for kind, values in sorted(figures["per_kind"].items(), key=lambda item: -item[1]["auc"]):
            kinds.add_row(kind, str(values["frames"]), _number(values["auc"]))
        console.print(kinds)
    for line in (_localization(figures.get("localization", {})), _delay(figures.get("delay"))):
        if line:
            console.print(line)
    written = (run_dir / name for name in ("metrics.json", "scores", "model.safetensors"))
    console.print(", ".join(str(path) for path in written if path.exists()))


def _localization(figures: Mapping[str, Any]) -> str:
    regions, pixels = figures.get("regions", {}), figures.get("pixels", {})
    named = {"RBDC": regions.get("rbdc"), "TBDC": regions.get("tbdc"), "pixel AUC": pixels.get("pixel_auc")}
    parts = [f"{name} {_number(value)}" for name, value in named.items() if value is not None]
    return f"where: {', '.join(parts)}" if parts else ""


def _delay(figures: Mapping[str, Any] | None) -> str:
    if figures is None:
        return "no delay of detection, no boxes: the weights have no threshold for this rule and this smoothing"
    median, hourly = figures["median_frames"], figures["false_alarms_per_hour"]
    alarms = f"{figures['false_alarms']} false alarms" + ("" if hourly is None else f", {hourly:.1f} an hour")
    delay = "" if median is None else f"median delay {median:g} frames, "
    return f"when: {delay}{figures['missed']} of {figures['events']} events missed, {alarms}"


def _number(value: float | None) -> str:
    return "-" if value is None else f"{value:.4f}"
