from pathlib import Path

import pytest
import yaml

from aed_lightning.anomalies import Mixed, ProceduralTraining, SelfCut
from aed_lightning.cli.training import AedCLI
from aed_lightning.core import UsageError

NESTED = """\
data:
  anomalies:
    class_path: aed_lightning.anomalies.Mixed
    init_args:
      shares: [3, 1]
      sources:
        - class_path: aed_lightning.anomalies.SelfCut
          init_args:
            changes: [larger, gliding]
            area_share: [0.01, 0.1]
            cutting:
              difference: 20
              shortest: 5
        - class_path: aed_lightning.anomalies.Mixed
          init_args:
            shares: [1.0]
            sources:
              - class_path: aed_lightning.anomalies.ProceduralTraining
                init_args:
                  contrast: [20, 120]
"""


def parse(*arguments: object) -> AedCLI:
    return AedCLI([str(argument) for argument in arguments], "fit")


def assert_as_configured(source: object) -> None:
    assert isinstance(source, Mixed)
    assert source.shares == [0.75, 0.25]
    cut, inner = source.sources
    assert isinstance(cut, SelfCut)
    assert (cut.changes, cut.area_share, cut.change_share) == (("larger", "gliding"), (0.01, 0.1), 0.25)
    assert (cut.cutting.difference, cut.cutting.shortest) == (20.0, 5)
    assert isinstance(inner, Mixed)
    (procedural,) = inner.sources
    assert isinstance(procedural, ProceduralTraining)
    assert procedural.ranges.contrast == (20.0, 120.0)


@pytest.fixture
def nested(tmp_path: Path) -> Path:
    (tmp_path / "nested.yaml").write_text(NESTED)
    return tmp_path / "nested.yaml"


def test_a_configuration_can_nest_sources(squares, nested: Path):
    assert_as_configured(parse("--config", squares.config, "--config", nested).datamodule.anomalies)


def test_the_written_configuration_nests_the_same_sources(squares, nested: Path, tmp_path: Path):
    parse("--config", squares.config, "--config", nested, "--run_dir", tmp_path / "run").write_run_files()
    written = yaml.safe_load((tmp_path / "run/config.yaml").read_text())["data"]["anomalies"]
    assert written["init_args"]["sources"][0]["init_args"]["cutting"]["most_share"] == 0.09
    assert_as_configured(parse("--config", tmp_path / "run/config.yaml").datamodule.anomalies)


def test_a_source_and_its_arguments_can_be_named_in_the_command(squares):
    name = "aed_lightning.anomalies.SelfCut"
    cli = parse("--config", squares.config, "--data.anomalies", name, "--data.anomalies.change_share", 0.5)
    assert isinstance(cli.datamodule.anomalies, SelfCut)
    assert cli.datamodule.anomalies.change_share == 0.5


def test_what_a_source_refuses_is_refused_with_its_message(squares, tmp_path: Path):
    (tmp_path / "bad.yaml").write_text(NESTED.replace("[3, 1]", "[3, -1]"))
    with pytest.raises(UsageError, match=r"shares \[3\.0, -1\.0\]: none may be negative"):
        parse("--config", squares.config, "--config", tmp_path / "bad.yaml")


def test_a_change_that_does_not_exist_is_refused_by_name(squares, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    (tmp_path / "bad.yaml").write_text(NESTED.replace("gliding", "flying"))
    with pytest.raises(SystemExit):
        parse("--config", squares.config, "--config", tmp_path / "bad.yaml")
    assert "flying" in capsys.readouterr().err
