"""What each part is worth: python experiments/ablations.py toy|ped2 [--seeds 0 1 2] [--short] [--only ROW ...]

Trains and tests each row that has no metrics.json below experiments/0008-ablations/DATASET yet (DATASET-short with
--short: rows with configs/overrides/short.yaml, for toy), one seed after the other, and writes table.md there: means
over the seeds there are, and how far these lie apart. Remove a row's metrics.json to make it again. runs/ablations
holds the runs; one that was interrupted goes on. Rows of "fusion" and "hidden while scoring" score the weights of the
row "all of it" anew, or --weights; every other row is a training of its own. A row that takes away what the
configuration has not is left out, and so are, with --short, the shares of clips with an anomaly, which
experiments/sweeps/augmentation_percentage.yaml trains. Two at once want seeds, or rows, of their own.
"""

import argparse
import json
import shutil
import subprocess
import sys
from functools import reduce
from operator import getitem
from pathlib import Path
from statistics import mean

RULES = "aed_lightning.scoring.rules."
OFFICIAL = f"--scoring={RULES}OfficialRule"
FULL = "all of it"
WITHOUT_MAP_LOSS, WITHOUT_DECOYS = "without a loss of the map alone", "without decoys"
WITHOUT_POSITIONS, ALL_TOKENS = "without positions", "all tokens active"
FRAMES, ONE_OBJECT = "frames embedded, not differences", "one pasted object a clip"
TOKEN_HEAD, NO_TOKEN_HEAD = "with a head of tokens", "without a head of tokens"
PERCENTAGES = {f"{percent} % of them": percent for percent in (25, 50, 75)}
NOT_IN_TOY = (WITHOUT_MAP_LOSS, WITHOUT_DECOYS, WITHOUT_POSITIONS, ALL_TOKENS, FRAMES, ONE_OBJECT)
NOT_IN = {
    "toy": (*NOT_IN_TOY, NO_TOKEN_HEAD, "75 % of them"),
    "toy-short": (*NOT_IN_TOY, TOKEN_HEAD, *PERCENTAGES),
    "ped2": (WITHOUT_POSITIONS, "50 % of them", NO_TOKEN_HEAD),
}
SHORT = "configs/overrides/short.yaml"
SHARES = {
    "toy": {"drawn": "[0,0,1]", "cut out": "[1,0,0]", "carrying": "[0,1,0]", "drawn and cut out": "[1,0,1]"},
    "ped2": {"drawn": "[0,0,1]", "cut out": "[1,0,0]", "carrying": "[0,1,0]", "all": "[1,1,1]"},
}


def weights(anomaly_map: float, discrepancy: float, head: float, error: float = 0) -> list[str]:
    return [
        f"--scoring.error_weight={error}",
        f"--scoring.map_weight={anomaly_map}",
        f"--scoring.discrepancy_weight={discrepancy}",
        f"--scoring.head_weight={head}",
    ]


Tables = dict[str, dict[str, list[str]]]


def trained(dataset: str) -> Tables:
    """Rows that are trainings of their own, and the options that make them."""
    hidden = {"toy": 0.5, "ped2": 0.375}[dataset]  # what stays visible fills whole rows of the grid
    return {
        "components": {
            FULL: [],
            "without head": ["--model.classification_head=false"],
            TOKEN_HEAD: ["--model.token_head=true"],
            NO_TOKEN_HEAD: ["--model.token_head=false"],
            "without pasted anomalies (score: teacher error and discrepancy)": [
                "--data.augmentation_percentage=0",
                "--data.decoy_percentage=0",
                OFFICIAL,
            ],
            WITHOUT_MAP_LOSS: ["--teacher.map_loss_weight=0"],
            WITHOUT_DECOYS: ["--data.decoy_percentage=0"],
            WITHOUT_POSITIONS: ["--model.position_embedding=false"],
            ALL_TOKENS: ["--model.active_ratio=1"],
            FRAMES: ["--model.difference_gain=0"],
            ONE_OBJECT: ["--data.pasted_objects=1"],
        },
        "clips with an anomaly": {
            row: [f"--data.augmentation_percentage={percent}"] for row, percent in PERCENTAGES.items()
        },
        "weights of the tokens": {
            "all alike": ["--data.motion_weights=false"],
            "square root of the motion": ["--data.motion_weights=0.5"],
            "square of the motion": ["--data.motion_weights=2.0"],
        },
        # Of the configuration's own sources.
        "source of anomalies, no decoys": {
            name: [f"--data.anomalies.init_args.shares={shares}", "--data.decoy_percentage=0"]
            for name, shares in SHARES[dataset].items()
        },
        f"convolution of the encoder, {hidden} hidden, all tokens active": {
            name: [
                f"--model.convolution={name}",
                f"--model.mask_ratio={hidden}",
                f"--scoring.mask_ratio={hidden}",
                "--model.active_ratio=1",
            ]
            for name in ("grid", "packed")
        },
    }


SCORED: Tables = {
    "fusion": {
        "teacher error, mean": [OFFICIAL, "--scoring.discrepancy=false"],
        "teacher error and discrepancy, mean": [OFFICIAL],
        "teacher error, relative": weights(0, 0, 0, error=1),
        "discrepancy, relative": weights(0, 1, 0),
        "teacher error and discrepancy, relative": weights(0, 1, 0, error=1),
        "map, relative": weights(1, 0, 0),
        "head": weights(0, 0, 2),
        "map and head": weights(1, 0, 2),
        "all four": weights(1, 0.5, 2, error=0.5),
    },
    # Rules that need no levels: those of the weights were measured with as much hidden as the configuration says.
    "hidden while scoring, teacher error and discrepancy, mean": {
        f"{round(100 * ratio)} % hidden": [OFFICIAL, f"--scoring.mask_ratio={ratio}"] for ratio in (0.0, 0.25, 0.5)
    },
}


COLUMNS = {
    "micro AUC": ("standard", "micro_auc"),
    "macro AUC": ("standard", "macro_auc"),
    "not smoothed, micro": ("raw", "micro_auc"),
    "pixel AUC": ("localization", "pixels", "pixel_auc"),
}


def slug(row: str) -> str:
    return "".join(letter if letter.isalnum() else "-" for letter in row.partition(" (")[0])


def aed(*arguments: str) -> None:
    print("python -m aed_lightning", *arguments, flush=True)
    subprocess.run([sys.executable, "-m", "aed_lightning", *arguments], check=True)


def measure(run: Path, verb: str, common: list[str], changes: list[str], full: Path) -> None:
    if verb == "fit":
        aed("fit", *common, *changes, f"--run_dir={run}", "--resume=auto")
    else:
        shutil.rmtree(run, ignore_errors=True)  # half a test is no test
        aed("test", *common, *changes, f"--weights={full}", f"--run_dir={run}")


def line(table: str, row: str, changes: list[str], seeds: list[Path]) -> str:
    found = [json.loads(figures.read_text(encoding="utf-8")) for figures in seeds]
    columns = [[reduce(getitem, way, one) for one in found] for way in COLUMNS.values()]
    values = [f"{mean(of_seeds):.3f}" for of_seeds in columns]
    if len(seeds) > 1:
        values[0] += f" ({min(columns[0]):.3f} to {max(columns[0]):.3f})"
    told = " ".join(changes).replace(RULES, "")
    return f"| {table} | {row} | {len(seeds)} | {' | '.join(values)} | `{told}` |"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("dataset", choices=("toy", "ped2"))
    parser.add_argument("--data.root", dest="root")
    parser.add_argument("--data.store", dest="store")
    parser.add_argument("--seeds", type=int, nargs="+", default=[0])
    parser.add_argument("--short", action="store_true", help=f"with {SHORT}, which is for toy")
    parser.add_argument("--only", nargs="+", help="rows, by their names")
    parser.add_argument("--weights", type=Path, help='for rows of a score, in place of the run of "all of it"')
    options = parser.parse_args()
    if options.weights and len(options.seeds) > 1:
        parser.error("--weights: one training has one seed; give --seeds one number")
    common = [f"--config=configs/{options.dataset}.yaml"]
    common += [f"--data.root={options.root}"] if options.root else []
    common += [f"--data.store={options.store}"] if options.store else []
    name = options.dataset
    if options.short:
        common.append(f"--config={SHORT}")
        name += "-short"
        if name not in NOT_IN:
            parser.error(f"--short: {SHORT} is for toy, not for {options.dataset}")
    runs, kept = Path("runs/ablations") / name, Path("experiments/0008-ablations") / name
    wanted = [
        (verb, table, row, changes)
        for verb, tables in (("fit", trained(options.dataset)), ("test", SCORED))
        for table, rows in tables.items()
        for row, changes in rows.items()
        if row not in NOT_IN[name]
    ]
    unknown = set(options.only or ()) - {row for _, _, row, _ in wanted}
    if unknown:
        rows = "; ".join(row for _, _, row, _ in wanted)
        parser.error(f"--only {', '.join(sorted(unknown))}: no such row; there are: {rows}")
    for seed in options.seeds:
        for verb, table, row, changes in wanted:
            run = Path(slug(f"{table} {row}")) / f"seed-{seed}"
            figures = kept / run / "metrics.json"
            if not figures.is_file() and (options.only is None or row in options.only):
                full = options.weights or runs / slug(f"components {FULL}") / f"seed-{seed}"
                measure(runs / run, verb, [*common, f"--seed={seed}"], changes, full)
                figures.parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(runs / run / "metrics.json", figures)
                write_table(kept, wanted)


def write_table(kept: Path, wanted: list[tuple[str, str, str, list[str]]]) -> None:
    columns = ("", "row", "seeds", *COLUMNS, "options")
    lines = [f"| {' | '.join(columns)} |", "|---" * len(columns) + "|"]
    for _, table, row, changes in wanted:
        seeds = sorted((kept / slug(f"{table} {row}")).glob("seed-*/metrics.json"))
        if seeds:
            lines.append(line(table, row, changes, seeds))
    (kept / "table.md").write_text("\n".join(lines) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
