def assert_refused(outcome, code: int, *parts: str) -> None:
    """A command ended with one error that has these parts."""
    assert outcome.code == code, outcome
    for part in parts:
        assert part in outcome.errors, outcome.errors
    assert outcome.errors.count("error:") == 1
    assert "Traceback" not in outcome.errors
