"""Put a run's weights into the package, half precision: python experiments/ship_weights.py RUN NAME

Beside them belongs a model card, README.md: data, recipe, figures, limits, licence of the data's origin.
"""

import argparse
from pathlib import Path

from aed_lightning.core import RunPaths
from aed_lightning.model.weights import SHIPPED, load_weights, save_weights

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("run", type=Path)
parser.add_argument("name")
options = parser.parse_args()
network, card = load_weights(options.run)
folder = RunPaths(SHIPPED / options.name)
folder.root.mkdir(parents=True, exist_ok=True)
save_weights(folder, network, {key: card[key] for key in card if key not in ("version", "architecture")}, half=True)
print(f"{folder.weights}: {folder.weights.stat().st_size / 1e6:.2f} MB")
