"""Messages survive the outbox."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from backupwatch.alerts.message import Action, Message, Urgency

# Every text that Python can hold and a file can store, emoji and right-to-left letters included.
WORDS = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)

MESSAGES = st.builds(
    Message,
    id=WORDS,
    title=WORDS,
    body=WORDS,
    urgency=st.sampled_from(Urgency),
    actions=st.lists(st.builds(Action, WORDS, WORDS), max_size=3).map(tuple),
    thread=WORDS,
    udid=st.none() | WORDS,
    link=WORDS,
)


@given(MESSAGES)
def test_a_message_comes_out_of_the_outbox_as_it_went_in(message: Message) -> None:
    """Whatever a message says, storing and reading it gives an equal one, on one line."""
    line = message.to_json()

    assert Message.from_json(line) == message
    assert "\n" not in line


def test_a_message_of_an_older_version_is_still_read() -> None:
    """Parts that did not exist when it was stored get their defaults."""
    old = json.dumps({"id": "a", "title": "t", "body": "b"})

    assert Message.from_json(old) == Message("a", "t", "b")


@pytest.mark.parametrize(
    "line",
    [
        "",
        "null",
        "[]",
        "{}",
        '{"id": 1, "title": "t", "body": "b"}',
        '{"id": "a", "title": "t", "body": "b", "urgency": "panic"}',
        '{"id": "a", "title": "t", "body": "b", "urgency": 3}',
        '{"id": "a", "title": "t", "body": "b", "actions": [["steps"]]}',
        '{"id": "a", "title": "t", "body": "b", "actions": {"steps": "x"}}',
        '{"id": "a", "title": "t", "body": "b", "udid": 7}',
    ],
)
def test_a_damaged_message_is_an_error_and_not_a_half_message(line: str) -> None:
    """A stored line that is no message is refused as a whole."""
    with pytest.raises(ValueError):  # noqa: PT011 - every kind of damage is the same error
        Message.from_json(line)
