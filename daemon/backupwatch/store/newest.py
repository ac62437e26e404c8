"""The rows that a snapshot is made of, found along the indexes: what was remembered for years costs nothing."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Iterator
from heapq import nlargest
from typing import Final

from backupwatch.facts import kinds

SLOW_SPANS: Final = 120
"""Spans of one slow kind in a snapshot: four months of daily backups, four of quota readings every six hours."""
NEWEST_ONLY: Final = frozenset({kinds.BATTERY_PERCENT, kinds.FIND_MY_BATTERY})
"""Another number at every look, of which nobody asks the past."""

SpanRow = tuple[int, int, str, str, str, float, float, int]
"""id, subject, kind, source, value (JSON), first_at, last_at, samples; moments in seconds since 1970."""


def span_rows(connection: sqlite3.Connection, since: float) -> list[SpanRow]:
    """Of each subject's slow kinds the newest spans, of its samples those since ``since`` and the newest one."""
    found: list[SpanRow] = []
    by_kind: dict[tuple[int, str], list[str]] = {}
    for subject, kind, source in _tracks(connection):
        by_kind.setdefault((subject, kind), []).append(source)
    for (subject, kind), sources in by_kind.items():
        many = SLOW_SPANS if kind not in kinds.SAMPLES else 1
        rows = [row for source in sources for row in _newest(connection, subject, kind, source, many)]
        kept = nlargest(many, rows, key=_last_at) if len(sources) > 1 else rows
        if kind in kinds.SAMPLES and kind not in NEWEST_ONLY:
            kept = [row for row in kept if row[6] < since]
            kept += [row for source in sources for row in _since(connection, subject, kind, source, since)]
        found += kept
    return found


def event_rows(
    connection: sqlite3.Connection, subjects: Iterable[int], since: float
) -> Iterator[tuple[int, str, str, str, float]]:
    """Subject, kind, value (JSON), source and seen_at of the events since ``since``, oldest first for each subject."""
    for subject in subjects:
        for kind in sorted(kinds.EVENTS):
            yield from connection.execute(
                "SELECT subject, kind, value, source, seen_at FROM event "
                "WHERE subject = ? AND kind = ? AND at >= ? ORDER BY at",
                (subject, kind, since),
            )


def _tracks(connection: sqlite3.Connection) -> Iterator[tuple[int, str, str]]:
    """Every subject, kind and source that has spans: from one to the next along the index, not row by row."""
    for (subject,) in connection.execute("SELECT id FROM subject").fetchall():
        kind = ""
        while kind := _one(connection, "SELECT min(kind) FROM span WHERE subject = ? AND kind > ?", subject, kind):
            source = ""
            while source := _one(connection, _NEXT_SOURCE, subject, kind, source):
                yield subject, kind, source


_NEXT_SOURCE: Final = "SELECT min(source) FROM span WHERE subject = ? AND kind = ? AND source > ?"


def _one(connection: sqlite3.Connection, query: str, *values: int | str) -> str:
    return connection.execute(query, values).fetchone()[0] or ""


_COLUMNS: Final = "SELECT id, subject, kind, source, value, first_at, last_at, samples FROM span "


def _newest(connection: sqlite3.Connection, subject: int, kind: str, source: str, many: int) -> list[SpanRow]:
    return connection.execute(
        f"{_COLUMNS} WHERE subject = ? AND kind = ? AND source = ? ORDER BY last_at DESC LIMIT ?",
        (subject, kind, source, many),
    ).fetchall()


def _since(connection: sqlite3.Connection, subject: int, kind: str, source: str, since: float) -> list[SpanRow]:
    return connection.execute(
        f"{_COLUMNS} WHERE subject = ? AND kind = ? AND source = ? AND last_at >= ?", (subject, kind, source, since)
    ).fetchall()


def _last_at(row: SpanRow) -> float:
    return row[6]
