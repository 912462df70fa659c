"""What a result was made with: enough to make it again."""

import platform
import shlex
import subprocess
import sys
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

BFLOAT16_FLAGS = {"avx512_bf16", "amx_bf16", "bf16"}
PACKAGES = ("torch", "torchvision", "lightning", "torchmetrics", "numpy", "scipy", "opencv-python", "av")


def command() -> str:
    """The command line of this process, as one would type it."""
    arguments = sys.argv
    if Path(arguments[0]).name == "__main__.py":
        arguments = ["python", "-m", Path(arguments[0]).parent.name, *arguments[1:]]
    return shlex.join([Path(arguments[0]).name, *arguments[1:]])


def commit() -> str | None:
    """The commit of the source tree, with "-dirty" where tracked files differ; none outside a checkout of ours."""
    source = Path(__file__).resolve().parents[2]
    try:
        # Installed below somebody else's project, git would find theirs.
        if Path(_git(source, "rev-parse", "--show-toplevel")).resolve() != source:
            return None
        return _git(source, "describe", "--always", "--dirty", "--abbrev=12", "--exclude=*")
    except (OSError, subprocess.CalledProcessError):
        return None


def _git(folder: Path, *arguments: str) -> str:
    return subprocess.run(["git", *arguments], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


def processor_name() -> str:
    """What the system calls the processor."""
    names = [line.split(":", 1)[1].strip() for line in _cpuinfo().splitlines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


def has_bfloat16(device: str = "cpu") -> bool:
    """Whether the processor, or for "cuda" the GPU, computes in bfloat16 by itself."""
    if device == "cuda":
        import torch  # not needed by what knows no GPU

        return torch.cuda.is_bf16_supported(including_emulation=False)
    return bool(BFLOAT16_FLAGS & set(_cpuinfo().split()))


def _cpuinfo() -> str:
    file = Path("/proc/cpuinfo")
    return file.read_text(encoding="utf-8") if file.is_file() else ""


def environment(seed: int, device: str, threads: int) -> dict[str, Any]:
    """Versions, machine, command and seed, ready for JSON."""
    return {
        "command": command(),
        "commit": commit(),
        "seed": seed,
        "device": device,
        "threads": threads,
        "python": platform.python_version(),
        "platform": platform.platform(),
        "packages": {package: _version(package) for package in PACKAGES},
    }


def _version(package: str) -> str | None:
    try:
        return version(package)
    except PackageNotFoundError:
        return None
