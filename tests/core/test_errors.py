import signal

import pytest

from aed_lightning.core import DataError, Interrupted, UsageError


@pytest.mark.parametrize(("kind", "code"), [(UsageError, 2), (DataError, 1)])
def test_each_error_knows_its_exit_code_message_and_name(kind, code):
    plain, named = kind("frame size 30: use a multiple of 4"), kind("sigma -1: give 0 or more", name="bad_sigma")
    assert plain.exit_code == named.exit_code == code
    assert str(plain) == "frame size 30: use a multiple of 4"
    assert plain.name is None
    assert named.name == "bad_sigma"


def test_neither_error_is_a_kind_of_the_other():
    assert not issubclass(UsageError, DataError)
    assert not issubclass(DataError, UsageError)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143)])
def test_an_interruption_ends_with_the_code_of_its_signal(number, code):
    stopped = Interrupted("stopped after epoch 3; --resume auto goes on", signal_number=number)
    assert stopped.exit_code == code
    assert str(stopped) == "stopped after epoch 3; --resume auto goes on"
