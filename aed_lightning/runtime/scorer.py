"""Scores of frames as they come: the computation of `test`, without a store and without an end."""

from collections import deque
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from typing import Any

import numpy as np
import torch
from jaxtyping import Float, UInt8

from ..core import DataError, FrameScores, RunPaths, UsageError
from ..core.environment import has_bfloat16
from ..data.ingest import stored_frame
from ..data.readers import Pulse, ahead, open_video
from ..data.readers.live import LiveReader
from ..data.sources import sha256_of
from ..model import several_masks
from ..model.weights import find_weights, load_weights
from ..scoring.calibration import Calibration
from ..scoring.rules import RULES, DefaultRule, Rule
from ..scoring.smoothing import Smoothing
from ..scoring.streaming import stream_scores, stream_smoother
from ..scoring.temporal import check_sigma, kernel_radius
from .engines import CPU_BACKENDS, Engine, build_engine
from .gating import EVERY_FRAME, Gate, filled
from .graph import ScoringGraph
from .live_windows import LiveWindows
from .sources import LiveSource, find_source
from .windows import Window, Windows

CLIP_OFFSET = 3
"""Frames between the frames of a clip, where the weights do not say."""


@dataclass(frozen=True)
class ScoredFrame:
    """A frame and its scores. warm_up, dropped: see `Window`.

    heat: the predicted anomaly map of its tokens, 0 normal to 1 anomalous.
    """

    frame_index: int
    raw: float
    smoothed: float
    warm_up: bool
    dropped: int
    heat: Float[np.ndarray, "rows columns"]


@dataclass(frozen=True)
class Scorer:
    """Trained weights, and how they score.

    engine: runs the network. clip_offset: frames between the frames of a clip. seed: of the masks.
    calibrations: "centered", "causal", "map", as far as they are known. fingerprint: SHA-256 of the weights' file.
    """

    engine: Engine
    smoothing: Smoothing
    clip_offset: int
    seed: int
    calibrations: dict[str, Calibration]
    fingerprint: str = ""

    @property
    def shape(self) -> tuple[int, int, int]:
        """Height, width and channels of the frames that the network sees."""
        graph, network = self.engine.graph, self.engine.graph.network
        return network.rows * network.patch_size, network.columns * network.patch_size, graph.channels

    def score(self, source: str | Path, *, stride: int = 1) -> Iterator[FrameScores | ScoredFrame]:
        """The scores of each recording that `source` names or, of a live source, of each frame as it comes.

        source: a file, a folder of videos or of images, a pattern, a camera's number or an address. stride: score every
        so many frames. Raises UsageError, DataError.
        """
        check_sigma(self.smoothing.sigma, stride)
        found = find_source(str(source))
        if isinstance(found, LiveSource):
            with (
                LiveReader(found.address) as camera,
                LiveWindows(camera, self.shape, self.clip_offset, stride, lambda _: None) as live,
            ):
                for scored in self.stream_windows("live", live.batches(), causal=True, stride=stride):
                    live.picture(scored.frame_index)
                    yield scored
            return
        for recording in found:
            reader = open_video(recording.path)
            numbered = enumerate(reader.some(EVERY_FRAME.needed(self.clip_offset, stride)))
            frames = list(self.stream(recording.name, numbered, stride=stride, pulse=reader.pulse))
            yield FrameScores(
                recording.name,
                np.array([frame.frame_index for frame in frames]),
                np.array([frame.raw for frame in frames]),
                np.array([frame.smoothed for frame in frames]),
            )

    def stream(
        self,
        video: str,
        frames: Iterable[tuple[int, UInt8[np.ndarray, "height width 3"] | None]],
        *,
        causal: bool = False,
        stride: int = 1,
        gate: Gate = EVERY_FRAME,
        batch_size: int | None = None,
        first: int = 0,
        pulse: Pulse | None = None,
    ) -> Iterator[ScoredFrame]:
        """Score RGB frames, given with their numbers; the same scores as `test` gives the prepared video.

        Those that `Gate.needed` does not name may be none.

        video: its name, from which the masks are drawn. causal: smooth without frames to come. stride: score every so
        many frames. gate: which of these the network need not see. batch_size: frames that it sees at once, or as many
        as suit the engine. A frame comes out when all that its score needs has come in: `clip_offset` frames and the
        rest of its batch and, unless causal, half a Gaussian later. Frames that are missing end a run; nothing crosses
        it.
        first: the first frame that is wanted; frames that its score does not depend on are not scored.
        A DataError with which `frames` end comes out when all frames before it are scored.
        pulse: of the reader behind `frames`, which then decodes in a thread of its own, with its deadline.
        """
        needed = self.engine.graph.rule.reach + kernel_radius(self.smoothing.sigma / stride)
        begin = max(0, first - needed * stride) // gate.period(stride) * gate.period(stride)
        broken: list[DataError] = []
        whole = self.windows(_until_broken(frames, broken), stride, begin, gate)
        windows = gate.mark(whole, self.engine.graph.network.patch_size, stride)
        batches = _batches(windows, batch_size or self.engine.batch_size)
        for scored in self.stream_windows(
            video, batches if pulse is None else ahead(batches, pulse, limit=2), causal=causal, stride=stride
        ):
            if scored.frame_index >= first:
                yield scored
        if broken:
            raise broken[0]

    def stream_windows(
        self, video: str, batches: Iterable[list[Window]], *, causal: bool = False, stride: int = 1
    ) -> Iterator[ScoredFrame]:
        """Score clips, some at a time, as `stream` does; a batch of none ends a run of frames before the next comes."""
        raw = stream_scores(self.engine.graph.rule, stride)
        smoother = stream_smoother(self.smoothing.sigma, causal=causal, stride=stride)
        waiting: deque[tuple[Window, np.ndarray]] = deque()
        scored: deque[float] = deque()
        # Filters go over places, not over frames: dropped clips leave no hole in them, missing frames do.
        place, following = 0, 0
        before: tuple[np.ndarray, ...] = ()
        last = -1

        def smoothed(scores: list[tuple[int, float]], *, end: bool) -> Iterator[ScoredFrame]:
            scored.extend(score for _, score in scores)
            done = smoother.extend([at for at, _ in scores], np.array([score for _, score in scores]))
            for _, value in done + (smoother.flush() if end else []):
                (window, heat), score = waiting.popleft(), scored.popleft()
                yield ScoredFrame(window.frame_index, score, value, window.warm_up, window.dropped, heat)

        for windows in batches:
            if not windows:
                yield from smoothed(raw.flush(), end=True)
                continue
            computed = [window for window in windows if window.computed]
            found = self._values(video, computed) if computed else tuple(part[:0] for part in before)
            if not windows[0].computed:  # it lies between this batch and the one before, or after the last
                found = tuple(np.concatenate(pair) for pair in zip(before, found, strict=True))
            before = tuple(part[-1:] for part in found)
            values, heat = (filled(windows, part, last) for part in found)
            last = computed[-1].frame_index if computed else last
            waiting.extend(zip(windows, heat, strict=True))
            places = []
            for window in windows:
                place += stride if window.frame_index == following + window.dropped * stride else 2 * stride
                following = window.frame_index + stride
                places.append(place)
            yield from smoothed(raw.extend(places, values), end=False)
        yield from smoothed(raw.flush(), end=True)

    def windows(
        self, frames: Iterable[tuple[int, UInt8[np.ndarray, "height width 3"] | None]], stride: int = 1,
        begin: int = 0, gate: Gate = EVERY_FRAME,
    ) -> Iterator[Window]:  # fmt: skip
        """The clips of RGB frames, at the size of the network, around frame `begin` and later ones.

        Those that `gate` leaves out whatever they show have no pixels, as far as no other needs them.
        """
        windows, (height, width, channels) = Windows(self.clip_offset, stride), self.shape
        needed = gate.needed(self.clip_offset, stride)
        start, following = 0, -1
        for number, frame in frames:
            if number != following:
                start = number
            following = number + 1
            if number >= begin - self.clip_offset:
                # The first clip of a run is never left out, and may begin anywhere.
                small = None
                if frame is not None and (needed(number) or number <= start + self.clip_offset):
                    small = stored_frame(frame, (height, width), channels)
                whole = windows.push(number, small)
                yield from (window for window in whole if window.frame_index >= begin)
        yield from (window for window in windows.flush() if window.frame_index >= begin)

    def _values(self, video: str, windows: list[Window]) -> tuple[np.ndarray, ...]:
        """What the rule takes from each frame, and the predicted map of each."""
        masks = several_masks(
            (video,) * len(windows),
            torch.tensor([window.frame_index for window in windows]),
            torch.zeros(len(windows), dtype=torch.int64),
            masks=self.engine.graph.rule.masks,
            tokens=self.engine.graph.network.active_tokens,
            visible=self.engine.graph.visible,
            seed=self.seed,
        )
        values, heat = self.engine(torch.from_numpy(np.stack([window.frames for window in windows])), masks)
        return values.numpy(), heat.numpy()


def load(weights: str | Path, *, device: str = "auto", precision: str = "auto", backend: str = "torch") -> Scorer:
    """A scorer for `weights`: a run directory, a name of weights that come with the package, or a checkpoint file,
    which says nothing of rule, smoothing and levels.

    device: "auto" takes a GPU where there is one and the backend has a use for it. precision: "32-true", "bf16-mixed",
    or "auto", that of the training where processor and backend have it. backend: one of `engines.BACKENDS`.
    Raises UsageError, DataError.
    """
    path = find_weights(Path(weights))
    graph, card = load_graph(path)
    place = device_of("cpu" if device == "auto" and backend in CPU_BACKENDS else device)
    if precision == "auto":
        native = has_bfloat16(place.type) and backend != "onnx"
        precision = "bf16-mixed" if native and card.get("precision") == "bf16-mixed" else "32-true"
    engine = build_engine(graph, backend=backend, device=place, precision=precision)
    try:
        return Scorer(
            engine=engine,
            smoothing=Smoothing(**card.get("smoothing", {})),
            clip_offset=card.get("clip_offset", CLIP_OFFSET),
            seed=card.get("seed", 0),
            calibrations={name: Calibration.from_json(levels) for name, levels in card.get("calibration", {}).items()},
            fingerprint=sha256_of(path if path.is_file() else RunPaths(path).weights),
        )
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{weights}: its model.json is none of ours ({error!r}); train again or give others") from error


def load_graph(weights: Path) -> tuple[ScoringGraph, dict[str, Any]]:
    """How `weights` score a frame, and their card. Raises UsageError, DataError."""
    network, card = load_weights(weights)
    try:
        rule = _rule(card.get("rule", {"name": DefaultRule.name}))
        student, channels = card["stage"] == "student", card.get("channels", 3)
    except (KeyError, TypeError, AttributeError) as error:
        raise DataError(f"{weights}: its model.json is none of ours ({error!r}); train again or give others") from error
    return ScoringGraph(network.eval(), rule, with_student=student, channels=channels), card


def device_of(name: str) -> torch.device:
    """The device of that name, or the best there is for "auto". Raises UsageError."""
    if name == "auto":
        return torch.device("cuda" if torch.cuda.is_available() else "cpu")
    try:
        device = torch.device(name)
        torch.zeros(1, device=device)
    except (RuntimeError, AssertionError) as error:
        raise UsageError(f"device {name!r}: there is none such here; give auto, cpu or cuda") from error
    return device


def _rule(card: dict[str, Any]) -> Rule:
    kind = RULES[card["name"]]
    known = {field.name for field in fields(kind)}
    return kind(**{key: value for key, value in card.items() if key in known})


def _until_broken(
    frames: Iterable[tuple[int, UInt8[np.ndarray, "height width 3"] | None]], broken: list[DataError]
) -> Iterator[tuple[int, UInt8[np.ndarray, "height width 3"] | None]]:
    """The frames up to the error that ends them, if one does, which goes into `broken`."""
    try:
        yield from frames
    except DataError as error:
        broken.append(error)


def _batches(windows: Iterable[Window], size: int) -> Iterator[list[Window]]:
    """So many that the network sees at a time, fewer where much is left out; the last of a batch is never left out."""
    batch: list[Window] = []
    computed = 0
    for window in windows:
        batch.append(window)
        computed += window.computed
        if computed == size or (window.computed and len(batch) >= 2 * size):
            yield batch
            batch, computed = [], 0
    if batch:
        yield batch
