"""What a benchmark found, as one JSON object."""

import json
from pathlib import Path
from typing import Any

import torch

from aed_lightning.core.environment import command, commit, processor_name


def record(
    name: str, ratio: float, samples: list[dict[str, float]], *, bar: float, higher_is_better: bool,
    file: Path | None, **more: Any,
) -> None:  # fmt: skip
    """Print the finding, and write it to `file` if one is given.

    samples: what was measured, one by one; ratio: what they say together.
    """
    found = {
        "name": name, "ratio": round(ratio, 4), "bar": bar, "higher_is_better": higher_is_better,
        "samples": [{key: round(value, 4) for key, value in sample.items()} for sample in samples],
        **more,
        "command": f"python experiments/benchmarks/{command()}", "commit": commit(),
        "device": f"cpu ({processor_name()})",
        "threads": torch.get_num_threads(),
    }  # fmt: skip
    text = json.dumps(found, indent=1)
    print(text)
    if file:
        file.write_text(text + "\n", encoding="utf-8")
