"""`doctor`: look for what breaks installations, and say what to do.

The checks are functions of versions and facts; `examine` collects the facts. Lightning is judged by its metadata only:
two of its releases ran foreign code when they were imported.
"""

import argparse
import os
import platform
import re
import shutil
import tempfile
from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass
from importlib import import_module, metadata
from pathlib import Path
from typing import Literal

from ..core.environment import has_bfloat16

MALICIOUS_LIGHTNING = ((2, 6, 2), (2, 6, 3))
OPENCV_DISTRIBUTIONS = (
    "opencv-python",
    "opencv-python-headless",
    "opencv-contrib-python",
    "opencv-contrib-python-headless",
)
LOW_DISK_BYTES = 5 * 10**9

INSTALL = "python -m pip install -c constraints.txt"
PAIR_CURE = f"{INSTALL} torch torchvision"


@dataclass(frozen=True)
class Finding:
    """One line of the report; `cure` says what to do about a warning or a problem."""

    level: Literal["ok", "warning", "problem"]
    subject: str
    text: str
    cure: str = ""


def run(arguments: Sequence[str]) -> int:
    """Print the report; 1 if there is a problem, else 0."""
    parser = argparse.ArgumentParser(
        prog="aed-lightning doctor",
        description="Check versions, torchvision's operators, video readers, GPU, CPU, disk and write access. "
        "Exit code 1 if something is broken.",
    )
    parser.parse_args(arguments)
    problems = warnings = 0
    for finding in examine(Path.cwd()):
        print(f"{finding.level:8} {finding.subject:12} {finding.text}", flush=True)
        if finding.cure:
            print(f"{'':8} {'':12} -> {finding.cure}")
        problems += finding.level == "problem"
        warnings += finding.level == "warning"
    print(f"problems: {problems}, warnings: {warnings}")
    return 1 if problems else 0


def examine(directory: Path) -> Iterator[Finding]:
    """Every finding on this machine, `directory` being where stores and runs would go."""
    yield Finding("ok", "python", platform.python_version())
    yield check_lightning(_installed("lightning"))
    pair = check_pair(_installed("torch"), _installed("torchvision"))
    yield pair
    yield from _torch_findings(pair)
    yield check_opencv([name for name in OPENCV_DISTRIBUTIONS if _installed(name)], _import_error("cv2"))
    yield check_reader("av", _installed("av"), _import_error("av"), required=True)
    yield check_reader("decord", _installed("decord"), _import_error("decord"), required=False)
    yield check_disk(shutil.disk_usage(directory).free, directory)
    yield check_write(directory)


def check_lightning(version: str | None) -> Finding:
    """Refuse the malicious releases, those that run code out of checkpoints, and none at all."""
    cure = f"{INSTALL} lightning"
    if version is None:
        return Finding("problem", "lightning", "not installed", cure)
    release = _release(version)
    if release in MALICIOUS_LIGHTNING:
        return Finding(
            "problem",
            "lightning",
            f"{version} is a malicious release: it steals credentials when it is imported",
            f"do not import it; python -m pip uninstall lightning; change this machine's passwords and keys; {cure}",
        )
    if release < (2, 6, 6):
        return Finding("problem", "lightning", f"{version} can run code out of a checkpoint (fixed in 2.6.6)", cure)
    if release >= (2, 7):
        return Finding("warning", "lightning", f"{version} was never tried; 2.6 from 2.6.6 on was", cure)
    return Finding("ok", "lightning", version)


def check_pair(torch: str | None, torchvision: str | None) -> Finding:
    """Whether the two releases were made for each other: torchvision 0.(m + 15) goes with torch 2.m."""
    if torch is None or torchvision is None:
        missing = " and ".join(
            name for name, version in (("torch", torch), ("torchvision", torchvision)) if not version
        )
        return Finding("problem", "torch", f"{missing} not installed", PAIR_CURE)
    major, minor = _release(torch)[:2]
    if major != 2 or minor < 11:
        return Finding("problem", "torch", f"torch {torch}; 2.11 or newer, below 3, is needed", PAIR_CURE)
    wanted = (0, minor + 15)
    if _release(torchvision)[:2] != wanted:
        text = f"torch {torch} and torchvision {torchvision} are no pair; 2.{minor} goes with 0.{wanted[1]}"
        return Finding("problem", "torch", text, PAIR_CURE)
    return Finding("ok", "torch", f"{torch} with torchvision {torchvision}")


def check_operators(loaded: bool, cuda: str | None) -> Finding:
    """Whether torchvision's own operators load; beside a CPU build of torch the guard may stand in for them."""
    if loaded:
        return Finding("ok", "torchvision", "its own operators load")
    if cuda is None:
        text = "built for CUDA beside a CPU torch; the guard of aed_lightning stands in (no box operators such as nms)"
        return Finding("ok", "torchvision", text)
    return Finding("problem", "torchvision", f"its own operators do not load beside torch for CUDA {cuda}", PAIR_CURE)


def check_gpu(names: Sequence[str], cuda: str | None, driver: bool) -> Finding:
    """The GPUs that torch can use; a driver or a CUDA build without a usable GPU deserves a word."""
    if names:
        return Finding("ok", "GPU", ", ".join(names))
    if cuda is not None:
        text = f"torch is built for CUDA {cuda} and finds no GPU; everything will run on the CPU"
        return Finding("warning", "GPU", text, "see whether nvidia-smi lists one, and CUDA_VISIBLE_DEVICES")
    if driver:
        text = "an NVIDIA driver is there, but torch is a CPU build"
        return Finding("warning", "GPU", text, f"to use the GPU: install torch's CUDA build ({PAIR_CURE})")
    return Finding("ok", "GPU", "none; everything will run on the CPU")


def check_cpu(threads: int, cores: int, bfloat16: bool) -> Finding:
    """Threads of torch, cores that this process may use, and whether they compute in bfloat16."""
    bf16 = "bf16 in hardware" if bfloat16 else "no bf16 in hardware: trainings use 32-true"
    text = f"{threads} threads on {cores} cores, {bf16}"
    if threads > cores:
        return Finding(
            "warning", "CPU", text, f"more threads than cores slow training down: set OMP_NUM_THREADS={cores}"
        )
    return Finding("ok", "CPU", text)


def check_opencv(installed: Collection[str], import_error: str | None) -> Finding:
    """One distribution of OpenCV, and it can be imported; they all own the folder `cv2`."""
    if len(installed) > 1:
        others = " ".join(sorted(installed))
        cure = f"python -m pip uninstall {others}; {INSTALL} opencv-python (or opencv-python-headless on a server)"
        return Finding("problem", "OpenCV", f"{' and '.join(sorted(installed))} overwrite each other", cure)
    if import_error is not None:
        cure = (
            "on a server without libGL: python -m pip uninstall opencv-python; "
            f"{INSTALL} opencv-python-headless; or: apt-get install libgl1 libglib2.0-0"
        )
        return Finding("problem", "OpenCV", f"cannot be imported: {import_error}", cure)
    return Finding("ok", "OpenCV", ", ".join(installed) or "present, not from a Python package")


def check_reader(name: str, version: str | None, import_error: str | None, *, required: bool) -> Finding:
    """A reader of video besides OpenCV: installed and importable, or what that means."""
    if version is not None and import_error is None:
        return Finding("ok", name, version)
    if not required and version is None:
        return Finding("ok", name, "not installed; only the setting data.reader=decord needs it")
    text = "not installed" if version is None else f"{version} cannot be imported: {import_error}"
    return Finding("problem" if required else "warning", name, text, f"{INSTALL} --force-reinstall --no-deps {name}")


def check_disk(free_bytes: int, directory: Path) -> Finding:
    """Room for a store and the checkpoints."""
    text = f"{free_bytes / 1e9:.1f} GB free in {directory}"
    if free_bytes < LOW_DISK_BYTES:
        cure = "stores and checkpoints can need more: make room, or point --data.store and --run_dir at another disk"
        return Finding("warning", "disk", text, cure)
    return Finding("ok", "disk", text)


def check_write(directory: Path) -> Finding:
    """Whether a file can be made in `directory`; permission bits say nothing on a read-only file system."""
    try:
        with tempfile.TemporaryFile(dir=directory) as file:
            file.write(b"x")
    except OSError as error:
        cure = "start in a folder of your own, or point --data.store and --run_dir at one"
        return Finding("problem", "write", f"cannot write to {directory}: {error.strerror}", cure)
    return Finding("ok", "write", f"{directory} is writable")


def _torch_findings(pair: Finding) -> Iterator[Finding]:
    error = _import_error("torch")
    if error is not None:
        if pair.level == "ok":
            yield Finding("problem", "torch", f"cannot be imported: {error}", PAIR_CURE)
        return
    import torch

    cuda = torch.version.cuda
    if _installed("torchvision") is not None:
        error = _import_error("torchvision.extension")
        if error is not None:
            yield Finding("problem", "torchvision", f"cannot be imported: {error}", PAIR_CURE)
        else:
            yield check_operators(import_module("torchvision.extension")._has_ops(), cuda)
    names = [torch.cuda.get_device_name(index) for index in range(torch.cuda.device_count())]
    yield check_gpu(names, cuda, driver=Path("/proc/driver/nvidia/version").exists())
    yield check_cpu(torch.get_num_threads(), len(os.sched_getaffinity(0)), has_bfloat16())


def _installed(distribution: str) -> str | None:
    try:
        return metadata.version(distribution)
    except metadata.PackageNotFoundError:
        return None


def _import_error(module: str) -> str | None:
    """Why `module` cannot be imported, or none. A broken native library may raise anything; all of it is reported."""
    try:
        import_module(module)
    except Exception as error:
        return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
    return None


def _release(version: str) -> tuple[int, ...]:
    """The leading numbers: "2.13.0+cpu" is (2, 13, 0)."""
    numbers = re.match(r"\d+(?:\.\d+)*", version)
    return tuple(int(number) for number in numbers.group().split(".")) if numbers else (0,)
