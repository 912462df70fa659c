from pathlib import Path

from aed_lightning.core import RunPaths

PATHS = RunPaths(Path("runs/ped2"))


def test_files_of_a_run_have_the_names_that_other_programs_read():
    named = {
        PATHS.config: "config.yaml",
        PATHS.environment: "environment.json",
        PATHS.weights: "model.safetensors",
        PATHS.model: "model.json",
        PATHS.metrics: "metrics.json",
        PATHS.scores: "scores",
    }
    for path, name in named.items():
        assert path == Path("runs/ped2") / name


def test_each_stage_has_its_own_checkpoints():
    assert PATHS.last_checkpoint("teacher") == Path("runs/ped2/checkpoints/teacher/last.ckpt")
    assert PATHS.last_checkpoint("student") == Path("runs/ped2/checkpoints/student/last.ckpt")
    assert PATHS.last_checkpoint("student").parent == PATHS.checkpoints("student")


def test_looking_at_paths_creates_nothing(tmp_path):
    paths = RunPaths(tmp_path / "run")
    assert not paths.last_checkpoint("teacher").exists()
    assert not paths.root.exists()
