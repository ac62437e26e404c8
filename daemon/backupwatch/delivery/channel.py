"""What every way of speaking has in common: it takes a finished message and says what became of it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from backupwatch.alerts.message import Message


class Outcome(StrEnum):
    """What became of one attempt."""

    SHOWN = "shown"
    """There is proof that somebody took the message in order to show it."""

    LATER = "later"
    """Not shown, and the same message may succeed later without being changed: keep it and try again."""

    NEVER = "never"
    """Not shown, and this channel on this machine will not show it; trying again is pointless."""


@dataclass(frozen=True)
class Receipt:
    """The answer to one attempt.

    ``evidence`` says what was proved, such as ``dunst 1.9.0 took it as notification 12``, and is empty unless
    the outcome is :attr:`Outcome.SHOWN`. ``detail`` is one sentence for the person: why not, and what to do.
    """

    outcome: Outcome
    channel: str
    evidence: str = ""
    detail: str = ""

    @property
    def shown(self) -> bool:
        """Whether there is proof that the message was taken to be shown."""
        return self.outcome is Outcome.SHOWN


ActionHandler = Callable[[str, str, str | None, str], Awaitable[None]]
"""Called with (message id, thread, udid, action id) when a button is pressed or the message is clicked."""


class Channel(Protocol):
    """One way of speaking.

    Nothing here raises for a reason that lies outside the program: a failure is a :class:`Receipt`. Nothing
    here decides whether to speak, or how often.
    """

    @property
    def name(self) -> str:
        """One word, such as ``desktop``."""
        ...

    async def deliver(self, message: Message) -> Receipt:
        """Show ``message`` in place of an earlier one of its thread, and answer within the deadline."""
        ...

    async def withdraw(self, thread: str) -> None:
        """Take the message of ``thread`` off the screen if it is still there; harmless if it is not."""
        ...

    async def close(self) -> None:
        """Let go of connections and processes; what is on the screen stays there."""
        ...
