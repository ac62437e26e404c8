"""Long histories for the views: many kinds of one subject in one query, oldest first. Only reads."""

from __future__ import annotations

import json
import sqlite3
from collections import defaultdict
from collections.abc import Collection, Iterable
from datetime import UTC, datetime

from backupwatch.facts.observation import Subject
from backupwatch.facts.snapshot import Span


def tracks(
    connection: sqlite3.Connection, subject: Subject, kinds: Collection[str], since: datetime
) -> dict[str, tuple[Span, ...]]:
    """The spans of each kind that were still seen after ``since``, and the one before them, oldest first."""
    row = connection.execute(
        "SELECT id FROM subject WHERE kind = ? AND ident = ?", (subject.kind.value, subject.id)
    ).fetchone()
    if row is None:
        return {}
    found: dict[str, tuple[Span, ...]] = {}
    for kind in kinds:
        rows = connection.execute(
            "SELECT value, first_at, last_at, source, samples FROM span WHERE subject = ? AND kind = ? "
            "AND last_at >= ? ORDER BY first_at, last_at",
            (row[0], kind, since.timestamp()),
        ).fetchall()
        before = connection.execute(
            "SELECT value, first_at, last_at, source, samples FROM span WHERE subject = ? AND kind = ? "
            "AND last_at < ? ORDER BY last_at DESC LIMIT 1",
            (row[0], kind, since.timestamp()),
        ).fetchall()
        if rows or before:
            found[kind] = tuple(_spans([*before, *rows]))
    return found


def phones(connection: sqlite3.Connection) -> dict[str, str]:
    """UDID to the phone's own newest name, foreign text, empty where it never told one."""
    rows = connection.execute("SELECT id, ident FROM subject WHERE kind = 'phone' ORDER BY id").fetchall()
    names: dict[str, str] = defaultdict(str)
    for number, ident in rows:
        name = connection.execute(
            "SELECT value FROM span WHERE subject = ? AND kind = 'name' ORDER BY last_at DESC LIMIT 1", (number,)
        ).fetchone()
        value = json.loads(name[0]) if name else ""
        names[ident] = value if isinstance(value, str) else ""
    return dict(names)


def _spans(rows: Iterable[tuple[str, float, float, str, int]]) -> Iterable[Span]:
    for value, first, last, source, samples in rows:
        yield Span(
            json.loads(value), datetime.fromtimestamp(first, UTC), datetime.fromtimestamp(last, UTC), source, samples
        )
