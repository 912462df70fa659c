"""Pictures of training clips as the network sees them: what `prepare --preview DIR` writes.

FOLDER/clips-01-of-04.png …   contact sheets: a row a clip, every input, map and weight that the batch holds
FOLDER/clips.mp4              the same clips one after the other, their three frames in motion
"""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from jaxtyping import Float, UInt8

from ..anomalies.pasting import RandomPasting
from ..core import atomic_path
from ..core.clip import CLIP_FRAMES, Batch
from ..core.video_writer import VideoWriter
from .module import DataModule
from .opencv import cv2

Picture = UInt8[np.ndarray, "_ _ 3"]

ROWS_PER_SHEET = 6
PANEL_WIDTH = 256
"""Pixels, at least: smaller frames are shown larger, in whole steps, so that tokens keep sharp edges."""
LINE, GAP, FONT, GRAY = 18, 4, cv2.FONT_HERSHEY_SIMPLEX, 70
FRAMES_PER_SECOND, LOOPS = 5, 3
"""Of the video: each clip plays its three frames LOOPS times."""


@dataclass(frozen=True)
class ShownClip:
    """One clip of a batch, as pictures of the frame's size in RGB.

    title: video, frame, source of the pasted object. inputs: with what is pasted. target: the clean middle frame.
    anomaly_map: in white over the darkened middle frame. motion, token_weights: a color a token, from black to yellow
    at `largest_motion` (gray levels) and `largest_weight`.
    """

    title: str
    inputs: tuple[Picture, Picture, Picture]
    target: Picture
    anomaly_map: Picture
    motion: Picture
    token_weights: Picture
    largest_motion: float
    largest_weight: float


def write_preview(module: DataModule, folder: Path, clips: int = 24) -> list[Path]:
    """Write the first `clips` training clips of `module` to `folder`, in the order of training; the files written.

    The clips come from `module.train_dataloader` and `module.finish`, so the pictures show what the network sees. The
    store must be prepared.
    """
    shown = list(training_clips(module, clips))
    names, folder_files = _captions(module.clip_offset), []
    sheets = -(-len(shown) // ROWS_PER_SHEET)
    for number in range(sheets):
        part = shown[number * ROWS_PER_SHEET : (number + 1) * ROWS_PER_SHEET]
        sheet = np.concatenate([_sheet_row(clip, names) for clip in part])
        folder_files.append(folder / f"clips-{number + 1:02}-of-{sheets:02}.png")
        _write_png(folder_files[-1], sheet)
    folder_files.append(folder / "clips.mp4")
    _write_video(folder_files[-1], shown, names)
    return folder_files


def training_clips(module: DataModule, clips: int) -> Iterator[ShownClip]:
    """The first `clips` clips of the first epoch, or all where there are fewer."""
    loader = module.train_dataloader()
    pastings = {view.name: view.pasting for view in loader.dataset.views}
    left = clips
    for stack in loader:
        batch = module.finish(stack)
        for clip in range(min(left, len(batch.video))):
            pasting = pastings[batch.video[clip]]
            source = _source(batch, clip, pasting if isinstance(pasting, RandomPasting) else None)
            yield _shown(batch, clip, source, module.finish.patch_size)
        left -= min(left, len(batch.video))
        if left == 0:
            return


def _source(batch: Batch, clip: int, pasting: RandomPasting | None) -> str:
    """What was pasted into a clip, drawn once more: the batch has only the pixels of it."""
    told = "no anomaly pasted"
    if pasting is None:
        return told
    which = (batch.video[clip], int(batch.frame_index[clip]), int(batch.epoch[clip]))
    moving = pasting.drawn(*which)
    if moving is not None:
        share = float(batch.anomaly_map[clip].mean())
        told = f"pasted: {type(moving).__name__}, {100 * share:.2g} % of the frame"
    return told if pasting.decoy(*which) is None else f"{told}, and a decoy"


def _shown(batch: Batch, clip: int, source: str, patch_size: int) -> ShownClip:
    height, width = batch.target.shape[2:]
    frames = [_picture(frame) for frame in batch.inputs[clip].reshape(CLIP_FRAMES, 3, height, width)]
    grid = (height // patch_size, width // patch_size)
    motion, weights = (tokens[clip].reshape(grid) for tokens in (batch.motion, batch.token_weights))
    pasted = batch.anomaly_map[clip, 0].numpy() > 0
    return ShownClip(
        title=f"{batch.video[clip]}  frame {int(batch.frame_index[clip])}  {source}",
        inputs=(frames[0], frames[1], frames[2]),
        target=_picture(batch.target[clip]),
        anomaly_map=np.where(pasted[..., None], np.uint8(255), frames[1] // 3),
        motion=_heat(motion, (height, width)),
        token_weights=_heat(weights, (height, width)),
        largest_motion=float(motion.max()),
        largest_weight=float(weights.max()),
    )


def _picture(frame: Float[torch.Tensor, "3 height width"]) -> Picture:
    """A frame in [-1, 1] as RGB bytes."""
    values = ((frame + 1) * 127.5).round().clamp(0, 255).to(torch.uint8)
    return np.ascontiguousarray(values.permute(1, 2, 0).numpy())


def _heat(tokens: Float[torch.Tensor, "rows columns"], size: tuple[int, int]) -> Picture:
    """Token values from 0 to their maximum as colors, each over its whole patch."""
    values = tokens.numpy()
    gray = np.rint(255 * values / max(float(values.max()), 1e-12)).astype(np.uint8)
    large = cv2.resize(gray, (size[1], size[0]), interpolation=cv2.INTER_NEAREST)
    return np.asarray(cv2.cvtColor(cv2.applyColorMap(large, cv2.COLORMAP_INFERNO), cv2.COLOR_BGR2RGB), dtype=np.uint8)


def _captions(offset: int) -> tuple[str, str, str]:
    return f"t-{offset}", "t", f"t+{offset}"


def _sheet_row(clip: ShownClip, names: tuple[str, str, str]) -> Picture:
    """All panels of a clip side by side, under its title."""
    panels = [
        *(_panel(picture, name) for picture, name in zip(clip.inputs, names, strict=True)),
        _panel(clip.target, "t, no anomaly: the target"),
        *_map_panels(clip),
    ]
    row = np.concatenate(panels, axis=1)
    return np.concatenate([_text_line(clip.title, row.shape[1]), row, _gap(GAP, row.shape[1])])


def _map_panels(clip: ShownClip) -> list[Picture]:
    return [
        _panel(clip.anomaly_map, "anomaly map"),
        _panel(clip.motion, f"motion, up to {clip.largest_motion:.0f}"),
        _panel(clip.token_weights, f"token weights, up to {clip.largest_weight:.3f}"),
    ]


def _panel(picture: Picture, name: str) -> Picture:
    """A picture, large enough to see, with its name above and a gap to its right."""
    factor = -(-PANEL_WIDTH // picture.shape[1])
    large = picture.repeat(factor, axis=0).repeat(factor, axis=1)
    named = np.concatenate([_text_line(name, large.shape[1]), large])
    return np.concatenate([named, _gap(len(named), GAP)], axis=1)


def _text_line(text: str, width: int) -> Picture:
    line = np.zeros((LINE, width, 3), dtype=np.uint8)
    cv2.putText(line, text, (3, LINE - 5), FONT, 0.42, (255, 255, 255), 1, cv2.LINE_AA)
    return line


def _gap(height: int, width: int) -> Picture:
    return np.full((height, width, 3), GRAY, dtype=np.uint8)


def _write_png(file: Path, picture: Picture) -> None:
    with atomic_path(file) as partial:
        partial.write_bytes(cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))[1].tobytes())


def _write_video(file: Path, clips: list[ShownClip], names: tuple[str, str, str]) -> None:
    """Each clip for a few seconds: its frames in motion beside the maps."""
    pages = [_video_pages(clip, names) for clip in clips]
    height, width, _ = pages[0][0].shape
    with atomic_path(file) as partial, VideoWriter(partial, (height, width), FRAMES_PER_SECOND) as writer:
        for page in pages:
            for _ in range(LOOPS):
                for picture in page:
                    writer.write(picture)


def _video_pages(clip: ShownClip, names: tuple[str, str, str]) -> list[Picture]:
    """A picture for each of the three frames: the frame above the anomaly map, beside motion above weights."""
    anomaly_map, motion, weights = _map_panels(clip)
    pages = []
    for picture, name in zip(clip.inputs, names, strict=True):
        left = np.concatenate([_panel(picture, name), anomaly_map])
        page = np.concatenate([left, np.concatenate([motion, weights])], axis=1)
        page = np.concatenate([_text_line(clip.title, page.shape[1]), page])
        # H.264 takes even sizes only.
        pages.append(np.pad(page, ((0, page.shape[0] % 2), (0, page.shape[1] % 2), (0, 0))))
    return pages
