from dataclasses import dataclass

import numpy as np
import pytest

from aed_lightning.toy.camera import Camera
from aed_lightning.toy.figure import Figure
from aed_lightning.toy.light import Light
from aed_lightning.toy.render import least_visible, render
from aed_lightning.toy.scene import FOUNTAIN, Scene, build_scene

SIZE = (180, 320)


@dataclass(frozen=True)
class Board:
    ground: tuple[float, float]
    width: float
    kind: str
    height: float = 2.0

    def anomalous(self, frame: int) -> bool:
        return bool(self.kind)

    def figure(self, camera: Camera, frame: int) -> Figure:
        figure = Figure(camera, self.ground)
        half = self.width / 2
        figure.polygon(np.array([[-half, 0], [half, 0], [half, self.height], [-half, self.height]]), (250, 20, 20))
        return figure


@pytest.fixture(scope="module")
def scene() -> Scene:
    return build_scene(SIZE, 0)


def sightings(scene: Scene, *cast: Board):
    picture = next(render(scene, Light(SIZE, 0, "v", 2), cast, 1))
    return {sighting.kind: sighting.mask for sighting in picture.sightings}


BEHIND = Board((0.0, 15.0), 1.0, "behind")


def test_a_mask_covers_the_area_that_perspective_gives(scene):
    mask = sightings(scene, BEHIND)["behind"]
    left, right = Camera(SIZE).project(np.array([[-0.5, 15.0, 0.0], [0.5, 15.0, 0.0]]))[:, 0]
    foot, head = Camera(SIZE).project(np.array([[0.0, 15.0, 0.0], [0.0, 15.0, 2.0]]))[:, 1]
    assert mask.sum() == pytest.approx((right - left) * (foot - head), rel=0.12)


def test_somebody_in_front_hides_pixels_from_the_mask(scene):
    alone = sightings(scene, BEHIND)["behind"]
    hidden = sightings(scene, BEHIND, Board((0.3, 13.0), 0.6, ""))["behind"]
    assert 0.2 < hidden.sum() / alone.sum() < 0.95
    assert not (hidden & ~alone).any()


def test_somebody_behind_hides_nothing(scene):
    alone = sightings(scene, BEHIND)["behind"]
    np.testing.assert_array_equal(sightings(scene, BEHIND, Board((0.3, 17.0), 0.6, ""))["behind"], alone)


def test_the_fountain_hides_who_stands_behind_it_and_nobody_before_it(scene):
    behind = sightings(scene, Board((3.3, 13.6), 1.0, "x"))["x"]
    before = sightings(scene, Board((3.3, 10.4), 1.0, "x"))["x"]
    fountain = next(prop.mask for prop in scene.props if prop.ground == FOUNTAIN)
    assert not (behind & fountain).any()
    assert (before & fountain).any()


def test_two_anomalies_never_share_a_pixel(scene):
    masks = sightings(scene, BEHIND, Board((0.3, 13.0), 0.6, "before"))
    assert set(masks) == {"behind", "before"}
    assert not (masks["behind"] & masks["before"]).any()


def test_too_little_to_see_does_not_count(scene):
    assert least_visible(SIZE) == 86
    assert not sightings(scene, Board((0.0, 30.0), 0.2, "cup", 0.2))
    assert not sightings(scene, BEHIND, Board((0.0, 14.5), 3.0, "", 3.0))


def test_a_shadow_darkens_the_ground_but_is_no_part_of_the_mask(scene):
    light = Light(SIZE, 0, "v", 2)
    assert light.shade > 0.2
    empty = next(render(scene, light, [], 1)).image.astype(int).sum(2)
    picture = next(render(scene, light, [BEHIND], 1))
    darker = (empty - picture.image.astype(int).sum(2) > 30) & ~picture.sightings[0].mask
    assert darker.sum() > 60


def test_noise_is_two_to_three_gray_levels_and_new_in_every_frame(scene):
    first, second = (picture.image.astype(float) for picture in render(scene, Light(SIZE, 0, "v", 2), [], 2))
    assert 2.0 < (first - second).std() / np.sqrt(2) < 3.2


def test_light_differs_between_videos_over_one_background(scene):
    one, other = (next(render(scene, Light(SIZE, 0, video, 1), [], 1)).image.astype(float) for video in ("a", "b"))
    assert np.abs(one.mean() - other.mean()) > 0.5
    assert np.corrcoef(one.ravel(), other.ravel())[0, 1] > 0.9


def test_the_scene_is_the_same_in_twice_the_size(scene):
    large = build_scene((360, 640), 0).background.astype(float).reshape(180, 2, 320, 2, 3).mean((1, 3))
    assert np.abs(large - scene.background).mean() < 8
