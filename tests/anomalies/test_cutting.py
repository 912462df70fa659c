import numpy as np
import pytest
from films import SIZE, Actor, cut_tracks, film, scene, walker

from aed_lightning.anomalies.cutting import Cutout, Cutting, Track
from aed_lightning.core import UsageError, generator


def tracks_of(frames: np.ndarray, **cutting: float) -> list[Track]:
    return cut_tracks(frames, Cutting(**cutting))[0]  # type: ignore[arg-type]


def places(track: Track) -> list[tuple[int, int]]:
    return [(cutout.top, cutout.left) for cutout in track]


def in_the_frame(cutout: Cutout, size: tuple[int, int] = SIZE) -> np.ndarray:
    height, width = cutout.alpha.shape
    whole = np.zeros(size, bool)
    whole[cutout.top : cutout.top + height, cutout.left : cutout.left + width] = cutout.alpha
    return whole


@pytest.mark.parametrize("channels", [1, 3])
def test_what_moves_is_found_and_followed_with_its_pixels_mask_and_place(channels: int) -> None:
    actor = walker(slant=8.0, clock=1)
    frames = film(30, actor, channels=channels)
    (track,) = tracks_of(frames)
    assert places(track) == [actor.way(frame) for frame in range(30)]
    for frame, cutout in enumerate(track):
        np.testing.assert_array_equal(in_the_frame(cutout), actor.inside(frame))
        np.testing.assert_array_equal(cutout.image, actor.pixels(frame, channels))


def test_the_way_of_the_centers_is_that_of_the_object() -> None:
    (track,) = tracks_of(film(20, Actor(7, 10, lambda frame: (40 - frame, 12 + 3 * frame))))
    assert track[0].center.tolist() == [12 + 4.5, 40 + 3.0]
    np.testing.assert_array_equal(np.diff([cutout.center for cutout in track], axis=0), [[3, -1]] * 19)


def test_the_mask_has_the_shape_of_the_object_without_what_else_is_in_its_box() -> None:
    body, arm, dog = walker(left=12), walker(left=20, top=49, height=3, width=15), walker(left=25, height=4, width=4)
    (track, _) = tracks_of(film(60, body, arm, dog))
    for frame, cutout in enumerate(track):
        np.testing.assert_array_equal(in_the_frame(cutout), body.inside(frame) | arm.inside(frame))
        assert cutout.alpha.shape == (12, 23)


def test_the_pixels_of_a_cutout_are_its_own_and_do_not_follow_the_frames() -> None:
    frames = film(30, walker())
    (track,) = tracks_of(frames)
    before = track[4].image.copy()
    frames[:] = 0
    np.testing.assert_array_equal(track[4].image, before)


def test_nothing_is_found_where_nothing_moves_or_only_the_sensor_trembles() -> None:
    still = np.repeat(scene()[None], 40, axis=0)
    trembling = (still + generator(0, "noise").integers(-5, 6, still.shape)).astype(np.uint8)
    for frames in (still, trembling):
        tracks, covered = cut_tracks(frames, Cutting())
        assert tracks == []
        assert covered.max() == 0


def test_difference_is_what_any_one_channel_must_differ_by() -> None:
    frames = np.repeat(scene(3)[None], 30, axis=0)
    for frame in range(30):
        frames[frame, 1, 20:30, 30 + frame : 40 + frame] -= 20
    assert [len(track) for track in tracks_of(frames, difference=19.0)] == [30]
    assert tracks_of(frames, difference=20.0) == []


def test_objects_at_any_edge_of_the_frame_are_not_cut_there() -> None:
    crossings = (
        lambda frame: (20, 2 * frame - 14),
        lambda frame: (20, 96 - 2 * frame),
        lambda frame: (2 * frame - 14, 40),
        lambda frame: (64 - 2 * frame, 40),
    )
    for way in crossings:
        actor = Actor(12, 8, way)
        frames = range(70)
        inside = [way(t) for t in frames if 0 < way(t)[0] < 64 - 12 and 0 < way(t)[1] < 96 - 8]
        (track,) = tracks_of(film(70, actor))
        assert places(track) == inside


def test_objects_that_touch_are_one_and_their_tracks_end_where_they_meet() -> None:
    right, left = walker(left=10, height=10, width=10), walker(left=70, speed=-1, height=10, width=10)
    found = tracks_of(film(60, right, left), shortest=2)
    # From frame 24 to frame 36 at most two pixels are between them, which count as touching.
    apart, again = range(24), range(37, 60)
    expected = [[actor.way(t) for t in frames] for frames in (apart, again) for actor in (right, left)]
    expected.append([(40, min(right.way(t)[1], left.way(t)[1])) for t in range(24, 37)])
    assert sorted(map(places, found)) == sorted(expected)
    together = max(found, key=lambda track: track[0].alpha.sum())
    assert together[0].alpha.shape == (10, 22)
    # What is between them shows through.
    assert together[0].alpha.all(axis=0).sum() == 20


def test_neighbors_are_not_mixed_up() -> None:
    actors = [walker(top=10), walker(top=26), walker(top=42, left=22)]
    assert sorted(map(places, tracks_of(film(30, *actors)))) == [[a.way(t) for t in range(30)] for a in actors]


def test_an_object_that_vanishes_does_not_take_over_its_neighbor() -> None:
    size = (64, 200)
    vanishing = Actor(5, 5, lambda t: (20, 20 + t) if t < 15 else (-50, 0))
    staying = Actor(5, 5, lambda t: (20, 28 + t))
    found = tracks_of(film(30, vanishing, staying, size=size))
    assert [places(track) for track in found] == [
        [a.way(t) for t in range(n)] for a, n in ((vanishing, 15), (staying, 30))
    ]


def test_a_track_ends_where_the_object_jumps_too_far_or_has_another_size() -> None:
    def jump(step: int) -> list[Track]:
        size = (64, 100)
        return tracks_of(film(30, Actor(8, 8, lambda t: (20, 20 + t + step * (t >= 15))), size=size), shortest=2)

    # A twentieth of the width is 5 pixels, and one of them is the walk.
    assert [len(track) for track in jump(4)] == [30]
    assert [len(track) for track in jump(5)] == [15, 15]
    growing = [Actor(8, 8, lambda t: (20, 20 + t)), Actor(8, 8, lambda t: (28, 20 + t if t >= 15 else -50))]
    assert [len(track) for track in tracks_of(film(30, *growing))] == [15, 15]


def test_what_is_too_small_or_too_large_is_ignored() -> None:
    frames = film(30, walker(height=10, width=10, left=12), walker(top=8, height=5, width=4))
    assert len(tracks_of(frames)) == 2
    assert len(tracks_of(frames, least_share=20 / (64 * 96), most_share=100 / (64 * 96))) == 2
    assert [track[0].alpha.size for track in tracks_of(frames, least_share=21 / (64 * 96))] == [100]
    assert [track[0].alpha.size for track in tracks_of(frames, most_share=99 / (64 * 96))] == [20]


def test_what_is_followed_through_too_few_frames_is_left_out() -> None:
    for seen, kept in ((8, []), (9, [9])):
        brief = Actor(8, 8, lambda t, seen=seen: (20, 20 + t) if t < seen else (-50, 0))  # type: ignore[misc]
        assert [len(track) for track in tracks_of(film(30, brief), shortest=9)] == kept


def test_the_share_of_frames_that_a_place_is_covered_counts_what_is_at_the_edge_too() -> None:
    first, second = walker(left=-8, speed=2), walker(left=30, top=8)
    _, covered = cut_tracks(film(40, first, second), Cutting())
    expected = np.mean([first.inside(t) | second.inside(t) for t in range(40)], axis=0)
    assert expected[:, 0].max() > 0
    np.testing.assert_allclose(covered, expected)


def fading(frames: int, walking: Actor) -> np.ndarray:
    """The light goes down by 45 levels in the course of the film."""
    shot = film(frames, walking, size=(24, 48)).astype(np.int64)
    return (shot - np.linspace(0, 45, frames).astype(int)[:, None, None, None]).astype(np.uint8)


def test_long_videos_have_several_backgrounds_so_that_the_light_may_change() -> None:
    actor = Actor(8, 6, lambda t: (8, 2 + t % 39))
    tracks, covered = cut_tracks(fading(1500, actor), Cutting(shortest=2))
    assert sum(map(len, tracks)) == 1500
    assert all(cutout.alpha.shape == (8, 6) for track in tracks for cutout in track)
    assert covered[:7].max() == 0


def test_what_moves_slowly_is_found_in_the_last_frames_too_however_long_the_video_is() -> None:
    actor = Actor(8, 6, lambda t: (8, 2 + t // 20))
    for frames in (501, 512, 540):
        tracks, _ = cut_tracks(film(frames, actor, size=(24, 48)), Cutting(shortest=2))
        seen = [place for track in tracks for place in places(track)]
        assert seen == [actor.way(t) for t in range(frames)]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("difference", 0.5), ("difference", 256.0), ("least_share", 0.0), ("most_share", 0.0), ("most_share", 0.6),
        ("shortest", 1), ("shortest", 1001), ("difference", float("nan")),
    ],
)  # fmt: skip
def test_what_can_be_no_object_is_refused_by_name_and_value(name: str, value: float) -> None:
    with pytest.raises(UsageError, match=rf"{name} is {value}; give"):
        Cutting(**{name: value})  # type: ignore[arg-type]


def test_bounds_of_an_object_that_leave_none_are_refused() -> None:
    with pytest.raises(UsageError, match=r"least_share 0\.09 is not below most_share 0\.09"):
        Cutting(least_share=0.09)


@pytest.mark.parametrize(("difference", "alpha"), [(11, 127), (14, 204), (16, 255), (60, 255)])
def test_a_pixel_counts_by_how_much_it_differs_from_the_background(difference: int, alpha: int) -> None:
    """In full from 1.6 times the difference that makes an object, not at all below 0.6 times: here 16 and 6."""
    frames = np.full((40, 1, *SIZE), 200, np.uint8)
    for frame, shot in enumerate(frames):
        shot[0, 20:30, 20 + frame : 28 + frame] = 100
        shot[0, 20:30, 28 + frame] = 200 - difference
    (track,) = tracks_of(frames, difference=10.0)
    for cutout in track:
        assert cutout.alpha.shape == (10, 9)
        assert (cutout.alpha[:, :8] == 255).all()
        assert (cutout.alpha[:, 8] == alpha).all()
