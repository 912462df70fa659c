"""Who does what in which video: a plan as data, without a pixel."""

from dataclasses import dataclass

from aed_lightning.core import UsageError, generator

KINDS = (
    "cyclist", "cart", "skateboarder", "child_scooter", "dog", "thrown_object", "umbrella", "dancer",
    "runner", "off_path_walker", "lying_person", "left_bag",
)  # fmt: skip

SUBTLE = ("runner", "off_path_walker", "lying_person", "left_bag")
"""Kinds that differ little from walking and standing people in three frames."""

TRAIN_VIDEOS, TEST_VIDEOS = 60, 16
TRAIN_FRAMES = 150


@dataclass(frozen=True)
class Event:
    """An anomaly. hard: less contrast, farther away. middle: of the event, as a share of the video.

    A left bag stays to the end, so its middle lies late.
    """

    kind: str
    hard: bool
    middle: float


@dataclass(frozen=True)
class VideoPlan:
    """One video. crowd: people on their way at any time. groups: of people who cross near the camera in `quiet` time.

    quiet: the middles of those crossings, as shares of the video.
    """

    name: str
    split: str
    frames: int
    crowd: int
    quiet: tuple[float, ...]
    events: tuple[Event, ...] = ()


_Scripted = tuple[int, int, tuple[float, ...], tuple[tuple[str, bool, float], ...]]

_TEST: tuple[_Scripted, ...] = (
    # frames, crowd, quiet, events (kind, hard, middle)
    (200, 2, (0.5,), (("cyclist", False, 0.22), ("left_bag", False, 0.88))),
    (200, 1, (0.5,), (("runner", False, 0.22), ("cart", False, 0.78))),
    (200, 2, (0.02, 0.95), (("skateboarder", False, 0.25), ("off_path_walker", False, 0.65))),
    (200, 3, (0.2, 0.5, 0.8), ()),
    (200, 2, (0.02, 0.5), (("dog", False, 0.28), ("dancer", False, 0.78))),
    (200, 2, (0.5, 0.98), (("thrown_object", False, 0.22), ("lying_person", False, 0.72))),
    (200, 3, (0.02, 0.52), (("umbrella", False, 0.27), ("child_scooter", False, 0.8))),
    (200, 3, (0.1, 0.9), (("cyclist", True, 0.5),)),
    (200, 2, (0.5, 0.98), (("cart", True, 0.22), ("runner", True, 0.76))),
    (200, 1, (0.05, 0.95), (("lying_person", True, 0.35), ("dog", True, 0.72))),
    (200, 2, (0.02, 0.52), (("dancer", True, 0.27), ("thrown_object", True, 0.78))),
    (200, 2, (0.5,), (("skateboarder", True, 0.22), ("umbrella", True, 0.78))),
    (200, 1, (0.15, 0.75), ()),
    (200, 3, (0.05, 0.5), (("off_path_walker", True, 0.25), ("left_bag", True, 0.88))),
    (200, 2, (0.05, 0.85), (("child_scooter", True, 0.45),)),
    (200, 3, (0.1, 0.85), (("cyclist", False, 0.5),)),
)


def plan_videos(
    seed: int, train_videos: int = TRAIN_VIDEOS, test_videos: int = TEST_VIDEOS, frames: int = 0
) -> list[VideoPlan]:
    """The videos of a set, train first; frames: of every video, 0 for the planned lengths.

    Raises UsageError where the plan has not that many test videos.
    """
    if not 0 <= test_videos <= TEST_VIDEOS or train_videos < 0 or frames < 0:
        raise UsageError(
            f"toy set of {train_videos} train and {test_videos} test videos of {frames} frames: ask for 0 to "
            f"{TEST_VIDEOS} test videos, and for no negative number"
        )
    train = [_train_plan(seed, f"train_{number:02d}", frames) for number in range(1, train_videos + 1)]
    test = [
        VideoPlan(
            f"test_{number:02d}", "test", frames or length, crowd, quiet, tuple(Event(*event) for event in events)
        )
        for number, (length, crowd, quiet, events) in enumerate(_TEST[:test_videos], 1)
    ]
    return train + test


def _train_plan(seed: int, name: str, frames: int) -> VideoPlan:
    random = generator(seed, "toy plan", name)
    quiet = tuple(float(share) for share in random.uniform(0.0, 1.0, int(random.integers(1, 4))))
    return VideoPlan(name, "train", frames or TRAIN_FRAMES, int(random.integers(1, 4)), quiet)
