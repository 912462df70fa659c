"""A trained model at work: frames in, scores out."""

from .scorer import ScoredFrame, Scorer, load

__all__ = ["ScoredFrame", "Scorer", "load"]
