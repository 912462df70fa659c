"""The two LightningModules around one network."""

from .options import StageOptions
from .student import StudentStage
from .teacher import TeacherStage

__all__ = ["StageOptions", "StudentStage", "TeacherStage"]
