"""Alert state and unsent messages, written together: an alert is never remembered as told before it was shown.

A row's life: ``pending`` → ``shown`` (with the evidence), ``withdrawn`` (no longer true before anybody saw it) or
``failed`` (no channel can ever show it).
"""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from backupwatch.alerts.message import Message

FIRST_RETRY: Final = timedelta(seconds=30)
LONGEST_RETRY: Final = timedelta(minutes=10)
"""Back-off between attempts to show a message doubles up to this: a desktop that appears at last need not wait."""


@dataclass(frozen=True, slots=True)
class Entry:
    """A message with why it is sent and what became of it; moments are aware UTC.

    :ivar mark: the policy's reason: first, worse, cause, reminder, recovered, unseen, …
    :ivar udids: the phones that it speaks of.
    :ivar cause: the cause id that it names, or None.
    :ivar not_before: end of the quiet hours, or the moment of creation.
    """

    message: Message
    mark: str
    udids: tuple[str, ...]
    cause: str | None
    created_at: datetime
    not_before: datetime
    state: str = "pending"
    attempts: int = 0
    ended_at: datetime | None = None
    channel: str | None = None
    evidence: str | None = None


def memories(connection: sqlite3.Connection) -> dict[str, dict[str, Any]]:
    """What the person was told, by thread, as the policy wrote it."""
    told: dict[str, dict[str, Any]] = {}
    for thread, text in connection.execute("SELECT thread, memory FROM alert"):
        with suppress(ValueError):  # a row that damage has garbled: rather told again than never
            if isinstance(memory := json.loads(text), dict):
                told[thread] = memory
    return told


def write_decision(
    connection: sqlite3.Connection,
    changed: Mapping[str, Mapping[str, Any] | None],
    sends: Iterable[Entry],
    withdrawn: Iterable[str],
    now: datetime,
) -> None:
    """Write the next alert state with what follows from it; the caller holds the transaction.

    :param changed: thread to its new memory, or None to forget it.
    :param withdrawn: ids of pending messages that are no longer true.
    """
    for thread, memory in changed.items():
        if memory is None:
            connection.execute("DELETE FROM alert WHERE thread = ?", (thread,))
        else:
            connection.execute(
                "INSERT INTO alert VALUES (?, ?) ON CONFLICT (thread) DO UPDATE SET memory = excluded.memory",
                (thread, json.dumps(memory, sort_keys=True)),
            )
    for ident in withdrawn:
        connection.execute(
            "UPDATE outbox SET state = 'withdrawn', ended_at = ? WHERE id = ? AND state IN ('pending', 'failed')",
            (now.timestamp(), ident),
        )
    for entry in sends:
        # The same id again means that the same thing is to be said, perhaps with newer numbers: one that was
        # shown already stays shown, one that is being retried keeps its turn.
        connection.execute(
            """
            INSERT INTO outbox (id, thread, mark, message, udids, cause, created_at, not_before, next_try)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id) DO UPDATE SET
                message = excluded.message, not_before = excluded.not_before, state = 'pending',
                next_try = CASE WHEN state = 'pending' AND attempts > 0
                    THEN max(min(next_try, excluded.next_try + ?), excluded.next_try) ELSE excluded.next_try END
                WHERE state IN ('pending', 'withdrawn')
            """,
            (
                entry.message.id,
                entry.message.thread,
                entry.mark,
                entry.message.to_json(),
                json.dumps(entry.udids),
                entry.cause,
                entry.created_at.timestamp(),
                entry.not_before.timestamp(),
                entry.not_before.timestamp(),
                LONGEST_RETRY.total_seconds(),  # a turn further away was planned by a clock that was ahead
            ),
        )


def due(connection: sqlite3.Connection, now: datetime) -> list[Entry]:
    """Pending messages whose time has come, oldest first."""
    return _entries(connection, "state = 'pending' AND next_try <= ? ORDER BY created_at, id", (now.timestamp(),))


def pending(connection: sqlite3.Connection) -> list[Entry]:
    """All pending messages, oldest first."""
    return _entries(connection, "state = 'pending' ORDER BY created_at, id", ())


def next_try(connection: sqlite3.Connection) -> datetime | None:
    """When the next pending message may be tried."""
    row = connection.execute("SELECT min(next_try) FROM outbox WHERE state = 'pending'").fetchone()
    return _moment(row[0])


def ended(connection: sqlite3.Connection, since: datetime) -> list[Entry]:
    """Messages created after ``since``, oldest first, whatever became of them."""
    return _entries(connection, "created_at >= ? ORDER BY created_at, id", (since.timestamp(),))


def udids_of(connection: sqlite3.Connection, ident: str) -> tuple[str, ...]:
    """The phones that a message speaks of."""
    return next((entry.udids for entry in _entries(connection, "id = ?", (ident,))), ())


def mark_shown(connection: sqlite3.Connection, ident: str, channel: str, evidence: str, now: datetime) -> None:
    """Note the proof that a message was shown; the caller holds the transaction."""
    connection.execute(
        "UPDATE outbox SET state = 'shown', ended_at = ?, channel = ?, evidence = ?, attempts = attempts + 1 "
        "WHERE id = ?",
        (now.timestamp(), channel, evidence, ident),
    )


def mark_later(connection: sqlite3.Connection, ident: str, detail: str, now: datetime) -> None:
    """Note a failed attempt and when to try again; the caller holds the transaction."""
    attempts = connection.execute("SELECT attempts FROM outbox WHERE id = ?", (ident,)).fetchone()[0]
    wait = min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(attempts, 12))
    connection.execute(
        "UPDATE outbox SET attempts = attempts + 1, next_try = ?, evidence = ? WHERE id = ?",
        ((now + wait).timestamp(), detail, ident),
    )


def mark_failed(connection: sqlite3.Connection, ident: str, detail: str, now: datetime) -> None:
    """Note that no channel can ever show it; the caller holds the transaction."""
    connection.execute(
        "UPDATE outbox SET state = 'failed', ended_at = ?, evidence = ? WHERE id = ?", (now.timestamp(), detail, ident)
    )


def retry_at_once(connection: sqlite3.Connection, now: datetime) -> None:
    """A notification server has appeared, or the clock was set back: what waits is tried now.

    So is what failed for good: another start, another configuration or another day may have another way of speaking.
    """
    connection.execute(
        "UPDATE outbox SET next_try = CASE WHEN created_at > ? THEN ? ELSE max(not_before, ?) END, state = 'pending' "
        "WHERE state IN ('pending', 'failed')",
        (now.timestamp(),) * 3,
    )


def _entries(connection: sqlite3.Connection, where: str, values: tuple[Any, ...]) -> list[Entry]:
    columns = "message, mark, udids, cause, created_at, not_before, state, attempts, ended_at, channel, evidence"
    rows = connection.execute(f"SELECT {columns} FROM outbox WHERE {where}", values)  # noqa: S608 - our own words
    entries = []
    for row in rows:
        with suppress(ValueError, TypeError):  # a row that damage has garbled must not hold up the others
            entries.append(_entry(*row))
    return entries


def _entry(
    message: str,
    mark: str,
    udids: str,
    cause: str | None,
    created: float,
    not_before: float,
    state: str,
    attempts: int,
    end: float | None,
    channel: str | None,
    evidence: str | None,
) -> Entry:
    return Entry(
        Message.from_json(message),
        mark,
        tuple(json.loads(udids)),
        cause,
        datetime.fromtimestamp(created, UTC),
        datetime.fromtimestamp(not_before, UTC),
        state,
        attempts,
        _moment(end),
        channel,
        evidence,
    )


def _moment(stamp: float | None) -> datetime | None:
    return None if stamp is None else datetime.fromtimestamp(stamp, UTC)
