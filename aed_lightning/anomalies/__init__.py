"""Where synthetic anomalies come from: sources draw moving objects, moving objects give sprites to paste."""

from .procedural import ProceduralTraining, ProceduralValidation
from .source import AnomalySource, MovingObject

__all__ = ["AnomalySource", "MovingObject", "ProceduralTraining", "ProceduralValidation"]
