from pathlib import Path

import pytest

from aed_lightning.cli import demo, fit, score, toy
from aed_lightning.cli.help_text import wants_help


def test_demo_draws_the_benchmark_and_fits_on_it_going_on_where_it_was(monkeypatch: pytest.MonkeyPatch):
    calls = []
    monkeypatch.setattr(toy, "run", lambda arguments: calls.append(("toy", list(arguments))) or 0)
    monkeypatch.setattr(fit, "run", lambda arguments: calls.append(("fit", list(arguments))) or 0)
    assert demo.run(["--seed", "1"]) == 0
    verb, arguments = calls[1]
    assert calls[0] == ("toy", [])
    assert verb == "fit"
    assert arguments[arguments.index("--config") + 1] == "configs/toy.yaml"
    assert arguments[arguments.index("--run_dir") + 1] == "runs/demo"
    assert arguments[arguments.index("--resume") + 1] == "auto"
    assert arguments[-2:] == ["--seed", "1"]
    assert (Path(__file__).parents[2] / demo.CONFIG).is_file()


def test_toy_hands_its_options_on(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys):
    calls = []

    def write(out: Path, *, progress, **options) -> None:
        progress(1, 3)
        calls.append((out, options))

    monkeypatch.setattr("aed_lightning.toy.write_toy", write)
    assert toy.run(["--out", str(tmp_path), "--height", "90", "--width", "160", "--seed", "4", "--processes", "1"]) == 0
    assert calls == [(tmp_path, {"size": (90, 160), "seed": 4, "processes": 1})]
    assert "toy: 1 of 3 videos" in capsys.readouterr().out


def test_toy_refuses_an_unknown_option():
    with pytest.raises(SystemExit, match="2"):
        toy.run(["--frames", "3"])


@pytest.mark.parametrize(
    ("arguments", "wanted"), [([], False), (["-h"], True), (["--x", "--help"], True), (["help"], False)]
)
def test_help_is_asked_for_with_either_option(arguments: list[str], wanted: bool):
    assert wants_help(arguments) is wanted


@pytest.mark.parametrize(
    "wrong", [["rtsp://me:secret@cam/live?key=hidden"], ["--seconds", "rtsp://me:secret@cam/live?key=hidden"]]
)
def test_a_command_line_with_an_address_out_of_place_is_refused_without_its_password(wrong: list[str], capsys):
    with pytest.raises(SystemExit, match="2"):
        score.run(["--weights", "runs/demo", "--source", "0", "--out", "scored", *wrong])
    errors = capsys.readouterr().err
    assert "rtsp://cam/live" in errors
    assert "secret" not in errors
    assert "hidden" not in errors
