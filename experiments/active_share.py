"""How many tokens move, and how much of the pasted anomalies is active: python active_share.py --config FILE [options]

Of training clips: tokens in which a pixel differs by more than 15 gray levels from the middle frame to one of the
others, alone and with their neighbors; and, of clips with an anomaly, the share of its pixels in active tokens.
"""

import sys
from itertools import islice

import numpy as np
import torch
from torch.nn.functional import avg_pool2d, max_pool2d

from aed_lightning.cli.training import AedCLI
from aed_lightning.model.grid import most_moving

BATCHES, THRESHOLD = 80, 15


def main() -> None:
    cli = AedCLI(sys.argv[1:], "active_share")
    data, network = cli.datamodule, cli.network
    data.prepare_data()
    data.batch_size, patch = 8, network.patch_size
    moving, bordered, covered = [], [], []
    for clips in islice(data.train_dataloader(), BATCHES):
        batch = data.finish(clips)
        first, middle, last = batch.inputs.chunk(3, dim=1)
        change = torch.maximum((middle - first).abs(), (last - middle).abs()).amax(dim=1, keepdim=True)
        moves = (127.5 * max_pool2d(change, patch) > THRESHOLD).float()
        moving.extend(moves.mean(dim=(1, 2, 3)).tolist())
        bordered.extend(max_pool2d(moves, 3, stride=1, padding=1).mean(dim=(1, 2, 3)).tolist())
        active = torch.zeros(len(moves), network.tokens)
        active.scatter_(1, most_moving(batch.inputs, patch, network.active_tokens), 1.0)
        pixels = avg_pool2d(batch.anomaly_map, patch).flatten(1)[batch.pasted]
        covered.extend(((active[batch.pasted] * pixels).sum(dim=1) / pixels.sum(dim=1)).tolist())
    for name, shares in (("moving", moving), ("moving, with neighbors", bordered)):
        print(f"{name}: median {np.median(shares):.3f}, 95 % {np.quantile(shares, 0.95):.3f}, most {max(shares):.3f}")
    shares = np.array(covered)
    print(
        f"pixels of {len(shares)} anomalies in active tokens: mean {shares.mean():.3f}, "
        f"none of them in {(shares < 0.05).mean():.3f} of the anomalies"
    )


if __name__ == "__main__":
    main()
