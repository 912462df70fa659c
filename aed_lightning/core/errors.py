"""The errors a user can meet; the command line turns them into exit codes."""


class UsageError(Exception):
    """A command, option or configuration that cannot be meant. Exit code 2.

    The message names the thing, its value and what to do. `name` is a short fixed word that programs can compare
    (the refusals of docs/evaluation.md carry one), or none.
    """

    exit_code = 2

    def __init__(self, message: str, *, name: str | None = None) -> None:
        super().__init__(message)
        self.name = name


class DataError(Exception):
    """A file, folder, label or score that cannot be used. Exit code 1. Message and `name` as for `UsageError`."""

    exit_code = 1

    def __init__(self, message: str, *, name: str | None = None) -> None:
        super().__init__(message)
        self.name = name


class Interrupted(Exception):
    """The user or a scheduler ended the work; what is done was saved. Exit code 128 + the signal's number."""

    def __init__(self, message: str, *, signal_number: int) -> None:
        super().__init__(message)
        self.exit_code = 128 + signal_number
