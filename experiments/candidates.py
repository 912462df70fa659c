"""AUC of candidate scores by grade of cut-outs: python candidates.py --config CONFIG --weights RUN [--data.root ROOT]

RUN: a run directory. Reads training videos only: objects are cut out of the held-out videos and pasted back into
them, one change at a time, in events of 36 frames back to back; their frames are ranked against the same videos as they
are, with a decoy, with a decoy anywhere, and with four of them, as many of each. Levels are those of the weights. No
test video is opened.
"""

import sys
import tempfile
from collections.abc import Callable, Iterator
from functools import partial, reduce
from pathlib import Path

import numpy as np
import torch
from scipy import ndimage

from aed_lightning.anomalies import Carrying, ProceduralValidation, SelfCut
from aed_lightning.anomalies import self_cut as self_cut_file
from aed_lightning.anomalies.bank import Bank, write_bank
from aed_lightning.anomalies.cutting import Cutting
from aed_lightning.anomalies.pasting import Instants
from aed_lightning.anomalies.self_cut import Change
from aed_lightning.anomalies.source import MovingObject
from aed_lightning.anomalies.together import Together
from aed_lightning.cli.training import AedCLI
from aed_lightning.core import generator
from aed_lightning.core.clip import Clips, PastePlan
from aed_lightning.data.clips import View
from aed_lightning.metrics.official import zero_padded_filter
from aed_lightning.metrics.ranking import area_under_roc
from aed_lightning.model.weights import load_weights
from aed_lightning.scoring.maps import relative_discrepancy, relative_error, relative_logit, relative_map

EVENT = 36
Frames = dict[str, np.ndarray]
GRADES: dict[str, tuple[tuple[Change, ...], tuple[float, float] | None]] = {
    "faster 1.3": (("faster",), (1.3, 1.3)),
    "faster 1.7": (("faster",), (1.7, 1.7)),
    "faster 2.2": (("faster",), (2.2, 2.2)),
    "gliding 1.7": (("gliding",), (1.7, 1.7)),
    "gliding 2.2": (("gliding",), (2.2, 2.2)),
    "stiff": (("stiff",), None),
    "larger": (("larger",), None),
    "larger, gliding": (("larger", "gliding"), (1.5, 2.0)),
    "stretched": (("stretched",), None),
    "turned": (("turned",), None),
    "smaller": (("smaller",), None),
    "elsewhere": (("elsewhere",), None),
}
NAMES = (*GRADES, "carrying")
NORMAL = ("plain", "decoys", "roaming decoys", "crowd")


class BackToBack:
    """One object after another, each in the middle of its way after half of its `EVENT` frames."""

    def __init__(self, draw: Callable[[np.random.Generator], MovingObject], decoy: bool = False) -> None:
        self._draw, self._decoy = draw, decoy

    def plan(self, video: str, instants: Instants, epoch: int) -> PastePlan:
        event = instants[1] // EVENT
        moving = self._draw(generator(0, "event", video, event))
        before, now, after = (moving.sprite(instant - event * EVENT - EVENT // 2) for instant in instants)
        sprites = (before, now, after)
        return PastePlan(decoy=sprites) if self._decoy else PastePlan(anomaly=sprites)


def views(cli: AedCLI, bank: Bank) -> Iterator[tuple[str, View]]:
    """Grade ("plain" for the videos as they are, "decoys") and view."""
    size, channels = cli.datamodule.frame_size, cli.datamodule.store.channels

    def drawn(changes: tuple[Change, ...], faster: tuple[float, float] | None, numbers: np.random.Generator):
        source = SelfCut(changes=changes, change_share=float(len(changes) > 1))
        source.use(bank)
        usual = self_cut_file._FASTER
        self_cut_file._FASTER = faster or usual
        try:
            return source.draw(numbers, size, channels)
        finally:
            self_cut_file._FASTER = usual

    def decoy(numbers: np.random.Generator, roam: float = 0.0):
        source = SelfCut(decoys_roam=roam)
        source.use(bank)
        return source.draw_decoy(numbers, size, channels)

    def crowd(numbers: np.random.Generator):
        return reduce(partial(Together, grade="crowd"), (decoy(numbers, roam=0.5) for _ in range(4)))

    def carrying(numbers: np.random.Generator):
        people = SelfCut()
        people.use(bank)
        return Carrying(people, ProceduralValidation()).draw(numbers, size, channels)

    for row in cli.datamodule.training_rows()[1]:
        yield "plain", View(row.name, row, labels_from_pasting=True)
        yield "decoys", View(f"{row.name} decoys", row, BackToBack(decoy, decoy=True), labels_from_pasting=True)
        pasting = BackToBack(partial(decoy, roam=1.0), decoy=True)
        yield "roaming decoys", View(f"{row.name} roaming decoys", row, pasting, labels_from_pasting=True)
        yield "crowd", View(f"{row.name} crowd", row, BackToBack(crowd, decoy=True), labels_from_pasting=True)
        pasting = BackToBack(carrying)
        yield "carrying", View(f"{row.name} carrying", row, pasting, labels_from_pasting=True)
        for grade, (changes, faster) in GRADES.items():
            pasting = BackToBack(partial(drawn, changes, faster))
            yield grade, View(f"{row.name} {grade}", row, pasting, labels_from_pasting=True)


def scored(cli: AedCLI, loader: Iterator[Clips]) -> dict[str, Frames]:
    """Of each view, in order of the frames: error, map and discrepancy per place, the map in spreads above what it is
    anywhere, logit in spreads, label."""
    stage = cli.build_stage("student").eval()
    found: dict[str, list] = {}
    for clips in loader:
        batch = cli.datamodule.finish(clips)
        with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
            output = stage.reconstruct_to_score(batch, True)
        gap, logit = relative_discrepancy(output), relative_logit(output)
        assert gap is not None
        assert logit is not None
        error = relative_error(batch.inputs, output, cli.network.patch_size)
        columns = (error, relative_map(output), relative_map(output, per_place=False), gap, logit, batch.label)
        for clip, view in enumerate(batch.video):
            found.setdefault(view, []).append([column[clip].numpy() for column in columns])
    names = ("error", "map", "map anywhere", "discrepancy", "logit", "label")
    return {view: dict(zip(names, map(np.array, zip(*rows, strict=True)), strict=True)) for view, rows in found.items()}


def top(tokens: np.ndarray, number: int) -> np.ndarray:
    return np.sort(tokens, axis=1)[:, -number:].mean(axis=1)


def candidates() -> dict[str, Callable[[Frames], np.ndarray]]:
    found: dict[str, Callable[[Frames], np.ndarray]] = {
        "logit": lambda of: of["logit"],
        "map anywhere": lambda of: top(of["map anywhere"], 4),
    }
    for number in (1, 4, 16):
        found[f"map, {number} highest"] = lambda of, n=number: top(of["map"], n)
        found[f"discrepancy, {number} highest"] = lambda of, n=number: top(of["discrepancy"], n)
        found[f"error, {number} highest"] = lambda of, n=number: top(of["error"], n)
    for error, gap in ((0.0, 0.0), (0.25, 0.0), (0.0, 0.5), (0.0, 1.0)):
        for logit in (0.5, 1.0, 2.0, 4.0):
            for floor in (3.0, 5.0, 7.0):
                found[f"map + {error} error + {gap} discrepancy + {logit} logit - {floor}"] = (
                    lambda of, e=error, g=gap, w=logit, f=floor: np.logaddexp(
                        0, top(of["map"] + e * of["error"] + g * of["discrepancy"], 4) + w * of["logit"] - f
                    )
                )
    for weight in (1.0, 0.5, 0.25, 0.125, 0.0625):
        for floor in (0.0, 1.5, 3.0):
            found[f"{weight} map anywhere + logit - {floor}"] = lambda of, w=weight, f=floor: np.logaddexp(
                0, w * top(of["map anywhere"], 4) + of["logit"] - f
            )
    for floor in (1.0, 2.0, 3.0, 5.0, 8.0):
        found[f"map anywhere - {floor}"] = lambda of, f=floor: np.logaddexp(0, top(of["map anywhere"], 4) - f)
    for floor in (0.0, 2.0, 3.0, 5.0):
        found[f"2 logit - {floor}"] = lambda of, f=floor: np.logaddexp(0, 2 * of["logit"] - f)
    return found


def auc(normal: np.ndarray, anomalous: np.ndarray) -> float:
    return area_under_roc(np.concatenate([normal, anomalous]), np.arange(len(normal) + len(anomalous)) >= len(normal))


def main() -> None:
    cli = AedCLI(sys.argv[1:], "candidates", lambda parser: parser.add_argument("--weights", type=Path, required=True))
    data = cli.datamodule
    data.prepare_data()
    cli.network.load_state_dict(load_weights(cli.config.weights)[0].state_dict())
    with tempfile.TemporaryDirectory() as folder:
        held_out = [(row.name, data.store.frames(row)) for row in data.training_rows()[1]]
        write_bank(Path(folder), Cutting(most_share=0.012), held_out)
        graded = list(views(cli, Bank(Path(folder))))
        data.batch_size = 32
        found = scored(cli, data._loader([view for _, view in graded]))
    plain = np.concatenate([top(found[view.name]["map anywhere"], 4) for grade, view in graded if grade == "plain"])
    print("map anywhere, 4 highest, quartiles of plain frames:", np.quantile(plain, (0.25, 0.5, 0.75)).round(2))
    filters: dict[str, Callable[[np.ndarray], np.ndarray]] = {
        "not smoothed": lambda scores: scores,
        "sigma 5": lambda scores: ndimage.gaussian_filter1d(scores, 5.0),
        "official": lambda scores: zero_padded_filter(scores, 38, 11),
    }
    for name, smooth in filters.items():
        print(f"\n{name}; {'; '.join(NAMES)}; mean; mean of faster and gliding; decoys, crowd against plain")
        results = []
        for candidate, score in candidates().items():
            by_grade: dict[str, list[np.ndarray]] = {}
            for grade, view in graded:
                frames = found[view.name]
                smoothed = smooth(score(frames).astype(np.float64))
                anomalous = frames["label"] == 1
                by_grade.setdefault(grade, []).append(smoothed[anomalous] if grade in NAMES else smoothed)
            joined = {grade: np.concatenate(scores) for grade, scores in by_grade.items()}
            normal = np.concatenate([joined[grade] for grade in NORMAL])
            row = [auc(normal, joined[grade]) for grade in NAMES]
            against_plain = [auc(joined["plain"], joined[kind]) for kind in ("decoys", "crowd")]
            results.append((candidate, row, against_plain))
        for candidate, row, normals in sorted(results, key=lambda result: -np.mean(result[1])):
            figures = "  ".join(f"{value:.3f}" for value in row)
            means = "  ".join(f"{value:.4f}" for value in (np.mean(row), np.mean(row[:5]), *normals))
            print(f"{candidate:<55} {figures}   {means}", flush=True)


if __name__ == "__main__":
    main()
