"""Where synthetic anomalies come from: sources draw moving objects, moving objects give sprites to paste."""

from .mixed import Mixed
from .procedural import ProceduralTraining, ProceduralValidation
from .self_cut import SelfCut
from .source import AnomalySource, MovingObject
from .ubnormal import UBnormalObjects

__all__ = [
    "AnomalySource",
    "Mixed",
    "MovingObject",
    "ProceduralTraining",
    "ProceduralValidation",
    "SelfCut",
    "UBnormalObjects",
]
