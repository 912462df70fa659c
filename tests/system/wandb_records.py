"""What wandb wrote to its file of a run (`run-ID.wandb`): LevelDB's log format behind a header of seven bytes.

https://github.com/google/leveldb/blob/main/doc/log_format.md; the sums are not checked.
"""

import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

BLOCK = 32768
FULL, FIRST, MIDDLE, LAST = 1, 2, 3, 4


def records(file: Path) -> Iterator[Any]:
    """The records of a file, of type `wandb_internal_pb2.Record`."""
    from wandb.proto import wandb_internal_pb2

    content = file.read_bytes()
    assert content.startswith(b":W&B"), file
    at, parts = 7, b""
    while at + 7 <= len(content):
        if BLOCK - at % BLOCK < 7:  # too little for a header: the rest of the block is filled up
            at += BLOCK - at % BLOCK
            continue
        _, length, kind = struct.unpack_from("<IHB", content, at)
        parts += content[at + 7 : at + 7 + length]
        at += 7 + length
        assert kind in (FULL, FIRST, MIDDLE, LAST), kind
        if kind in (FULL, LAST):
            record = wandb_internal_pb2.Record()
            record.ParseFromString(parts)
            yield record
            parts = b""


def of_kind(file: Path, kind: str) -> list[Any]:
    """The records of one kind: run, config, history, summary, artifact, …"""
    return [getattr(record, kind) for record in records(file) if record.WhichOneof("record_type") == kind]


def history(file: Path) -> list[dict[str, Any]]:
    """What was logged, a dict a call."""
    return [{_name(item): json.loads(item.value_json) for item in row.item} for row in of_kind(file, "history")]


def configuration(file: Path) -> dict[str, Any]:
    """The configuration of the run."""
    return {_name(item): json.loads(item.value_json) for item in of_kind(file, "run")[0].config.update}


def summary(file: Path) -> dict[str, Any]:
    """The last value under every name of the summary that was set by hand."""
    return {_name(item): json.loads(item.value_json) for row in of_kind(file, "summary") for item in row.update}


def _name(item: Any) -> str:
    return item.key or "/".join(item.nested_key)
