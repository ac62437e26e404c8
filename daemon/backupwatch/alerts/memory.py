"""What the person was told, kept apart from what is true.

One :class:`Memory` per thread: ``phone:UDID`` (its backups are missing), ``unseen:UDID``, ``deletion:UDID``,
``warning:UDID:CAUSE``, ``quota``, ``account`` and ``watcher:PROBLEM``. ``told`` is written only when a message was
proved to be shown; until then it is ``pending`` and can still be withdrawn.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any

from backupwatch.clock import parse_rfc3339


@dataclass(frozen=True, slots=True)
class Told:
    """What was last proved to be shown in a thread.

    :ivar state: the word that was told: a phone's state, an account's state, a number of days left.
    :ivar cause: the main cause that was named, or None.
    :ivar at: when.
    :ivar reminders: how many reminders have followed the first alert.
    :ivar causes: every cause named in this episode, and when last.
    :ivar under: the thread of the message that said it last, empty if it is this one's own.
    """

    state: str
    cause: str | None
    at: datetime
    first_at: datetime
    reminders: int = 0
    causes: Mapping[str, datetime] = field(default_factory=dict)
    under: str = ""


@dataclass(frozen=True, slots=True)
class Pending:
    """A message that waits in the outbox; it becomes :class:`Told` when it is shown.

    :ivar turn: which of this thread's messages it is; see :func:`backupwatch.alerts.policy.decide`.
    """

    id: str
    mark: str
    state: str
    cause: str | None
    created_at: datetime
    turn: int = 0


@dataclass(frozen=True, slots=True)
class Memory:
    """The memory of one thread.

    :ivar since: what the episode is known by: the start of the gap, or the first moment of a problem.
    :ivar gone_at: when the reason was first found gone, for threads that wait before they forget.
    """

    since: datetime | None = None
    told: Told | None = None
    pending: Pending | None = None
    gone_at: datetime | None = None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON for the store."""
        return {"since": _out(self.since), "gone_at": _out(self.gone_at)} | {
            "told": self.told
            and {
                "state": self.told.state,
                "cause": self.told.cause,
                "at": _out(self.told.at),
                "first_at": _out(self.told.first_at),
                "reminders": self.told.reminders,
                "causes": {cause: _out(at) for cause, at in self.told.causes.items()},
                "under": self.told.under,
            },
            "pending": self.pending
            and {
                "id": self.pending.id,
                "mark": self.pending.mark,
                "state": self.pending.state,
                "cause": self.pending.cause,
                "created_at": _out(self.pending.created_at),
                "turn": self.pending.turn,
            },
        }

    @staticmethod
    def from_json(data: Mapping[str, Any]) -> Memory:
        """The inverse of :meth:`to_json`."""
        told, pending = data.get("told"), data.get("pending")
        return Memory(
            _in(data.get("since")),
            told
            and Told(
                told["state"],
                told["cause"],
                parse_rfc3339(told["at"]),
                parse_rfc3339(told["first_at"]),
                told["reminders"],
                {cause: parse_rfc3339(at) for cause, at in told["causes"].items()},
                told.get("under", ""),
            ),
            pending
            and Pending(
                pending["id"],
                pending["mark"],
                pending["state"],
                pending["cause"],
                parse_rfc3339(pending["created_at"]),
                pending.get("turn", 0),
            ),
            _in(data.get("gone_at")),
        )


def shown(memory: Memory, message_id: str, under: str, now: datetime) -> Memory:
    """The memory after its pending message was proved to be shown; unchanged for any other message.

    :param under: the message's thread, by which it can be taken off the screen.
    """
    pending, told = memory.pending, memory.told
    if pending is None or pending.id != message_id:
        return memory
    if pending.mark == "recovered":
        return Memory()
    causes = dict(told.causes) if told else {}
    if pending.cause is not None:
        causes[pending.cause] = now
    reminders = told.reminders if told else 0
    if pending.mark == "reminder":
        reminders += 1
    elif pending.mark in {"first", "worse"}:
        reminders = 0
    first_at = told.first_at if told else now
    told = Told(pending.state, pending.cause, now, first_at, reminders, causes, under)
    return replace(memory, pending=None, told=told)


def not_from_the_future(memory: Memory, now: datetime) -> Memory:
    """After the clock was set back: what was told cannot have been told later than now."""
    told = memory.told
    if memory.gone_at is not None and memory.gone_at > now:
        memory = replace(memory, gone_at=now)
    if told is None or told.at <= now:
        return memory
    causes = {cause: min(at, now) for cause, at in told.causes.items()}
    return replace(memory, told=replace(told, at=now, first_at=min(told.first_at, now), causes=causes))


def _out(moment: datetime | None) -> str | None:
    return moment.isoformat() if moment else None


def _in(text: str | None) -> datetime | None:
    return parse_rfc3339(text) if text else None
