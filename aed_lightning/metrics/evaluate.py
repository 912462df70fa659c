"""One call for every figure of frame scores, ours or anybody's."""

import inspect
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from aed_lightning.core import FrameScores, UsageError

from .official import official
from .standard import standard

PROTOCOLS: dict[str, Callable[..., dict[str, Any]]] = {"standard": standard, "official": official}


def evaluate(videos: Sequence[FrameScores], protocol: str = "standard", **parameters: Any) -> dict[str, Any]:
    """Figures of the frame scores of a test set, ready for JSON (docs/evaluation.md).

    protocol "standard": `sigma_frames` (0.0, no smoothing), `per_video_minmax` (false), `stride` (1), `causal` (false);
    gives micro_auc, macro_auc (none without a video of both classes), skipped_videos, per_video_auc, average_precision,
    eer, smoothing and the other parameters, and with kinds per_kind: kind -> auc, frames. Defects are a DataError.
    protocol "official": `range` (38), `mu` (11), `per_video_minmax` (false), `variant` ("inference"); gives micro_auc,
    macro_auc_padded, per_video_auc_padded and the parameters. Raises what the released code raises.
    An unknown protocol or parameter is a UsageError.
    """
    check_parameters(protocol, parameters)
    return PROTOCOLS[protocol](list(videos), **parameters)


def check_parameters(protocol: str, parameters: Mapping[str, Any]) -> None:
    """Refuse an unknown protocol, or a parameter that the protocol does not know, with UsageError."""
    if protocol not in PROTOCOLS:
        raise UsageError(f"protocol {protocol!r}: give one of {', '.join(PROTOCOLS)}", name="unknown_protocol")
    known = [name for name in inspect.signature(PROTOCOLS[protocol]).parameters if name != "videos"]
    for name, value in parameters.items():
        if name not in known:
            raise UsageError(
                f"parameter {name}={value!r} of protocol {protocol!r}: give only {', '.join(known)}",
                name="unknown_parameter",
            )
