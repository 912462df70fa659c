from pathlib import Path

import pytest
import torch

from aed_lightning.__main__ import main
from aed_lightning.core import RunPaths
from aed_lightning.model import AutoEncoder
from aed_lightning.model.weights import save_weights
from aed_lightning.runtime import export
from aed_lightning.runtime.scorer import load


@pytest.fixture
def weights(tmp_path: Path) -> Path:
    torch.manual_seed(0)
    network = AutoEncoder((32, 64), 8, encoder_dim=16, encoder_depth=1, decoder_dim=16, teacher_depth=2, heads=2)
    with torch.no_grad():
        for value in network.parameters():
            value.add_(0.1 * torch.randn_like(value))
    save_weights(RunPaths(tmp_path / "run"), network, {"stage": "student", "channels": 1, "clip_offset": 2})
    return tmp_path / "run"


def exported(weights: Path, file: Path, capsys) -> str:
    assert main(["export", "--weights", str(weights), "--out", str(file)]) == 0
    assert file.is_file()
    said = capsys.readouterr().out
    assert "frames uint8 (clips, 3, 1, 32, 64), 2 frames from one to the next" in said
    assert "mask bool (clips, 1, 32) with 16 false in each" in said
    return said


def test_a_program_scores_as_the_scorer_does(weights: Path, tmp_path: Path, capsys):
    exported(weights, file := tmp_path / "graph.pt2", capsys)
    engine = load(weights, precision="32-true").engine
    frames, mask = engine.graph.example(clips=3)
    expected = engine(frames, mask)
    for found, wanted in zip(torch.export.load(file).module()(frames, mask), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-4, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("suffix", [".onnx", ".xml"])
def test_files_for_other_programs_are_written_and_run(weights: Path, tmp_path: Path, capsys, suffix):
    exported(weights, tmp_path / f"graph{suffix}", capsys)


def test_what_differs_from_pytorch_is_said(weights: Path, tmp_path: Path, capsys, monkeypatch):
    monkeypatch.setattr(export, "TOLERANCE", -1.0)
    assert main(["export", "--weights", str(weights), "--out", str(tmp_path / "graph.pt2")]) == 1
    assert "more than -1e+00; take another format" in capsys.readouterr().err


def test_refusals(weights: Path, tmp_path: Path, capsys, monkeypatch):
    assert main(["export", "--weights", str(weights), "--out", str(tmp_path / "graph.tflite")]) == 2
    assert "graph.tflite: give a name that ends with .onnx, .xml, .pt2" in capsys.readouterr().err
    monkeypatch.setattr(export.importlib.util, "find_spec", lambda name: None)
    assert main(["export", "--weights", str(weights), "--out", str(tmp_path / "graph.onnx")]) == 2
    assert ".onnx needs onnx, onnxscript, onnxruntime; install them with" in capsys.readouterr().err
