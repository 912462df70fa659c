import base64
import time

import pytest
from event_receiver import EventReceiver, event_receiver

from aed_lightning.core import UsageError
from aed_lightning.runtime.notify import Notifier


def wait_for_events(receiver: EventReceiver, number: int) -> None:
    deadline = time.monotonic() + 60
    while len(receiver.events) < number:
        assert time.monotonic() < deadline
        time.sleep(0.02)


@pytest.mark.parametrize("status", [500, 302, 307], ids=["error", "redirection", "lasting redirection"])
def test_events_are_posted_in_order_and_again_until_they_are_taken(status: int):
    with event_receiver(2, status) as receiver, Notifier(receiver.address) as notifier:
        notifier.post({"start": 0})
        notifier.post({"start": 9})
        wait_for_events(receiver, 2)
    assert receiver.events == [{"start": 0}, {"start": 9}]
    assert notifier.lost == 0
    assert receiver.authorizations == [None] * 4


@pytest.mark.parametrize(("written", "password"), [("secret", "secret"), ("s%2Fe%40%25t", "s/e@%t"), ("s@e", "s@e")])
def test_user_and_password_of_the_address_are_sent_as_authorization(written: str, password: str):
    with event_receiver() as receiver:
        address = receiver.address.replace("://", f"://me:{written}@")
        with Notifier(address) as notifier:
            notifier.post({"start": 0})
            wait_for_events(receiver, 1)
    assert receiver.authorizations == ["Basic " + base64.b64encode(f"me:{password}".encode()).decode()]


@pytest.mark.parametrize(
    "address",
    [
        "ftp://me:secret@host/",
        "http://me:sec/secret@host/",
        "http://me:12/secret@host/",
        "http://",
        "http://me:secret@",
    ],
)
def test_an_address_that_cannot_be_posted_to_is_refused_without_its_password(address: str):
    with pytest.raises(UsageError, match=r"--notify .*: give ") as refusal:
        Notifier(address)
    assert "secret" not in str(refusal.value)
    assert refusal.value.__cause__ is None
