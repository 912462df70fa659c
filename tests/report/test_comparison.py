import csv
import json
from pathlib import Path

import pytest
import yaml
from finished_runs import LABELS, Page, write_run

from aed_lightning.core import DataError, UsageError
from aed_lightning.report.comparison import DIFFERENCES, FACTS, FIGURES, differing_keys, run_names, write_comparison


@pytest.fixture
def runs(tmp_path: Path) -> list[Path]:
    roots = [write_run(tmp_path / name, seed=seed) for seed, name in enumerate(("one", "two_*|", "three"))]
    config = yaml.safe_load((roots[2] / "config.yaml").read_text())
    config["teacher"]["learning_rate"] = 0.01
    (roots[2] / "config.yaml").write_text(yaml.safe_dump(config))
    return roots


def figures(root: Path) -> dict:
    return json.loads((root / "metrics.json").read_text())


def test_the_table_holds_the_figures_of_every_run_in_full(runs: list[Path], tmp_path: Path):
    write_comparison(runs, tmp_path / "out")
    with (tmp_path / "out" / "comparison.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert list(rows[0]) == [
        "run",
        *FIGURES,
        *DIFFERENCES,
        *FACTS,
        "auc of cart",
        "auc of dog",
        "teacher.learning_rate",
    ]
    for row, root in zip(rows, runs, strict=True):
        assert row["run"] == root.name
        for name, (block, key) in FIGURES.items():
            assert float(row[name]) == figures(root)[block][key]
        assert [row[name] for name in ("seed", "seconds", "commit")] == [
            str(figures(root)[name]) for name in ("seed", "seconds", "commit")
        ]
    assert [row["teacher.learning_rate"] for row in rows] == ["0.001", "0.001", "0.01"]


def test_page_and_markdown_show_the_same_figures(runs: list[Path], tmp_path: Path):
    write_comparison(runs, tmp_path / "out")
    page = Page.of(tmp_path / "out" / "comparison.html")
    markdown = (tmp_path / "out" / "comparison.md").read_text()
    for root in runs:
        exact = [figures(root)[block][key] for block, key in FIGURES.values()]
        assert page.row("figures", root.name) == [str(value) for value in exact]
        line = next(line for line in markdown.splitlines() if line.startswith(f"| {root.name[:3]}"))
        assert " | ".join(f"{value:.4f}" for value in exact) in line
    assert page.row("differing", "teacher.learning_rate") == ["0.001", "0.001", "0.01"]
    assert page.row("kinds", "cart") == ["0.75"] * 3
    assert "| cart | 0.7500 | 0.7500 | 0.7500 |" in markdown
    assert "| teacher.learning\\_rate | 0.001 | 0.001 | 0.01 |" in markdown
    assert "| two\\_\\*\\| |" in markdown
    labels = [attributes["aria-label"] for tag, attributes in page.elements if tag == "svg"]
    assert labels == ["figures of all runs", "ROC curve of all frames", "validation micro AUC of all runs"]
    assert [link for link in page.links() if not link.startswith("#")] == []


def test_differences_to_the_first_run_stand_beside_their_intervals(runs: list[Path], tmp_path: Path):
    write_comparison(runs, tmp_path / "out")
    with (tmp_path / "out" / "comparison.csv").open(newline="") as file:
        first, *others = csv.DictReader(file)
    assert {first[name] for name in DIFFERENCES} == {""}
    page = Page.of(tmp_path / "out" / "comparison.html")
    for row, root in zip(others, runs[1:], strict=True):
        for auc in ("micro_auc", "macro_auc"):
            told = float(row[f"{auc}_difference"])
            assert told == pytest.approx(figures(root)["standard"][auc] - figures(runs[0])["standard"][auc], abs=1e-12)
            assert float(row[f"{auc}_difference_low"]) <= told <= float(row[f"{auc}_difference_high"])
        assert page.row("differences", root.name)[0] == row["micro_auc_difference"]
    assert "Differences: only 3 videos: the intervals are too narrow." in page.text
    assert "| to one | micro\\_auc\\_difference |" in (tmp_path / "out" / "comparison.md").read_text()


def test_equal_scores_have_a_difference_of_nothing(tmp_path: Path):
    roots = [write_run(tmp_path / name) for name in ("one", "two")]
    write_comparison(roots, tmp_path / "out")
    page = Page.of(tmp_path / "out" / "comparison.html")
    assert page.row("differences", "two")[0] == "0.0"
    assert "No difference of" not in page.text


def test_runs_that_differ_in_the_seed_only_are_told_so(runs: list[Path], tmp_path: Path):
    write_comparison(runs[:2], tmp_path / "out")
    page = Page.of(tmp_path / "out" / "comparison.html")
    assert "Nothing but the seed and the run directory." in page.text


def test_figures_that_cannot_be_compared_are_told(tmp_path: Path):
    roots = [write_run(tmp_path / "one"), write_run(tmp_path / "two", labels={"a": LABELS["film_b"]})]
    (roots[1] / "config.yaml").unlink()
    write_comparison(roots, tmp_path / "out")
    text = Page.of(tmp_path / "out" / "comparison.html").text
    assert "scored different numbers of frames" in text
    assert "No config.yaml in two" in text
    assert "No difference of two to one: a, film_a, film_b, film_c: scored on one side only" in text
    with (tmp_path / "out" / "comparison.csv").open(newline="") as file:
        assert {row["micro_auc_difference"] for row in csv.DictReader(file)} == {""}
    (roots[0] / "metrics.json").write_text(json.dumps(figures(roots[0]) | {"dataset": "<b>other"}))
    write_comparison(roots, tmp_path / "out")
    page = Page.of(tmp_path / "out" / "comparison.html")
    assert "different data sets (<b>other, films)" in page.text
    assert "b" not in {tag for tag, _ in page.elements}


def test_differing_keys_tell_null_from_a_key_that_is_not_there():
    one = {"a": {"b": 1, "c": None}, "seed": 0, "list": [1, 2]}
    two = {"a": {"b": 1, "c": 3}, "seed": 1, "list": [1, 3], "new": 1}
    assert differing_keys([one, two]) == {"a.c": ["null", 3], "list": [[1, 2], [1, 3]], "new": [None, 1]}
    assert differing_keys([one, {}, one]) == {}


def test_where_a_run_is_logged_is_no_difference():
    logged = {"trainer": {"logger": {"class_path": "WandbLogger", "init_args": {"project": "x"}}, "devices": 1}}
    assert differing_keys([logged, {"trainer": {"logger": None, "devices": 1}}]) == {}


def test_folders_of_one_name_are_told_apart_by_their_paths(tmp_path: Path):
    assert run_names([tmp_path / "a" / "run", tmp_path / "b"]) == ["run", "b"]
    assert run_names([tmp_path / "a" / "run", tmp_path / "b" / "run"]) == [str(tmp_path / x / "run") for x in "ab"]


def test_too_few_runs_a_run_twice_and_an_unfinished_run_are_refused(runs: list[Path], tmp_path: Path):
    with pytest.raises(UsageError, match="give two runs or more"):
        write_comparison(runs[:1], tmp_path / "out")
    with pytest.raises(UsageError, match="one is given twice"):
        write_comparison([runs[0], runs[1], runs[0] / ".." / "one"], tmp_path / "out")
    (runs[1] / "metrics.json").unlink()
    with pytest.raises(DataError, match=r"no metrics\.json in .*two.*: finish or evaluate"):
        write_comparison(runs, tmp_path / "out")
    assert not (tmp_path / "out").exists()
