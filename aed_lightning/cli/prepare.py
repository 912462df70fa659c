"""`prepare`: decode the videos of a data set once, into arrays at model size."""

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from .help_text import COMMON_OPTIONS, wants_help
from .signals import ended_by_signals

if TYPE_CHECKING:
    from lightning.pytorch.cli import LightningArgumentParser

    from .training import AedCLI

WIDTH_IN_FILES = 200
"""Columns of the table where there is no terminal to ask: names of files stay on one line."""

HELP = f"""\
usage: python -m aed_lightning prepare --config FILE [--workers N] [--check] [--preview DIR] [options]
       python -m aed_lightning prepare --config FILE --shard I/N [--workers N] [options], and then --merge
       python -m aed_lightning prepare --describe [NAME]

Decode every video once into memory-mapped frames at model size and motion maxima, with a manifest of counted
frames, sizes, hashes and labels. What is up to date is left alone; `fit`, `validate`, `test` and `predict` do the
same for what is missing.

  --workers N         videos decoded at once, each in a process of its own (default: 1, this one)
  --shard I/N         share I of N of the videos, counted from 1; the shares may be done at once, by other machines too
  --merge             make one store of what the shares have done; refuses and names what is missing
  --check             prepare nothing, verify the store against the files: a table, and exit code 1 if they differ
  --preview DIR       then write pictures and a video of training clips as the network sees them
  --preview-clips N   how many (default: 24)
  --describe [NAME]   print how the files of a data set must lie, where to ask for it, licence, citation and labels;
                      without a name, the names

{COMMON_OPTIONS}"""


def run(arguments: Sequence[str]) -> int:
    """Prepare, check or describe; returns the exit code."""
    if wants_help(arguments):
        print(HELP)
        return 0
    described = _described(arguments)
    if described is not None:
        return _describe(described)
    from ..core import UsageError
    from .training import AedCLI

    cli = AedCLI(arguments, "prepare", _add_options)
    chosen = [f"--{name}" for name in ("check", "shard", "merge") if cli.config[name] not in (None, False)]
    if cli.config.preview is not None and cli.config.shard is not None:
        chosen.append("--preview")
    if len(chosen) > 1:
        raise UsageError(f"{' and '.join(chosen)}: give one of them a call")
    if cli.config.check:
        return _check(cli)
    if cli.config.preview_clips < 1:
        raise UsageError(f"--preview-clips {cli.config.preview_clips}: give 1 or more")
    with ended_by_signals("what is prepared stays: the same command goes on"):
        if cli.config.shard is not None:
            _prepare_shard(cli, cli.config.shard)
            return 0
        _prepare(cli)
    if cli.config.preview is not None:
        from ..data.preview import write_preview

        for file in write_preview(cli.datamodule, cli.config.preview, cli.config.preview_clips):
            cli.console.print(f"preview: {file}", markup=False)
    return 0


def _add_options(parser: "LightningArgumentParser") -> None:
    parser.add_argument("--workers", type=int, default=1, help="videos decoded at once, in processes of their own")
    parser.add_argument("--shard", type=str | None, default=None, help="I/N: share I of N of the videos, from 1")
    parser.add_argument("--merge", action="store_true", help="one store of what the shares have done")
    parser.add_argument("--check", action="store_true", help="prepare nothing, verify the store against the files")
    parser.add_argument("--preview", type=Path | None, default=None, help="folder for pictures of training clips")
    parser.add_argument("--preview-clips", type=int, default=24, help="how many clips the preview shows")


def _prepare(cli: "AedCLI") -> None:
    from ..data.progress import default_progress

    data = cli.datamodule
    data.prepare_data(default_progress(), workers=cli.config.workers, merge=cli.config.merge)
    rows = data.store.videos("train") + data.store.videos("test")
    frames = sum(row.frames for row in rows)
    anomalous = sum(row.anomalous_frames or 0 for row in rows)
    cli.console.print(f"{data.store_path}: {len(rows)} videos, {frames} frames, {anomalous} of them anomalous")


def _prepare_shard(cli: "AedCLI", text: str) -> None:
    from ..data.progress import default_progress
    from ..data.shards import Shard

    data, shard = cli.datamodule, Shard.parse(text)
    rows = data.prepare_shard(shard, default_progress(), workers=cli.config.workers)
    frames = sum(row.frames for row in rows)
    cli.console.print(
        f"{data.store_path}: share {shard}, {len(rows)} videos, {frames} frames; when all are done: --merge"
    )


def _check(cli: "AedCLI") -> int:
    from ..data import check_videos
    from .check_table import check_table

    data = cli.datamodule
    videos = check_videos(data.open_layout(), data.root, data.store)
    if not cli.console.is_terminal:
        cli.console.width = WIDTH_IN_FILES
    cli.console.print(check_table(videos), soft_wrap=False)
    problems = [problem for video in videos for problem in video.problems]
    for problem in problems:
        cli.console.print(problem, markup=False)
    cli.console.print(f"{data.store_path}: {f'{len(problems)} problems' if problems else 'as it should be'}")
    return 1 if problems else 0


def _described(arguments: Sequence[str]) -> str | None:
    """The name after `--describe`, "" where none follows, or none where the option is not given."""
    parser = argparse.ArgumentParser(add_help=False, allow_abbrev=False)
    parser.add_argument("--describe", nargs="?", const="")
    return parser.parse_known_args(arguments)[0].describe


def _describe(name: str) -> int:
    from ..core import UsageError
    from ..data.layouts import DESCRIPTIONS

    if name and name not in DESCRIPTIONS:
        raise UsageError(f"--describe {name}: no such data set; one of {', '.join(DESCRIPTIONS)}")
    if name:
        print(DESCRIPTIONS[name], end="")
    else:
        print("\n".join(f"{known:<13} {text.title}" for known, text in DESCRIPTIONS.items()))
    return 0
