from pathlib import Path

import numpy as np
import pytest
from films import SIZE, bank_of

from aed_lightning.anomalies import AnomalySource, Carrying, MovingObject, ProceduralTraining, ProceduralValidation, SelfCut
from aed_lightning.anomalies.carrying import Together
from aed_lightning.anomalies.mixed import cutters, decoys_of
from aed_lightning.core import UsageError, generator
from aed_lightning.core.clip import Sprite
