"""Run directories without a training, and what stands on a page."""

import json
from dataclasses import dataclass, field
from html.parser import HTMLParser
from pathlib import Path

import numpy as np
import yaml

from aed_lightning.core import FrameScores
from aed_lightning.metrics import evaluate, smoothed_scores

SIGMA = 2.0
LABELS = {
    "film_a": np.repeat([0, 1, 0], [40, 30, 50]),
    "film_b": np.repeat([0, 1, 0, 1], [20, 25, 35, 40]),
    "film_c": np.zeros(60, dtype=np.int64),
}


def scored(seed: int = 0, labels: dict[str, np.ndarray] = LABELS) -> list[FrameScores]:
    """Smoothed scores that know something of the labels."""
    draw = np.random.default_rng(seed)
    videos = [
        FrameScores(name, np.arange(len(label)), draw.normal(0.3 + 0.4 * label, 0.3), label=label)
        for name, label in labels.items()
    ]
    return smoothed_scores(videos, SIGMA)


def figures_of(videos: list[FrameScores], seed: int = 0) -> dict:
    """What Evaluation writes of such scores."""
    standard = evaluate(videos, sigma_frames=SIGMA)
    official = evaluate(videos, "official")
    per_video = standard.pop("per_video_auc")
    official.pop("per_video_auc_padded")
    motion = scored(seed + 100, {video.video: np.asarray(video.label) * 0 for video in videos})
    motion = [FrameScores(m.video, m.frame_index, m.raw, label=v.label) for m, v in zip(motion, videos, strict=True)]
    trivial = evaluate(motion, sigma_frames=SIGMA)
    return {
        "version": 1,
        **{"dataset": "films", "split": "test", "stage": "student", "epoch": 3, "seed": seed, "rule": "default"},
        **{"command": "python -m aed_lightning fit", "commit": "0123456789ab", "device": "cpu", "threads": 1},
        "rule_parameters": {"map_weight": 1.0, "mask_ratio": None},
        "smoothing": {"sigma": SIGMA},
        "localization": {
            "threshold": 0.25,
            "regions": {"rbdc": 0.5625, "tbdc": 0.75, "frames": 280},
            "pixels": {"pixel_auc": 0.8125, "pixel_auc_error": 0.0, "pixel_auc_40": None},
        },
        "delay": {"threshold": 0.9, "events": 3, "missed": 1, "median_frames": 4.5, "false_alarms": 2},
        "videos": len(videos),
        "frames": sum(len(video.raw) for video in videos),
        "per_kind": {"cart": {"auc": 0.75, "frames": 30}, "dog": {"auc": 0.625, "frames": 65}},
        "standard": standard,
        "official": official,
        "causal": {key: evaluate(videos, sigma_frames=SIGMA, causal=True)[key] for key in ("micro_auc", "macro_auc")},
        "raw": {key: evaluate(videos)[key] for key in ("micro_auc", "macro_auc")},
        "trivial": {"mean_motion": {key: trivial[key] for key in ("micro_auc", "macro_auc")}},
        "per_video": [
            {
                "video": video.video,
                "frames": len(video.raw),
                "anomalous": int(np.sum(video.label)),
                "auc": per_video.get(video.video),
            }
            for video in videos
        ],
        "seconds": 1.5,
    }


def write_scores(folder: Path, videos: list[FrameScores]) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for video in videos:
        columns = {"frame_index": video.frame_index, "raw": video.raw, "smoothed": video.smoothed}
        if video.label is not None:
            columns["label"] = video.label
        np.savez(folder / f"{video.video}.npz", **columns)


def write_log(file: Path, *lines: str) -> None:
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text("".join(f"{line}\n" for line in lines))


def write_run(root: Path, seed: int = 0, labels: dict[str, np.ndarray] = LABELS) -> Path:
    """All that a run holds and a report reads."""
    videos = scored(seed, labels)
    write_scores(root / "scores", videos)
    (root / "metrics.json").write_text(json.dumps(figures_of(videos, seed)))
    config = {"seed": seed, "run_dir": str(root), "data": {"name": "films"}, "teacher": {"learning_rate": 0.001}}
    (root / "config.yaml").write_text(yaml.safe_dump(config))
    (root / "environment.json").write_text(json.dumps({"python": "3.11", "packages": {"torch": "2.13.0"}}))
    write_log(
        root / "logs" / "teacher" / "metrics.csv",
        "epoch,step,train/teacher_loss,val/micro_auc,val/score",
        "0,9,0.5,,",
        "0,9,,0.6,0.6",
        "1,19,0.25,,",
        "1,19,,0.7,0.7",
    )
    write_log(
        root / "logs" / "student" / "metrics.csv", "epoch,step,train/student_loss,test/micro_auc", "0,9,0.125,0.9"
    )
    return root


@dataclass
class Page(HTMLParser):
    """A parsed page: elements, text, and the tables of each section."""

    elements: list[tuple[str, dict[str, str | None]]] = field(default_factory=list)
    words: list[str] = field(default_factory=list)
    tables: dict[str, list[list[str]]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        super().__init__()
        self.section, self.cell, self.exact = "", None, None

    @staticmethod
    def of(file: Path) -> "Page":
        page = Page()
        page.feed(file.read_text(encoding="utf-8"))
        page.close()
        return page

    def handle_starttag(self, tag, attrs):
        self.elements.append((tag, dict(attrs)))
        if tag == "section":
            self.section = dict(attrs)["id"]
        elif tag == "tr":
            self.tables.setdefault(self.section, []).append([])
        elif tag in ("td", "th"):
            self.cell, self.exact = [], None
        elif tag == "data":
            self.exact = dict(attrs)["value"]

    def handle_endtag(self, tag):
        if tag in ("td", "th"):
            self.tables[self.section][-1].append(self.exact or "".join(self.cell).strip())
            self.cell = None

    def handle_data(self, text):
        self.words.append(text)
        if self.cell is not None:
            self.cell.append(text)

    @property
    def text(self) -> str:
        return "".join(self.words)

    def row(self, section: str, first: str) -> list[str]:
        """The cells after the one that says `first`; figures as exactly as the page knows them."""
        (found,) = [row for row in self.tables[section] if row and row[0] == first]
        return found[1:]

    def links(self) -> list[str]:
        """Everything that could make a browser load something."""
        names = ("src", "href", "xlink:href", "srcset", "action", "data", "poster", "background")
        return [value or "" for _, attributes in self.elements for key, value in attributes.items() if key in names]
