import numpy as np
import pytest

from aed_lightning.core import generator
from aed_lightning.toy.actors import Bag, Ball, LawnWalker, Mover, Runner, Span
from aed_lightning.toy.camera import Camera
from aed_lightning.toy.casting import cast_video
from aed_lightning.toy.scene import LAWN, on_lawn
from aed_lightning.toy.schedule import KINDS, Event, VideoPlan
from aed_lightning.toy.trajectory import FPS, follow
from aed_lightning.toy.wardrobe import dress
from aed_lightning.toy.wheels import Cart, Cyclist, Dog, Scooter, Skateboarder

CAMERA = Camera((180, 320))
FRAMES = 200
ACROSS = follow([(-6.0, 8.5), (6.0, 8.5)], 2.0, 0.0, FRAMES)
MID = 36


def cast(kind: str, hard: bool, seed: int = 0):
    middle = 0.85 if kind == "left_bag" else 0.5
    return cast_video(VideoPlan("v", "test", FRAMES, 0, (), (Event(kind, hard, middle),)), CAMERA, seed)


def extent(actor, frame: int) -> tuple[float, float]:
    outlines, _ = actor.figure(CAMERA, frame).outlines((0.0, 0.0))
    corners = np.concatenate(outlines) / 16
    width, height = corners.max(0) - corners.min(0)
    return float(width), float(height)


def on_show(actor) -> list[int]:
    return [frame for frame in range(FRAMES) if actor.anomalous(frame) and inside(actor.figure(CAMERA, frame))]


def inside(figure) -> bool:
    if figure is None:
        return False
    columns = np.concatenate(figure.outlines((0.0, 0.0))[0])[:, 0] / 16
    return bool(columns.max() > 0 and columns.min() < 319)


@pytest.mark.parametrize("hard", [False, True])
@pytest.mark.parametrize("kind", KINDS)
def test_one_actor_plays_the_kind_for_some_thirty_to_ninety_frames(kind, hard):
    players = [actor for actor in cast(kind, hard) if actor.kind == kind]
    assert len(players) == 1
    frames = on_show(players[0])
    assert 30 <= len(frames) <= 105
    assert frames == list(range(frames[0], frames[-1] + 1))
    assert frames[0] > 20


@pytest.mark.parametrize("kind", [kind for kind in KINDS if kind != "off_path_walker"])
def test_hard_is_smaller_in_the_picture_than_easy(kind):
    sizes = []
    for hard in (False, True):
        actor = next(actor for actor in cast(kind, hard) if actor.kind == kind)
        frames = on_show(actor)
        sizes.append(np.prod(extent(actor, frames[len(frames) // 2])))
    assert sizes[1] < sizes[0]


@pytest.mark.parametrize("rider", [Cyclist, Cart, Dog])
def test_what_rolls_or_has_four_legs_is_wider_than_a_walker(rider):
    assert extent(rider(ACROSS), MID)[0] > 1.15 * max(extent(Mover(ACROSS), frame)[0] for frame in range(30, 42))


def test_a_dog_is_lower_and_a_child_smaller_than_a_walker():
    walker = extent(Mover(ACROSS), MID)[1]
    assert extent(Dog(ACROSS), MID)[1] < 0.7 * walker
    assert extent(Scooter(ACROSS), MID)[1] < 0.85 * walker


def test_a_skateboarder_keeps_the_legs_still_where_a_walker_moves_them():
    def change(actor) -> float:
        widths = [extent(actor, frame)[0] for frame in range(30, 44)]
        return max(widths) - min(widths)

    assert change(Skateboarder(ACROSS)) < 0.5 * change(Mover(ACROSS))


def test_runners_and_riders_are_faster_than_any_walker():
    for kind in ("runner", "cyclist", "cart", "skateboarder", "child_scooter", "dog"):
        for hard in (False, True):
            (actor,) = cast(kind, hard)
            steps = np.hypot(*np.diff(actor.way.position[80:120], axis=0).T)
            assert steps.mean() * FPS > 1.3 * 1.3


def test_a_runner_has_both_feet_off_the_ground_at_times():
    feet = []
    for frame in range(30, 44):
        figure = Runner(ACROSS).figure(CAMERA, frame)
        feet.append(min(polygon[:, 1].min() for polygon in figure.polygons))
    assert max(feet) > 0.05 > min(feet)


def test_whoever_leaves_the_path_is_anomalous_on_the_lawn_only():
    walker = LawnWalker(follow([(-4.0, 18.0), (-4.0, 8.0)], 1.0, 0.0, FRAMES))
    for frame in range(FRAMES):
        assert walker.anomalous(frame) == (LAWN[2] <= walker.way.at(frame)[1] <= LAWN[3])
    assert on_lawn((-4.0, 12.0))
    assert not on_lawn((0.0, 12.0))


def test_a_bag_is_anomalous_once_it_stands_alone_and_then_stays():
    owner = Mover(follow([(-4.0, 8.5), (4.0, 8.5)], 1.0, 0.0, FRAMES))
    bag = Bag(owner, 50, (200, 0, 0), (0.6, 0.5))
    assert [bag.anomalous(frame) for frame in (0, 49, 50, 199)] == [False, False, True, True]
    assert bag.figure(CAMERA, 20).at != bag.figure(CAMERA, 40).at
    assert bag.figure(CAMERA, 50).at == bag.figure(CAMERA, 199).at


def test_a_ball_rises_and_falls_between_bounces_and_is_gone_after_the_game():
    ball = Ball(ACROSS, Span(20, 60), (200, 0, 0), 0.3, 10.0, 0.0, 1.5)
    heights = [ball.figure(CAMERA, frame).polygons[0][:, 1].mean() for frame in (30, 35, 40)]
    np.testing.assert_allclose(heights, [0.3, 1.8, 0.3], atol=1e-6)
    assert ball.figure(CAMERA, 60) is None


def test_clothes_differ_and_are_darker_than_the_paving():
    brightness = [sum(dress(generator(0, "test", frame=index)).shirt) / 3 for index in range(60)]
    assert min(brightness) < 50
    assert 90 < max(brightness) < 120
