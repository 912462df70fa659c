from pathlib import Path

import pytest

from aed_lightning.__main__ import main
from aed_lightning.cli.training import AedCLI

REPOSITORY = Path(__file__).parents[1]
CONFIGS = sorted((REPOSITORY / "configs").glob("*.yaml"))
OVERRIDES = sorted((REPOSITORY / "configs/overrides").glob("*.yaml"))

ONLY_FOR = {"toy-long": "toy", "short": "toy", "ped2-240x360": "ped2"}


def name_of(file: Path | None) -> str:
    return "alone" if file is None else file.stem


def pairs() -> list[tuple[Path, Path | None]]:
    return [
        (config, override)
        for config in CONFIGS
        for override in [None, *OVERRIDES]
        if ONLY_FOR.get(name_of(override), config.stem) == config.stem
    ]


def test_the_promised_configurations_are_there():
    assert {"toy", "ped2", "avenue", "shanghaitech", "ubnormal"} <= {file.stem for file in CONFIGS}
    assert {"official", "debug"} <= {file.stem for file in OVERRIDES}


@pytest.mark.parametrize(("config", "override"), pairs(), ids=name_of)
def test_every_configuration_builds_network_and_data_module(config: Path, override: Path | None, monkeypatch):
    monkeypatch.setenv("WANDB_RUN_ID", "abc")
    arguments = ["--config", str(config)]
    if override is not None:
        arguments += ["--config", str(override)]
    cli = AedCLI(arguments, "fit")
    assert cli.datamodule.name == config.stem
    assert cli.datamodule.root == Path("data") / config.stem
    assert cli.paths.root == Path("runs") / ("sweeps/abc" if name_of(override) == "agent" else config.stem)
    height, width = cli.datamodule.frame_size
    assert cli.network.tokens == (height // cli.network.patch_size) * (width // cli.network.patch_size)
    assert cli.rule.name == ("official" if name_of(override) == "official" else "default")


@pytest.mark.parametrize("config", CONFIGS, ids=name_of)
def test_without_data_fit_says_so_once_and_trains_nothing(
    config: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.chdir(tmp_path)
    assert main(["fit", "--config", str(config)]) == 1
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert f"data/{config.stem}" in error
    assert "Traceback" not in error
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("config", [*CONFIGS, *OVERRIDES], ids=name_of)
def test_every_configuration_begins_with_its_command(config: Path):
    comment = []
    for line in config.read_text().splitlines():
        if not line.startswith("#"):
            break
        comment.append(line)
    assert any("python -m aed_lightning fit --config" in line for line in comment)
