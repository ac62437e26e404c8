"""What a message looks like where there is no desktop."""

from __future__ import annotations

import asyncio
import io
import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from rich.cells import cell_len

from backupwatch.alerts.message import Message, Urgency
from backupwatch.delivery.channel import Outcome
from backupwatch.delivery.terminal import TerminalChannel

ALERT = Message(
    "1",
    "Anna’s iPhone: no backup for 9 days",
    "iCloud storage is full: 5.0 of 5.0 GB used.\nFirst step: open Settings > Anna > iCloud > Storage.",
    Urgency.CRITICAL,
)


class Screen(io.StringIO):
    """A stream that says that it is a terminal."""

    encoding = "utf-8"

    def isatty(self) -> bool:
        return True


def without_colours(printed: str) -> str:
    """What is left when our own colours and weights are taken out."""
    return re.sub(r"\x1b\[[0-9;]*m", "", printed)


async def test_a_pipe_gets_plain_lines() -> None:
    """Without a terminal there is no frame and no colour, and the title comes first."""
    stream = io.StringIO()
    receipt = await TerminalChannel(stream, width=60).deliver(ALERT)

    assert receipt.shown
    assert stream.getvalue() == (
        "! Anna’s iPhone: no backup for 9 days\n"
        "  iCloud storage is full: 5.0 of 5.0 GB used.\n"
        "  First step: open Settings > Anna > iCloud > Storage.\n"
    )


async def test_a_terminal_gets_a_frame_as_wide_as_itself() -> None:
    """On a terminal the message stands in a frame whose lines are all equally wide, wide letters included."""
    screen = Screen()
    message = Message("1", "アンナのiPhone: no backup for 9 days", ALERT.body)
    await TerminalChannel(screen, width=50).deliver(message)

    lines = without_colours(screen.getvalue()).splitlines()
    assert {cell_len(line) for line in lines} == {50}
    assert "backupwatch" in lines[0]


async def test_a_poor_terminal_gets_question_marks_and_not_an_error() -> None:
    """Signs that a terminal's encoding lacks do not stop the message."""
    raw = io.BytesIO()
    stream = io.TextIOWrapper(raw, encoding="ascii")
    receipt = await TerminalChannel(stream, width=60).deliver(ALERT)

    assert receipt.shown
    assert raw.getvalue().startswith(b"! Anna?s iPhone: no backup for 9 days\n")


async def test_a_closed_output_is_not_a_success() -> None:
    """Printing into a closed stream is reported as not shown, without an exception."""
    stream = io.StringIO()
    stream.close()

    assert (await TerminalChannel(stream).deliver(ALERT)).outcome is Outcome.NEVER


@given(words=st.text(max_size=120), terminal=st.booleans())
def test_nothing_in_a_message_steers_the_terminal(words: str, terminal: bool) -> None:
    """Whatever a message contains, only our own colours reach the terminal as control codes."""
    screen = Screen() if terminal else io.StringIO()
    asyncio.run(TerminalChannel(screen, width=60).deliver(Message("1", words, words)))

    printed = without_colours(screen.getvalue())
    assert not [char for char in printed if char != "\n" and unicodedata.category(char) in {"Cc", "Cs"}]
