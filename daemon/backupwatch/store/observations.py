"""Facts: append, newest, history. A fact that repeats extends an interval instead of adding a row."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from backupwatch.facts import kinds
from backupwatch.facts.observation import (
    ACCOUNT,
    HOST,
    RELEASES,
    STATUS,
    Blind,
    BlindReason,
    Fact,
    Observation,
    Subject,
    SubjectKind,
)
from backupwatch.facts.snapshot import Snapshot, Span, View, as_moment
from backupwatch.store import newest

SAMPLE_WINDOW: Final = timedelta(days=45)
"""How far back sightings and log events go into a snapshot: longer than any gap that nights are counted over."""
MOMENT: Final = 1e-6
"""Seconds between two facts of which one is to count as the older."""
SAMPLE_KEEP: Final = timedelta(days=800)
"""After this sightings and events are forgotten; dates, versions and quota stay for ever."""


def append(connection: sqlite3.Connection, facts: Iterable[Fact]) -> None:
    """Add the facts of one look; the caller holds the transaction."""
    facts = list(facts)
    numbers: dict[Subject, int] = {}
    for fact in facts:
        number = numbers.setdefault(fact.subject, 0) or _number(connection, fact.subject)
        numbers[fact.subject] = number
        if isinstance(fact, Blind):
            _append_blind(connection, number, fact)
        elif kinds.keep(fact.kind) is kinds.Keep.EVENT:
            _append_event(connection, number, fact)
        else:
            _append_span(connection, number, fact)
    _clear_blinds(connection, facts, numbers)


def snapshot(connection: sqlite3.Connection, now: datetime) -> Snapshot:
    """What is known at ``now``; facts from after ``now`` (a clock set back) count as older than what came after."""
    since = (now - SAMPLE_WINDOW).timestamp()
    subjects = {
        number: Subject(SubjectKind(kind), ident)
        for number, kind, ident in connection.execute("SELECT id, kind, ident FROM subject")
    }
    tracks: dict[int, dict[str, list[Span]]] = defaultdict(lambda: defaultdict(list))
    rows = newest.span_rows(connection, since)
    for number, kind, source, value, first, last, count in _none_from_the_future(rows, now.timestamp()):
        tracks[number][kind].append(Span(json.loads(value), _moment(first), _moment(last), source, count))
    for number, kind, value, source, told in newest.event_rows(connection, subjects, since):
        tracks[number][kind].append(Span(json.loads(value), _moment(told), _moment(told), source))
    blinds: dict[int, list[Blind]] = defaultdict(list)
    for number, look, reason, sentence, first, last, retry in connection.execute("SELECT * FROM blind ORDER BY look"):
        seen, since_then = (_moment(min(stamp, now.timestamp())) for stamp in (last, first))
        blind = Blind(subjects[number], look, BlindReason(reason), sentence, seen, retry, since_then)
        blinds[number].append(blind)
    views = {
        subject: _view(subject, tracks.get(number, {}), blinds.get(number, [])) for number, subject in subjects.items()
    }
    return Snapshot(
        now,
        {subject.id: view for subject, view in views.items() if subject.kind is SubjectKind.PHONE},
        views.get(ACCOUNT, View(ACCOUNT)),
        views.get(STATUS, View(STATUS)),
        views.get(RELEASES, View(RELEASES)),
        views.get(HOST, View(HOST)),
    )


def history(connection: sqlite3.Connection, subject: Subject, kind: str, since: datetime) -> list[Span]:
    """All spans of one kind that were still seen after ``since``, oldest first."""
    rows = connection.execute(
        """
        SELECT value, first_at, last_at, source, samples FROM span
        JOIN subject ON subject.id = span.subject
        WHERE subject.kind = ? AND subject.ident = ? AND span.kind = ? AND last_at >= ? ORDER BY first_at
        """,
        (subject.kind.value, subject.id, kind, since.timestamp()),
    )
    return [Span(json.loads(value), _moment(first), _moment(last), source, n) for value, first, last, source, n in rows]


def blind_since(connection: sqlite3.Connection, subject: Subject, look: str) -> datetime | None:
    """Since when such a look has seen nothing without interruption."""
    row = connection.execute(
        "SELECT first_at FROM blind JOIN subject ON subject.id = subject WHERE kind = ? AND ident = ? AND look = ?",
        (subject.kind.value, subject.id, look),
    ).fetchone()
    return _moment(row[0]) if row else None


def prune(connection: sqlite3.Connection, now: datetime) -> None:
    """Forget sightings and log events older than :data:`SAMPLE_KEEP`; the caller holds the transaction."""
    before = (now - SAMPLE_KEEP).timestamp()
    marks = ", ".join("?" for _ in kinds.SAMPLES)
    connection.execute(f"DELETE FROM span WHERE last_at < ? AND kind IN ({marks})", (before, *kinds.SAMPLES))  # noqa: S608
    connection.execute("DELETE FROM event WHERE at < ?", (before,))


def _number(connection: sqlite3.Connection, subject: Subject) -> int:
    key = (subject.kind.value, subject.id)
    connection.execute("INSERT OR IGNORE INTO subject (kind, ident) VALUES (?, ?)", key)
    return int(connection.execute("SELECT id FROM subject WHERE kind = ? AND ident = ?", key).fetchone()[0])


def _append_span(connection: sqlite3.Connection, number: int, fact: Observation) -> None:
    value, at = json.dumps(fact.value, sort_keys=True, separators=(",", ":")), fact.observed_at.timestamp()
    row = connection.execute(
        "SELECT id, value, first_at, last_at FROM span WHERE subject = ? AND kind = ? AND source = ? "
        "ORDER BY id DESC LIMIT 1",  # the one written last, also after the clock was set back
        (number, fact.kind, fact.source),
    ).fetchone()
    if row and row[1] == value and row[2] <= at:
        slow = kinds.keep(fact.kind) is kinds.Keep.SLOW
        if slow or at - row[3] <= kinds.SAMPLE_GAP.total_seconds():
            connection.execute(
                "UPDATE span SET last_at = max(last_at, ?), samples = samples + 1 WHERE id = ?", (at, row[0])
            )
            return
    connection.execute(
        "INSERT INTO span (subject, kind, source, value, first_at, last_at) VALUES (?, ?, ?, ?, ?, ?)",
        (number, fact.kind, fact.source, value, at, at),
    )


def _append_event(connection: sqlite3.Connection, number: int, fact: Observation) -> None:
    at = as_moment(fact.value.get("at")) if isinstance(fact.value, Mapping) else None
    if at is None:
        return
    value = json.dumps(fact.value, sort_keys=True, separators=(",", ":"))
    connection.execute(
        "INSERT OR IGNORE INTO event VALUES (?, ?, ?, ?, ?, ?)",
        (number, fact.kind, at.timestamp(), value, fact.source, fact.observed_at.timestamp()),
    )


def _append_blind(connection: sqlite3.Connection, number: int, blind: Blind) -> None:
    at = blind.observed_at.timestamp()
    connection.execute(
        """
        INSERT INTO blind VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT (subject, look) DO UPDATE SET
            reason = excluded.reason, sentence = excluded.sentence, last_at = excluded.last_at,
            retry_after = excluded.retry_after
        """,
        (number, blind.look, blind.reason.value, blind.sentence, at, at, blind.retry_after),
    )


def _clear_blinds(connection: sqlite3.Connection, facts: list[Fact], numbers: Mapping[Subject, int]) -> None:
    """A look that saw something ends the blindness of that source for the subject, but for what it says anew."""
    saw = {(fact.subject, _base(fact.source)) for fact in facts if isinstance(fact, Observation)}
    again = {(fact.subject, fact.look) for fact in facts if isinstance(fact, Blind)}
    for subject, base in saw:
        looks = connection.execute("SELECT look FROM blind WHERE subject = ?", (numbers[subject],)).fetchall()
        for (look,) in looks:
            if _base(look) == base and (subject, look) not in again:
                connection.execute("DELETE FROM blind WHERE subject = ? AND look = ?", (numbers[subject], look))


def _none_from_the_future(rows: list[tuple[Any, ...]], now: float) -> Iterator[tuple[Any, ...]]:
    """Spans without their row number; a moment after ``now`` is moved before whatever was written later.

    A clock that was wrong and then set right has left them. Read like this they lose to every newer look, and
    nothing is lost should it be the present clock that is wrong.
    """
    latest: dict[tuple[int, str, str], float] = {}
    for _, number, kind, source, value, first, last, count in sorted(rows, reverse=True, key=lambda row: int(row[0])):
        key = (number, kind, source)
        end = last if last <= now else latest.get(key, now)
        begin = min(first, end)
        latest[key] = min(latest.get(key, now), begin - MOMENT)
        yield number, kind, source, value, begin, end, count


def _view(subject: Subject, tracks: Mapping[str, list[Span]], blinds: list[Blind]) -> View:
    own = {SubjectKind.PHONE: "iphone", SubjectKind.ACCOUNT: "icloud"}.get(subject.kind, "")
    seen = [span.last_at for spans in tracks.values() for span in spans if span.source.startswith(own)]
    return View(
        subject,
        {kind: tuple(sorted(spans, key=lambda span: (span.first_at, span.last_at))) for kind, spans in tracks.items()},
        tuple(blinds),
        max(seen, default=None),
    )


def _base(source: str) -> str:
    return source.partition(":")[0]


def _moment(stamp: float) -> datetime:
    return datetime.fromtimestamp(stamp, UTC)
