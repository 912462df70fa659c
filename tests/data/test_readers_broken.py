import io
import os
import re
import tempfile
from pathlib import Path

import av
import numpy as np
import pytest
from footage import encode
from miniatures import write_avi, write_images, write_mp4

from aed_lightning.core import DataError
from aed_lightning.data import open_layout, prepare
from aed_lightning.data.progress import PlainProgress
from aed_lightning.data.readers import decoder_log, open_video

READERS = ("opencv", "pyav", "decord")


def verdict(path: Path, reader: str = "auto") -> str:
    """What the user is told about a video: the error, or the warnings; and how many frames came out before."""
    count = 0
    try:
        video = open_video(path, reader)
        with decoder_log(video.warnings):
            for _ in video.frames():
                count += 1
    except DataError as error:
        return f"refused after {count}: {error}"
    return f"read {count}: " + "; ".join(video.warnings)


def cut(path: Path, share: float) -> Path:
    content = path.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    return path


def without_index(path: Path) -> Path:
    content = write_mp4(path, 40).read_bytes()
    start = content.index(b"moov") - 4
    path.write_bytes(content[:start] + content[start + int.from_bytes(content[start : start + 4], "big") :])
    return path


def promising(path: Path, more: int) -> Path:
    """An AVI whose header promises `more` frames than the 100 that it has."""
    content = bytearray(write_avi(path, 100).read_bytes())
    for tag, offset in ((b"avih", 24), (b"strh", 40)):
        at = content.index(tag) + offset
        assert int.from_bytes(content[at : at + 4], "little") == 100
        content[at : at + 4] = (100 + more).to_bytes(4, "little")
    path.write_bytes(content)
    return path


def corrupt(path: Path, inside: bool = True) -> Path:
    """Bytes turned over inside one packet, or also over the lengths of the packets around it."""
    encode(path, frames=40, size=(96, 128), bf="2")
    with av.open(str(path)) as container:
        packet = next(packet for packet in container.demux(video=0) if packet.is_keyframe and packet.dts > 0)
        start, end = packet.pos + packet.size // 2, packet.pos + packet.size
    content = bytearray(path.read_bytes())
    for at in range(start, end - 4 if inside else end + 400):
        content[at] ^= 0x5A
    path.write_bytes(content)
    return path


def two_sizes(path: Path) -> Path:
    streams = [io.BytesIO(), io.BytesIO()]
    for stream, size in zip(streams, ((48, 64), (64, 96)), strict=True):
        encode(stream, frames=10, size=size, container="h264", bf="0")
    path.write_bytes(b"".join(stream.getvalue() for stream in streams))
    return path


def audio_only(path: Path) -> Path:
    with av.open(str(path), "w") as output:
        stream = output.add_stream("aac", rate=8000, layout="mono")
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), dtype=np.float32), format="fltp", layout="mono")
        frame.sample_rate = 8000
        output.mux(stream.encode(frame))
        output.mux(stream.encode(None))
    return path


def written(path: Path, content: bytes) -> Path:
    path.write_bytes(content)
    return path


def dangling(path: Path) -> Path:
    path.symlink_to(path.with_name("gone.mp4"))
    return path


CUT = r"refused after \d+: .*(cut short: \d+ frames decoded, 100 promised|cannot be opened|no frames \(100 promised)"
UNOPENED = r"refused after 0: .*cannot be opened as video \(.+; 0 frames read\)"
BROKEN = {
    "empty": (lambda at: written(at / "a.mp4", b""), r"\(0 bytes\) cannot be opened as video \(it is empty; 0 frames"),
    "text": (lambda at: written(at / "a.avi", b"this is text\n" * 200), UNOPENED),
    "bytes": (lambda at: written(at / "a.mp4", bytes(range(256)) * 40), UNOPENED),
    "avi-10": (lambda at: cut(write_avi(at / "a.avi", 100), 0.1), CUT),
    "avi-50": (lambda at: cut(write_avi(at / "a.avi", 100), 0.5), CUT),
    "avi-93": (
        lambda at: cut(write_avi(at / "a.avi", 100), 0.93),
        r"read (\d+): .*\1 frames decoded, 100 promised by the container",
    ),
    "mp4-10": (lambda at: cut(write_mp4(at / "a.mp4", 100, (96, 128)), 0.1), CUT),
    "mp4-50": (lambda at: cut(write_mp4(at / "a.mp4", 100, (96, 128)), 0.5), CUT),
    "mp4-99": (
        lambda at: cut(write_mp4(at / "a.mp4", 100, (96, 128)), 0.99),
        r"read \d+: .*(frames decoded, 100 promised|decoder reported)",
    ),
    "no-index": (lambda at: without_index(at / "a.mp4"), UNOPENED),
    "promises-much": (lambda at: promising(at / "a.avi", 40), r"refused after 100: .*100 frames decoded, 140 promised"),
    "promises-little": (lambda at: promising(at / "a.avi", 5), r"read 100: 100 frames decoded, 105 promised"),
    "corrupt": (lambda at: corrupt(at / "a.mp4"), r"read 40: .*the decoder reported \d+ errors, pictures are damaged"),
    "corrupt-lengths": (
        lambda at: corrupt(at / "a.mp4", inside=False),
        r"cut short: \d+ frames decoded, 40 promised|the decoder reported \d+ errors",
    ),
    "size": (lambda at: two_sizes(at / "a.mp4"), r"frame 10 of .* is 96x64, the frames before it are 64x48"),
    "audio": (lambda at: audio_only(at / "a.mp4"), r"refused after 0: .*it has no video stream; 0 frames read"),
    "link": (lambda at: dangling(at / "a.mp4"), r"refused after 0: .*is not a file \(missing, or a link to nothing\)"),
}
# decord counts what is in a file or reads nothing of it: refused for the disagreement, or for what OpenCV found.
BY_DECORD = r"cannot be opened by decord|decord counts|decord cannot decode|is not the same in decord|"


@pytest.mark.parametrize("reader", READERS)
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_video_is_named_with_what_is_wrong_and_never_cut_silently(tmp_path, kind, reader):
    make, expected = BROKEN[kind]
    path = make(tmp_path)
    told = verdict(path, reader)
    assert told.startswith("read") or str(path) in told
    assert re.search((BY_DECORD if reader == "decord" else "") + expected, told), told


@pytest.mark.parametrize("reader", READERS)
def test_a_whole_video_has_no_warning(tmp_path, reader):
    assert verdict(write_mp4(tmp_path / "a.mp4", 40), reader) == "read 40: "
    assert verdict(write_avi(tmp_path / "a.avi", 40), reader) == "read 40: "


@pytest.mark.skipif(os.getuid() != 0, reason="only root can become somebody who may not read a file")
def test_a_file_that_may_not_be_read_is_named():
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        closed, hidden = write_mp4(Path(folder) / "a.mp4"), write_mp4(Path(folder) / "b" / "b.mp4")
        closed.chmod(0o600)
        hidden.parent.chmod(0o700)
        os.seteuid(65534)
        try:
            for path in (closed, hidden):
                assert re.search(r"refused after 0: .*may not be read \(Permission denied\)", verdict(path))
        finally:
            os.seteuid(0)


@pytest.mark.parametrize("suffix", ["tif", "png", "bmp", "jpg"])
def test_a_cut_image_is_named_with_its_number(tmp_path, suffix):
    folder = write_images(tmp_path / "v", 3, "{:03d}." + suffix)
    cut(folder / f"001.{suffix}", 0.9)
    assert re.search(rf"refused after 1: .*001\.{suffix} \(frame 1 of 3.*cannot be read as an image", verdict(folder))


def test_an_empty_folder_is_refused(tmp_path):
    assert re.search(r"refused after 0: .*has no frames: no image", verdict(tmp_path))


def test_prepare_names_every_broken_video_and_keeps_the_whole_ones(tmp_path, capfd):
    train = tmp_path / "data" / "train"
    write_mp4(train / "whole.mp4", 8)
    for kind in ("avi-50", "promises-much", "size"):
        (train / kind).mkdir()
        made = BROKEN[kind][0](train / kind)
        made.rename(train / f"{kind}{made.suffix}")
        (train / kind).rmdir()
    corrupt(train / "corrupt.mp4")
    layout = open_layout("folder", tmp_path / "data")
    with pytest.raises(DataError) as error:
        prepare(layout, tmp_path / "data", tmp_path / "store", frame_size=(16, 24))
    for part in ("3 problems", "avi-50.avi is cut short", "promises-much.avi is cut short", "size.mp4: frame 10"):
        assert part in str(error.value)
    for kind in ("avi-50.avi", "promises-much.avi", "size.mp4"):
        (train / kind).unlink()
    layout = open_layout("folder", tmp_path / "data")
    store = prepare(layout, tmp_path / "data", tmp_path / "store", frame_size=(16, 24), progress=PlainProgress())
    assert {row.name: len(row.warnings) for row in store.videos("train")} == {"corrupt": 1, "whole": 0}
    output = capfd.readouterr()
    assert "corrupt.mp4: the decoder reported" in output.out
    assert output.err == ""


def test_other_words_on_the_error_stream_are_passed_on(capfd):
    warnings = []
    with decoder_log(warnings):
        os.write(2, b"[h264 @ 0x55d9a9adb780] error while decoding MB 3 1\nsomething else\n")
    assert warnings == ["the decoder reported 1 errors, pictures are damaged; first: error while decoding MB 3 1"]
    assert capfd.readouterr().err == "something else\n"


def test_two_videos_at_once_in_one_process_cannot_share_the_error_stream():
    with decoder_log([]), pytest.raises(RuntimeError, match="two videos are decoded at once"), decoder_log([]):
        pass
