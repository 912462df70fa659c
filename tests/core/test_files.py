import json
import math
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from aed_lightning.core import atomic_path, write_json, write_text


def everything_below(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir())


def test_a_written_file_is_whole_and_alone(tmp_path):
    path = tmp_path / "new" / "folder" / "notes.txt"
    write_text(path, "Zürich\n")
    assert path.read_bytes() == "Zürich\n".encode()
    assert everything_below(path.parent) == ["notes.txt"]


def test_the_name_to_write_to_lies_in_the_same_folder_and_is_hidden(tmp_path):
    with atomic_path(tmp_path / "model.bin") as partial:
        assert partial.parent == tmp_path
        assert partial.name.startswith(".")
        partial.write_bytes(b"weights")
        assert not (tmp_path / "model.bin").exists()
    assert (tmp_path / "model.bin").read_bytes() == b"weights"


@pytest.mark.parametrize("error", [ValueError, KeyboardInterrupt])
def test_a_failing_write_leaves_the_old_file_and_no_partial_one(tmp_path, error):
    path = tmp_path / "scores.npz"
    path.write_bytes(b"old")

    def fail_half_way() -> None:
        with atomic_path(path) as partial:
            partial.write_bytes(b"new, but only ha")
            raise error

    with pytest.raises(error):
        fail_half_way()
    assert path.read_bytes() == b"old"
    assert everything_below(tmp_path) == ["scores.npz"]


def test_a_process_killed_in_the_middle_of_a_write_leaves_the_old_file(tmp_path):
    path = tmp_path / "last.ckpt"
    path.write_bytes(b"old")
    code = (
        "import sys, time; from pathlib import Path; from aed_lightning.core import atomic_path\n"
        "with atomic_path(Path(sys.argv[1])) as partial:\n"
        "    partial.write_bytes(b'half'); print('writing', flush=True); time.sleep(60)\n"
    )
    with subprocess.Popen([sys.executable, "-c", code, str(path)], stdout=subprocess.PIPE, text=True) as writer:
        assert writer.stdout is not None
        assert writer.stdout.readline() == "writing\n"
        writer.send_signal(signal.SIGKILL)
    assert writer.returncode == -signal.SIGKILL
    assert path.read_bytes() == b"old"
    write_text(path, "newer")
    assert path.read_text() == "newer"


def test_nothing_written_is_an_error_and_keeps_the_old_file(tmp_path):
    path = tmp_path / "metrics.json"
    path.write_text("{}")
    with pytest.raises(FileNotFoundError), atomic_path(path):
        pass
    assert path.read_text() == "{}"


def test_json_is_read_back_equal_and_ends_with_a_line(tmp_path):
    value = {"version": 1, "auc": 0.1 + 0.2, "skipped": ["Test008"], "macro": None}
    write_json(tmp_path / "metrics.json", value)
    text = (tmp_path / "metrics.json").read_text()
    assert json.loads(text) == value
    assert text.endswith("}\n")


@pytest.mark.parametrize("number", [math.nan, math.inf, -math.inf])
def test_numbers_that_json_does_not_have_are_refused_and_the_old_file_stays(tmp_path, number):
    path = tmp_path / "metrics.json"
    write_json(path, {"auc": 0.5})
    with pytest.raises(ValueError, match="JSON"):
        write_json(path, {"auc": number})
    assert json.loads(path.read_text()) == {"auc": 0.5}
    assert everything_below(tmp_path) == ["metrics.json"]
