"""`export`: trained weights for other programs."""

import argparse
from collections.abc import Sequence
from pathlib import Path

from .help_text import wants_help
from .parser import Parser

HELP = """\
usage: python -m aed_lightning export --weights RUN --out FILE

Write all of what scores a frame as one file that other programs run: bytes of the frames in, score and map out.

  --weights RUN       run directory, checkpoint file, or name of weights that come with the package
  --out FILE          FILE.onnx, FILE.xml (OpenVINO, with FILE.bin) or FILE.pt2 (torch.export)

inputs:   frames  uint8 (clips, 3, channels, height, width): frames t-offset, t and t+offset at the network's size
          mask    bool (clips, masks, active tokens): true where a token is hidden; all false where scoring hides
                  nothing
outputs:  values  what the score rule takes of each frame: the score before smoothing, for the default rule
          map     (clips, rows, columns): the predicted anomaly map, 0 normal to 1 anomalous

The file is run once and compared with PyTorch. OpenVINO is a third to a half faster where the program that loads
FILE.xml gives it a fixed number of clips (Model.reshape).
Needs pip install -c constraints.txt -e '.[export]', but for .pt2."""


def run(arguments: Sequence[str]) -> int:
    """Write, check, say; returns the exit code."""
    if wants_help(arguments):
        print(HELP)
        return 0
    options = _parse(arguments)
    from ..core import DataError
    from ..runtime.export import TOLERANCE, export
    from ..runtime.scorer import CLIP_OFFSET, load_graph

    graph, card = load_graph(options.weights)
    difference = export(graph, options.out)
    network = graph.network
    height, width = network.rows * network.patch_size, network.columns * network.patch_size
    print(
        f"{options.out}: frames uint8 (clips, 3, {graph.channels}, {height}, {width}), "
        f"{card.get('clip_offset', CLIP_OFFSET)} frames from one to the next; "
        f"mask bool (clips, {graph.rule.masks}, {network.active_tokens}) with {graph.visible} false in each; "
        f"differs from PyTorch by {difference:.1e} of the largest value"
    )
    if difference > TOLERANCE:
        raise DataError(f"{options.out}: differs by {difference:.1e}, more than {TOLERANCE:.0e}; take another format")
    return 0


def _parse(arguments: Sequence[str]) -> argparse.Namespace:
    parser = Parser(
        prog="python -m aed_lightning export", usage=HELP.partition("\n")[0][7:], add_help=False, allow_abbrev=False
    )
    parser.add_argument("--weights", type=Path, required=True)
    parser.add_argument("--out", type=Path, required=True)
    return parser.parse_args(arguments)
