import subprocess
import sys

import pytest

from aed_lightning.core import torchvision_guard
from aed_lightning.core.torchvision_guard import _TorchvisionGuard


def run_python(code: str) -> str:
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=600)
    assert done.returncode == 0, done.stderr
    return done.stdout


@pytest.fixture
def import_system(monkeypatch):
    monkeypatch.setattr(sys, "meta_path", [finder for finder in sys.meta_path if not _is_guard(finder)])
    monkeypatch.delitem(sys.modules, "torchvision", raising=False)
    return monkeypatch


def _is_guard(finder: object) -> bool:
    return isinstance(finder, _TorchvisionGuard)


def test_what_imports_torchvision_can_be_imported_in_a_new_process_and_box_operators_fail_clearly():
    output = run_python(
        "import aed_lightning, torchvision, timm.layers, torchmetrics, torch\n"
        "from torchvision.extension import _has_ops\n"
        "try:\n"
        "    torchvision.ops.nms(torch.tensor([[0., 0., 1., 1.]]), torch.ones(1), 0.5)\n"
        "    print('operators' if _has_ops() else 'silent')\n"
        "except RuntimeError as error:\n"
        "    print('broken' if _has_ops() else 'guarded', error)\n"
    )
    assert output.startswith(("operators", "guarded"))
    if output.startswith("guarded"):
        assert "torchvision" in output


def test_importing_the_package_imports_no_torch():
    output = run_python(
        "import sys, aed_lightning, aed_lightning.core\n"
        "print(sorted({'torch', 'torchvision', 'lightning', 'timm', 'cv2', 'av'} & set(sys.modules)))"
    )
    assert output.strip() == "[]"


def test_the_guard_is_installed_once_and_in_front(import_system):
    torchvision_guard.install()
    torchvision_guard.install()
    assert _is_guard(sys.meta_path[0])
    assert sum(map(_is_guard, sys.meta_path)) == 1


def test_the_guard_stays_away_when_torchvision_is_already_imported(import_system):
    import_system.setitem(sys.modules, "torchvision", object())
    torchvision_guard.install()
    assert not any(map(_is_guard, sys.meta_path))


def test_the_guard_steps_aside_at_the_first_search_and_only_for_torchvision(import_system):
    searches = []
    import_system.setattr(torchvision_guard, "_declare_missing_operators", lambda: searches.append("torchvision"))
    torchvision_guard.install()
    guard = sys.meta_path[0]
    assert guard.find_spec("torchvision_extras", None) is None
    assert guard in sys.meta_path
    assert guard.find_spec("torchvision", None) is None
    assert guard not in sys.meta_path
    assert searches == ["torchvision"]


def test_beside_a_cuda_build_the_guard_loads_and_declares_nothing(import_system):
    import torch

    def refuse(*_):
        raise AssertionError("touched the operators beside a CUDA build")

    import_system.setattr(torch.version, "cuda", "13.0")
    import_system.setattr(torch.ops, "load_library", refuse)
    import_system.setattr(torch.library, "Library", refuse)
    torchvision_guard._declare_missing_operators()
