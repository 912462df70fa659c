"""Help of our own verbs, printed without importing what the verbs need."""

from collections.abc import Sequence

COMMON_OPTIONS = """\
options that every verb shares:
  --config FILE       configuration; may be given several times, the last one wins (configs/*.yaml)
  --data.root DIR     the download, only read (default: data/NAME)
  --data.store DIR    where prepared arrays go (default: data/stores/NAME-HxW)
  --run_dir DIR       where the run's files go (default: runs/NAME)
  --KEY VALUE         any key of the configuration, dotted: --data.augmentation_percentage 50
  `python -m aed_lightning fit --help` lists them all (it takes some seconds)."""


def wants_help(arguments: Sequence[str]) -> bool:
    """Whether help is asked for."""
    return "-h" in arguments or "--help" in arguments
