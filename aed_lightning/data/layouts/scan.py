"""Looking through a data root: collects the videos and every problem, and tells all problems at once."""

from collections.abc import Collection
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any, Literal

from ...core import DataError
from ..names import lies_below, name_problem, natural_key
from ..readers import VIDEO_SUFFIXES, image_files
from .layout import Split, VideoSource

MOST_PROBLEMS_SHOWN = 50


class Scan:
    """One pass over `root`.

    expected: the tree of the layout, a few lines. source: where to ask for the data. setting: what names the root.
    Raises DataError where `root` is missing or empty.
    """

    def __init__(self, root: Path, expected: str, source: str, setting: str = "--data.root") -> None:
        self.root = root
        self._setting = setting
        self.problems: list[str] = []
        self.notes: list[str] = []
        self._expected, self._source = expected, source
        self._videos: list[VideoSource] = []
        if not root.is_dir():
            raise self.absent("does not exist" if not root.exists() else "is not a folder")
        if not visible(root):
            raise self.absent("is empty")

    def absent(self, what: str) -> DataError:
        """The error for a root where the data set is not; `what` follows the root's name."""
        tree = "\n".join(f"  {line}" for line in self._expected.strip().splitlines())
        return DataError(
            f"data root {self.root} {what}. Expected below it:\n{tree}\n{self._source}; "
            f"put it there or pass {self._setting}"
        )

    def add_folder(
        self,
        split: Split,
        folder: Path,
        suffixes: Collection[str] = VIDEO_SUFFIXES,
        fps: float | None = None,
        leave_out: tuple[str, ...] = (),
    ) -> None:
        """Add every video file (with one of `suffixes`) and every folder of images of `folder`.

        Names that match a pattern of `leave_out` are passed over.
        """
        if not folder.is_dir():
            self.problems.append(f"{self._shown(folder)} is missing")
            return
        found = 0
        for path in visible(folder):
            if any(path.match(pattern) for pattern in leave_out):
                continue
            if path.is_dir() or path.suffix.lower() in suffixes:
                found += 1
                self.add(split, path, fps=fps)
            elif path.is_symlink() and not path.exists():
                self.problems.append(f"{self._shown(path)} is a link to nothing")
            else:
                self.notes.append(f"ignored {self._shown(path)}: not a video")
        if not found:
            self.problems.append(f"{self._shown(folder)} has no videos: the {split} split is empty")

    def add(
        self,
        split: Split,
        path: Path,
        label_source: Path | None = None,
        fps: float | None = None,
        mask_source: Path | None = None,
    ) -> None:
        """Add one video; its name is the name of the folder, or of the file without its suffix."""
        name = path.name if path.is_dir() else path.stem
        shown = self._shown(path)
        if problem := name_problem(name):
            self.problems.append(f"{shown!r}: {problem}; rename it")
        elif not path.exists():
            self.problems.append(f"{shown} is {'a link to nothing' if path.is_symlink() else 'missing'}")
        elif self.holds_images(path) if path.is_dir() else self.inside(path):
            self._videos.append(VideoSource(name, split, path, label_source, fps, mask_source))

    def attach_labels(self, labels: dict[str, Path], *, required: bool = False, spare: bool = False) -> None:
        """Give each video the label file of its name; where both splits have the name, to the test video.

        Problems: labels without a video unless `spare`, and a test video without labels if others have them or if
        `required`.
        """
        self._attach("label_source", labels, spare)
        bare = [video for video in self._videos if video.split == "test" and video.label_source is None]
        if required or len(bare) < sum(video.split == "test" for video in self._videos):
            self.problems += [f"{self._shown(video.path)} has no labels" for video in bare]

    def label_tests(self, file: Path) -> None:
        """Give all test videos one label file."""
        self._videos = [replace(v, label_source=file) if v.split == "test" else v for v in self._videos]

    def attach_masks(self, masks: dict[str, Path], *, spare: bool = False) -> None:
        """Give each video the masks of its name, as `attach_labels`; notes where only a part of the tests has them."""
        self._attach("mask_source", masks, spare)
        masked = [video.mask_source is not None for video in self._videos if video.split == "test"]
        if any(masked) and not all(masked):
            self.notes.append(f"{sum(masked)} of {len(masked)} test videos have masks")

    def attach_tracks(self, tracks: dict[str, Path]) -> None:
        """Give each video the tracks of its name, as `attach_labels`."""
        self._attach("track_source", tracks, spare=False)

    def inside(self, path: Path) -> bool:
        """Whether `path` stays below the root once links are followed; a problem otherwise."""
        if lies_below(path, self.root):
            return True
        self.problems.append(f"{self._shown(path)} leads out of the root, to {path.resolve()}; copy it instead")
        return False

    def holds_images(self, folder: Path) -> bool:
        """Whether `folder` has images, and it and they stay below the root; a problem otherwise."""
        if not self.inside(folder):
            return False
        files = image_files(folder)
        if not files:
            self.problems.append(f"{self._shown(folder)} has no images")
            return False
        return all([self.inside(file) for file in files if file.is_symlink()])

    def finish(self) -> list[VideoSource]:
        """The videos, training first, in natural order. Raises DataError with every problem met."""
        videos = sorted(self._videos, key=lambda video: (video.split != "train", natural_key(video.name)))
        for first, second in pairwise(videos):
            if (first.split, first.name.casefold()) == (second.split, second.name.casefold()):
                pair = f"{self._shown(first.path)} and {self._shown(second.path)}"
                self.problems.append(f"{pair} have the same name; rename one")
        if self.problems:
            raise problems_error(f"data root {self.root}", self.problems)
        return videos

    def _attach(
        self, kind: Literal["label_source", "mask_source", "track_source"], files: dict[str, Path], spare: bool
    ) -> None:
        tested = {video.name for video in self._videos if video.split == "test"}
        known = {video.name for video in self._videos}
        if not spare:
            strays = [files[name] for name in files if name not in known]
            self.problems += [f"{self._shown(file)} labels no video that is there" for file in strays]
        for position, video in enumerate(self._videos):
            if video.name in files and (video.split == "test" or video.name not in tested):
                given: dict[str, Any] = {kind: files[video.name]}
                self._videos[position] = replace(video, **given)

    def _shown(self, path: Path) -> str:
        return str(path.relative_to(self.root)) if path.is_relative_to(self.root) else str(path)


def visible(folder: Path) -> list[Path]:
    """What a folder holds, in natural order, without hidden files."""
    return sorted(
        (path for path in folder.iterdir() if not path.name.startswith(".")), key=lambda p: natural_key(p.name)
    )


def problems_error(thing: str, problems: list[str]) -> DataError:
    """One DataError that lists all `problems` of `thing`."""
    lines = [f"  - {problem}" for problem in problems[:MOST_PROBLEMS_SHOWN]]
    if len(problems) > MOST_PROBLEMS_SHOWN:
        lines.append(f"  … and {len(problems) - MOST_PROBLEMS_SHOWN} more")
    count = "1 problem" if len(problems) == 1 else f"{len(problems)} problems"
    return DataError(f"{thing} cannot be used, {count}:\n" + "\n".join(lines))
