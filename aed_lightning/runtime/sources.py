"""What a user gives to be scored: files, folders, patterns, cameras and addresses."""

import glob
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from ..core import UsageError
from ..data.names import natural_key
from ..data.readers import VIDEO_SUFFIXES, image_files

_ADDRESS = re.compile(r"^[a-z][a-z0-9+.-]*://", re.IGNORECASE)
_CREDENTIAL = re.compile(r"((?:user|password|passwd|pwd|pass|token|key)=)[^&;]*?(?=_[a-z]+=|[&;]|$)", re.IGNORECASE)

_NO_SCHEME = re.compile(r"^.*:.*@")


@dataclass(frozen=True)
class Recording:
    """A video file or a folder of images. name: what the outputs and the masks call it."""

    path: Path

    @property
    def name(self) -> str:
        return self.path.name if self.path.is_dir() else self.path.stem

    @property
    def bytes(self) -> int:
        """Size of the file, or of all images of the folder."""
        files = image_files(self.path) if self.path.is_dir() else [self.path]
        return sum(file.stat().st_size for file in files)


@dataclass(frozen=True)
class LiveSource:
    """A camera by its number, or the address of a stream; `shown` is the address without user and password.

    label: what tells it from others, whose addresses may be shown alike.
    """

    address: str = field(repr=False)
    label: str = ""

    @property
    def shown(self) -> str:
        return ", ".join(filter(None, (self.label, without_password(self.address))))


def find_sources(sources: Sequence[str]) -> list[Recording] | list[LiveSource]:
    """What all of `sources` name: recordings, or live sources. Raises UsageError for some of each, and as below."""
    found = [find_source(source) for source in sources]
    live = [source for source in found if isinstance(source, LiveSource)]
    recordings = [recording for part in found if not isinstance(part, LiveSource) for recording in part]
    if live and recordings:
        raise UsageError(
            f"--source {live[0].shown} is live, {recordings[0].path} is a recording: score them in two calls"
        )
    if twice := [source for place, source in enumerate(live) if source in live[:place]]:
        raise UsageError(f"--source {twice[0].shown}: one camera is given twice")
    _refuse_same_names(recordings)
    return live or recordings


def find_source(source: str) -> list[Recording] | LiveSource:
    """What `source` names: a file, a folder of videos or of images, a pattern, a camera's number, an address.

    Raises UsageError where there is nothing, or two recordings would have one name.
    """
    source = source.strip()
    if source.isascii() and source.isdigit() and not Path(source).exists():
        return LiveSource(source)
    if _ADDRESS.match(source):
        return LiveSource(source)
    path = Path(source)
    if path.is_dir():
        entries = [entry for entry in path.iterdir() if not entry.name.startswith(".")]
        videos = [entry for entry in entries if entry.suffix.lower() in VIDEO_SUFFIXES]
        found = videos or ([path] if image_files(path) else [])
    elif path.exists() or not glob.has_magic(source):
        found = [path]
    else:
        found = [Path(name) for name in glob.glob(source)]
    # Without rtsp:// before it an address is a name of no file, and may hold a password all the same.
    shown = without_password(_NO_SCHEME.sub("", source))
    missing = [entry for entry in found if not entry.exists()]
    if missing or not found:
        raise UsageError(
            f"--source {shown}: nothing there; give a video file, a folder of videos or images, a pattern in quotes, "
            "a camera's number, or an rtsp or http address"
        )
    recordings = [Recording(entry) for entry in sorted(found, key=lambda entry: natural_key(entry.name))]
    if outside := [recording.path for recording in recordings if set(recording.name) <= {"."}]:
        raise UsageError(f"--source {outside[0]}: no folder can be named after it; give the file another name")
    _refuse_same_names(recordings)
    return recordings


def _refuse_same_names(recordings: Sequence[Recording]) -> None:
    names = Counter(recording.name for recording in recordings)
    twice = sorted(name for name, number in names.items() if number > 1)
    if twice:
        raise UsageError(f"--source: two recordings are called {', '.join(twice)}; score them one by one")


def without_passwords(text: str) -> str:
    """A text with the addresses in it as they may be shown."""
    return re.sub(r"\w[\w+.-]*://\S*", lambda found: without_password(found[0]), text)


def without_password(address: str) -> str:
    """An address as it may be shown: without all that stands before its last @, and without the query."""
    scheme, separator, rest = address.partition("://")
    if not separator:
        return address
    # A query may hold an @ too.
    shown = re.split(r"[?&#]", rest.rpartition("@")[2], maxsplit=1)[0]
    return scheme + separator + _CREDENTIAL.sub(r"\1***", shown)
