"""Where synthetic anomalies come from: sources draw moving objects, moving objects give sprites to paste."""

from .carrying import Carrying
from .mixed import Mixed
from .procedural import ProceduralTraining, ProceduralValidation
from .self_cut import SelfCut
from .source import AnomalySource, MovingObject
from .ubnormal import UBnormalObjects

__all__ = [
    "AnomalySource",
    "Carrying",
    "Mixed",
    "MovingObject",
    "ProceduralTraining",
    "ProceduralValidation",
    "SelfCut",
    "UBnormalObjects",
]
