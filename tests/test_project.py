import re
import shutil
import subprocess
import tomllib
from pathlib import Path

import pytest
from importlinter.cli import lint_imports

import aed_lightning

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "aed_lightning"
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
MODULES = sorted(PACKAGE.rglob("*.py"))
ROOMS = sorted(path.parent.name for path in PACKAGE.glob("*/__init__.py"))
TARGETS = {"help", "setup", "demo", "test", "test-all", "test-cluster", "check", "format"}
NAMES_THAT_SAY_NOTHING = {"utils", "util", "helpers", "helper", "common", "misc", "base"}
TEXT_SUFFIXES = {"", ".py", ".md", ".toml", ".txt", ".yaml", ".yml", ".json", ".csv", ".html", ".sh", ".cfg"}
MACHINE_PATH = re.compile(r"(?<![\w.<])/(?:work|home|root|Users|tmp/bash_jobs)/\w")
REGISTRY_HOST = re.compile(r"\bpypi\.\w|pythonhosted|download\.pytorch|--(?:extra-)?index-url|artifactory")

in_a_checkout = pytest.mark.skipif(not (ROOT / ".git").exists(), reason="needs a git checkout")


def git(*arguments: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(["git", *arguments], cwd=ROOT, capture_output=True, text=True)


def distributions(requirements: list[str]) -> set[str]:
    names = (re.match(r"[\w.-]+", requirement) for requirement in requirements)
    return {re.sub(r"[-_.]+", "-", name.group()).lower() for name in names if name}


def pins() -> list[str]:
    lines = (line.partition("#")[0].strip() for line in (ROOT / "constraints.txt").read_text().splitlines())
    return [line for line in lines if line]


def test_import_rules_hold(monkeypatch, capsys):
    monkeypatch.chdir(ROOT)
    assert lint_imports(config_filename="pyproject.toml", no_cache=True) == 0, capsys.readouterr().out


def test_every_room_has_its_place_in_the_order_of_imports_and_in_the_document():
    layers = next(c["layers"] for c in PROJECT["tool"]["importlinter"]["contracts"] if c["type"] == "layers")
    ordered = {name.strip().removeprefix("aed_lightning.") for layer in layers for name in layer.split("|")}
    assert set(ROOMS) == ordered
    document = (ROOT / "docs" / "architecture.md").read_text()
    assert [room for room in ROOMS if f"| `{room}/` |" not in document] == []


@pytest.mark.parametrize("module", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_file_is_one_idea_under_a_telling_name(module):
    assert len(module.read_text().splitlines()) <= 350
    assert not NAMES_THAT_SAY_NOTHING & set(module.relative_to(PACKAGE).with_suffix("").parts)


def test_every_dependency_has_a_tested_version():
    extras = PROJECT["project"]["optional-dependencies"].values()
    wanted = distributions(PROJECT["project"]["dependencies"] + [name for extra in extras for name in extra])
    assert wanted - distributions(pins()) == {"aed-lightning"}  # an extra that takes another in


def test_pins_are_exact_and_serve_cpu_and_cuda_builds_alike():
    assert [pin for pin in pins() if not re.fullmatch(r"[\w.-]+==[\w.]+", pin)] == []


def test_the_version_is_told_once():
    assert aed_lightning.__version__ == PROJECT["project"]["version"]
    assert f"## [{aed_lightning.__version__}]" in (ROOT / "CHANGELOG.md").read_text()


def test_the_package_is_typed_and_carries_its_license():
    assert (PACKAGE / "py.typed").exists()
    text = (ROOT / "LICENSE").read_text()
    assert "Apache License" in text
    assert "END OF TERMS AND CONDITIONS" in text


@in_a_checkout
def test_no_file_names_a_folder_of_one_machine_or_a_registry():
    found = []
    for name in git("ls-files", "--cached", "--others", "--exclude-standard", "-z").stdout.split("\0"):
        path = ROOT / name
        if not path.is_file() or path == Path(__file__) or path.suffix not in TEXT_SUFFIXES:
            continue
        for number, line in enumerate(path.read_text(encoding="utf-8").splitlines(), start=1):
            if MACHINE_PATH.search(line) or REGISTRY_HOST.search(line):
                found.append(f"{name}:{number}: {line.strip()[:80]}")
    assert found == []


@in_a_checkout
def test_what_git_ignores_is_what_runs_make_and_never_the_data_room():
    for made in ("data/ped2/Test001.avi", "runs/demo/metrics.json", ".venv/.ready", "wandb/run.wandb"):
        assert git("check-ignore", "--no-index", "-q", made).returncode == 0, made
    for written in (
        "aed_lightning/data/store.py",
        "tests/data/test_store.py",
        "experiments/0001-toy/seed-0/metrics.json",
    ):
        assert git("check-ignore", "--no-index", "-q", written).returncode == 1, written


@pytest.mark.skipif(shutil.which("make") is None, reason="needs make")
def test_make_without_a_target_explains_every_target():
    done = subprocess.run(["make", "-s"], cwd=ROOT, capture_output=True, text=True, check=True)
    explained = {line.split()[1]: line.split(maxsplit=2)[2] for line in done.stdout.splitlines()}
    assert set(explained) == TARGETS
    assert all(explained.values())


def test_ci_runs_make_test():
    script = ROOT / ".ci" / "run"
    assert script.stat().st_mode & 0o111
    assert script.read_text().rstrip().endswith("make test")


def test_commit_hooks_are_local_and_download_nothing():
    hooks = (ROOT / ".pre-commit-config.yaml").read_text()
    assert re.findall(r"repo: (\S+)", hooks) == ["local"]
    assert set(re.findall(r"language: (\S+)", hooks)) == {"system"}


@pytest.mark.parametrize("record", sorted((ROOT / "docs" / "adr").glob("*.md")), ids=lambda path: path.stem)
def test_a_decision_record_is_half_a_page_of_context_decision_and_consequences(record):
    text = record.read_text()
    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["Context", "Decision", "Consequences"]
    assert text.startswith(f"# {record.name[:4]} ")
    assert len(text.splitlines()) <= 35


def test_decision_records_are_numbered_without_gaps():
    numbers = sorted(int(path.name[:4]) for path in (ROOT / "docs" / "adr").glob("*.md"))
    assert numbers == list(range(1, len(numbers) + 1))


def test_links_and_files_named_in_the_documents_exist():
    missing = []
    for document in [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")]:
        text = document.read_text()
        linked = re.findall(r"\]\((?!https?:|#)([^)#\s]+)", text)
        named = re.findall(r"`(docs/[\w/.-]+\.md)`", text)
        missing += [f"{document.name}: {name}" for name in linked if not (document.parent / name).exists()]
        missing += [f"{document.name}: {name}" for name in named if not (ROOT / name).exists()]
    assert missing == []
