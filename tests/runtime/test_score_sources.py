from pathlib import Path

import pytest

from aed_lightning.core import DataError, UsageError
from aed_lightning.data.readers import open_video
from aed_lightning.runtime.sources import LiveSource, Recording, find_source, find_sources, without_password


def touch(*paths: Path) -> None:
    for path in paths:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_a_file_a_folder_of_videos_a_folder_of_images_and_a_pattern(tmp_path):
    touch(*(tmp_path / "day" / name for name in ("v10.mp4", "v9.AVI", "notes.txt")), tmp_path / "shot" / "1.jpg")
    assert find_source(str(tmp_path / "day" / "v9.AVI")) == [Recording(tmp_path / "day" / "v9.AVI")]
    assert [video.name for video in find_source(str(tmp_path / "day"))] == ["v9", "v10"]
    assert find_source(str(tmp_path / "shot")) == [Recording(tmp_path / "shot")]
    assert [video.name for video in find_source(str(tmp_path / "*" / "v*"))] == ["v9", "v10"]


def test_a_file_whose_name_looks_like_a_pattern_is_a_file(tmp_path):
    touch(tmp_path / "a[1].mp4")
    assert [video.name for video in find_source(str(tmp_path / "a[1].mp4"))] == ["a[1]"]


@pytest.mark.parametrize(
    "source", ["0", "12", "rtsp://u:p@cam/live", "RTSP://cam", "http://h/s.ts", "rtps://u:p@typo", "mms://c"]
)
def test_numbers_and_addresses_are_live(source):
    assert find_source(source) == LiveSource(source)


@pytest.mark.parametrize("source", ["nothing.mp4", "*.nothing", "empty"])
def test_nothing_there_is_refused_with_what_can_be_given(tmp_path, monkeypatch, source):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "empty").mkdir()
    with pytest.raises(UsageError, match=r"nothing there; give a video file"):
        find_source(source)


@pytest.mark.parametrize("source", ["me:secret@cam/live", "me:se/cret@cam/live", "rtsp:/me:secret@cam/live"])
def test_an_address_without_its_scheme_is_refused_without_its_password(source):
    with pytest.raises(UsageError, match=r"--source cam/live: nothing there"):
        find_source(source)


def test_several_sources_are_all_recordings_or_all_live(tmp_path):
    touch(tmp_path / "a.mp4", tmp_path / "b.mp4", tmp_path / "more" / "b.mp4")
    first, second, more = (str(tmp_path / name) for name in ("a.mp4", "b.mp4", "more"))
    assert [found.path for found in find_sources([second, first])] == [tmp_path / "b.mp4", tmp_path / "a.mp4"]
    assert find_sources(["1", "rtsp://u:p@cam"]) == [LiveSource("1"), LiveSource("rtsp://u:p@cam")]
    with pytest.raises(UsageError, match=r"--source rtsp://cam is live, .*a.mp4 is a recording"):
        find_sources([first, "rtsp://u:p@cam"])
    with pytest.raises(UsageError, match="--source rtsp://cam: one camera is given twice"):
        find_sources(["rtsp://u:p@cam", "rtsp://u:p@cam"])
    with pytest.raises(UsageError, match="two recordings are called b;"):
        find_sources([second, more])


def test_two_recordings_of_one_name_are_refused(tmp_path):
    touch(tmp_path / "a.mp4", tmp_path / "a.avi")
    with pytest.raises(UsageError, match="two recordings are called a;"):
        find_source(str(tmp_path))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("rtsp://me:secret@10.0.0.1:554/live", "rtsp://10.0.0.1:554/live"),
        ("rtsp://me:sec@ret@cam/live/2", "rtsp://cam/live/2"),
        ("rtsp://me:se/cr/et@cam/live", "rtsp://cam/live"),
        ("http://cam/s.ts?token=secret", "http://cam/s.ts"),
        ("rtsp://me:se?cret@cam/live", "rtsp://cam/live"),
        ("rtsp://cam/user=admin_password=secret_channel=1.sdp", "rtsp://cam/user=***_password=***_channel=1.sdp"),
        ("rtsp://cam", "rtsp://cam"),
        ("0", "0"),
    ],
)
def test_no_password_is_shown(address, shown):
    assert without_password(address) == shown
    assert LiveSource(address).shown == shown
    assert "ret" not in repr(LiveSource(address))


@pytest.mark.parametrize(
    ("address", "shown"),
    [
        ("http://cam/stream?login=me@home.org&auth=hunter2", "http://home.org"),
        ("rtsp://10.0.0.1/user=admin_password=my_secret_channel=1", "rtsp://10.0.0.1/user=***_password=***_channel=1"),
        ("rtsp://10.0.0.1/password=ab/cd", "rtsp://10.0.0.1/password=***"),
    ],
)
def test_no_part_of_a_password_is_shown(address: str, shown: str) -> None:
    assert LiveSource(address).shown == shown


def test_an_address_with_a_forgotten_colon_is_refused_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match=r"--source host/x: nothing there"):
        find_source("rtsp//me:hunter2@host/x")


def test_hidden_files_are_no_videos_and_names_of_dots_are_refused(tmp_path: Path) -> None:
    (tmp_path / "a.mp4").touch()
    (tmp_path / "._a.mp4").touch()
    assert find_source(str(tmp_path)) == [Recording(tmp_path / "a.mp4")]
    (tmp_path / "sub").mkdir()
    (tmp_path / "sub" / "...mp4").touch()
    with pytest.raises(UsageError, match="no folder can be named after it"):
        find_source(str(tmp_path / "sub" / "...mp4"))


def test_the_bytes_of_a_folder_of_images_are_those_of_its_images(tmp_path: Path) -> None:
    for number in range(3):
        (tmp_path / f"{number}.png").write_bytes(b"x" * (10 + number))
    assert Recording(tmp_path).bytes == 33


def test_a_folder_of_images_that_cannot_be_read_is_named_as_data(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def closed(path: Path) -> list[Path]:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr("aed_lightning.data.readers.images.image_files", closed)
    with pytest.raises(DataError, match=r"Permission denied; make it readable or take it away"):
        open_video(tmp_path)
