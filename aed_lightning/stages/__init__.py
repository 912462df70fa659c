"""The two LightningModules around one network."""

from .options import StageOptions, TeacherOptions
from .student import StudentStage
from .teacher import TeacherStage

__all__ = ["StageOptions", "StudentStage", "TeacherOptions", "TeacherStage"]
