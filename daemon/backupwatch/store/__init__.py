"""Remembering, in one SQLite file: WAL, one writer (the daemon), readers anywhere."""

from __future__ import annotations

import sqlite3
from collections.abc import Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from backupwatch.facts.observation import Fact, Subject
from backupwatch.facts.snapshot import Snapshot, Span
from backupwatch.store import chronicle, observations, outbox
from backupwatch.store.opening import DamagedError, GoneError, Report, open_reader, open_writer, unusable
from backupwatch.store.outbox import Entry

__all__ = ["DamagedError", "Entry", "GoneError", "SourceStatus", "Store", "open_store", "read_store"]


@dataclass(frozen=True, slots=True)
class SourceStatus:
    """What became of a source's looks; moments are aware UTC.

    :ivar missed: rounds that did not start in time.
    :ivar deaths: workers that were killed at their deadline or crashed.
    """

    name: str
    tried_at: datetime | None
    ok_at: datetime | None
    next_at: datetime | None
    blind_since: datetime | None
    missed: int
    deaths: int


class Store:
    """One open store. Every method that writes is one transaction."""

    def __init__(self, connection: sqlite3.Connection, path: Path) -> None:
        self._db = connection
        self.path = path
        self._inode = _inode(path)

    @contextmanager
    def _writing(self) -> Iterator[sqlite3.Connection]:
        """A transaction; :raises BackupwatchError: locked, full or read-only: nothing was written."""
        try:
            self._db.execute("BEGIN IMMEDIATE")
            try:
                yield self._db
            except BaseException:
                if self._db.in_transaction:  # a disk that is full has rolled back already
                    self._db.execute("ROLLBACK")
                raise
            self._db.execute("COMMIT")
        except sqlite3.Error as error:
            raise unusable(self.path, error) from error

    @contextmanager
    def _reading(self) -> Iterator[sqlite3.Connection]:
        """Reads; :raises BackupwatchError: locked or damaged."""
        try:
            yield self._db
        except sqlite3.Error as error:
            raise unusable(self.path, error) from error

    def append(self, facts: Iterable[Fact]) -> None:
        """Remember the facts of one look."""
        with self._writing() as db:
            observations.append(db, facts)

    def snapshot(self, now: datetime) -> Snapshot:
        """What is known at ``now``."""
        with self._reading() as db:
            return observations.snapshot(db, now)

    def history(self, subject: Subject, kind: str, since: datetime) -> list[Span]:
        """All spans of one kind seen after ``since``, oldest first."""
        with self._reading() as db:
            return observations.history(db, subject, kind, since)

    def tracks(self, subject: Subject, kinds: Collection[str], since: datetime) -> dict[str, tuple[Span, ...]]:
        """The spans of many kinds seen after ``since``, and the one before them, oldest first."""
        return chronicle.tracks(self._db, subject, kinds, since)

    def phone_names(self) -> dict[str, str]:
        """UDID to the phone's own newest name (foreign text) of every phone that was ever seen."""
        return chronicle.phones(self._db)

    def blind_since(self, subject: Subject, look: str) -> datetime | None:
        """Since when such a look has seen nothing."""
        with self._reading() as db:
            return observations.blind_since(db, subject, look)

    def memories(self) -> dict[str, dict[str, Any]]:
        """What the person was told, by thread."""
        with self._reading() as db:
            return outbox.memories(db)

    def decide(
        self,
        changed: Mapping[str, Mapping[str, Any] | None],
        sends: Iterable[Entry],
        withdrawn: Iterable[str],
        now: datetime,
    ) -> None:
        """Write the next alert state and the messages that follow from it, together."""
        with self._writing() as db:
            outbox.write_decision(db, changed, sends, withdrawn, now)

    def due(self, now: datetime) -> list[Entry]:
        """Messages to show now."""
        with self._reading() as db:
            return outbox.due(db, now)

    def pending(self) -> list[Entry]:
        """All messages that nobody has seen yet."""
        with self._reading() as db:
            return outbox.pending(db)

    def next_try(self) -> datetime | None:
        """When the next message may be tried."""
        with self._reading() as db:
            return outbox.next_try(db)

    def alerts(self, since: datetime) -> list[Entry]:
        """Messages created after ``since``, whatever became of them."""
        with self._reading() as db:
            return outbox.ended(db, since)

    def spoken_of(self, ident: str) -> tuple[str, ...]:
        """The UDIDs of the phones that a message speaks of; none if there is no such message."""
        with self._reading() as db:
            return outbox.udids_of(db, ident)

    def shown(
        self, ident: str, channel: str, evidence: str, changed: Mapping[str, Mapping[str, Any] | None], now: datetime
    ) -> None:
        """A message was proved to be shown: note it, and in the same transaction that the person was told."""
        with self._writing() as db:
            outbox.mark_shown(db, ident, channel, evidence, now)
            outbox.write_decision(db, changed, (), (), now)

    def later(self, ident: str, detail: str, now: datetime) -> None:
        """A message could not be shown now."""
        with self._writing() as db:
            outbox.mark_later(db, ident, detail, now)

    def failed(self, ident: str, detail: str, now: datetime) -> None:
        """A message can never be shown."""
        with self._writing() as db:
            outbox.mark_failed(db, ident, detail, now)

    def retry_at_once(self, now: datetime) -> None:
        """Try what waits without further delay."""
        with self._writing() as db:
            outbox.retry_at_once(db, now)

    def snooze(self, udid: str, until: datetime, now: datetime) -> None:
        """Keep quiet about one phone until ``until``."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO snooze VALUES (?, ?, ?) ON CONFLICT (udid) DO UPDATE SET until = excluded.until, "
                "since = excluded.since",
                (udid, until.timestamp(), now.timestamp()),
            )

    def unsnooze(self, udid: str) -> bool:
        """End a snooze; False when there was none."""
        with self._writing() as db:
            return db.execute("DELETE FROM snooze WHERE udid = ?", (udid,)).rowcount > 0

    def snoozes(self, now: datetime) -> dict[str, datetime]:
        """UDID to the end of its snooze, those that still hold."""
        with self._reading() as db:
            rows = db.execute("SELECT udid, until, since FROM snooze WHERE until > ?", (now.timestamp(),)).fetchall()
        # One that begins in the future was made by a clock that was set back since: only its length counts.
        return {
            udid: min(datetime.fromtimestamp(until, UTC), now + timedelta(seconds=until - since))
            for udid, until, since in rows
        }

    def sources(self) -> dict[str, SourceStatus]:
        """What became of each source's looks."""
        columns = "name, tried_at, ok_at, next_at, blind_since, missed, deaths"
        with self._reading() as db:
            rows = db.execute(f"SELECT {columns} FROM source").fetchall()  # noqa: S608 - our own words
        return {
            name: SourceStatus(name, _moment(tried), _moment(ok), _moment(nxt), _moment(blind), missed, deaths)
            for name, tried, ok, nxt, blind, missed, deaths in rows
        }

    def looked(self, name: str, now: datetime, *, saw: bool, deaths: int = 0) -> None:
        """Note that a source looked, and whether it saw anything."""
        stamp = now.timestamp()
        with self._writing() as db:
            db.execute("INSERT OR IGNORE INTO source (name) VALUES (?)", (name,))
            db.execute(
                "UPDATE source SET tried_at = ?, ok_at = CASE WHEN ? THEN ? ELSE ok_at END, "
                "blind_since = CASE WHEN ? THEN NULL ELSE coalesce(blind_since, ?) END, deaths = deaths + ? "
                "WHERE name = ?",
                (stamp, saw, stamp, saw, stamp, deaths, name),
            )

    def plan(self, due: Mapping[str, datetime | None]) -> None:
        """Note when each source looks next; None: not before a person acts."""
        with self._writing() as db:
            for name, at in due.items():
                db.execute("UPDATE source SET next_at = ? WHERE name = ?", (at and at.timestamp(), name))

    def missed(self, rounds: Mapping[str, int]) -> None:
        """Note how many rounds of each source did not happen in time."""
        with self._writing() as db:
            for name, count in rounds.items():
                db.execute("INSERT OR IGNORE INTO source (name) VALUES (?)", (name,))
                db.execute("UPDATE source SET missed = missed + ? WHERE name = ?", (count, name))

    def meta(self, key: str) -> str | None:
        """A small value of the program's own."""
        with self._reading() as db:
            row = db.execute("SELECT value FROM meta WHERE key = ?", (key,)).fetchone()
        return row[0] if row else None

    def set_meta(self, key: str, value: str) -> None:
        """Keep a small value of the program's own."""
        with self._writing() as db:
            db.execute(
                "INSERT INTO meta VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value", (key, value)
            )

    def prune(self, now: datetime) -> None:
        """Forget what is too old to matter."""
        with self._writing() as db:
            observations.prune(db, now)

    def expect_in_place(self) -> None:
        """:raises GoneError: the file was deleted or replaced; what is written here, nobody would ever read."""
        if _inode(self.path) != self._inode:
            raise GoneError(f"The memory file {self.path} was deleted or replaced while it was in use")

    def close(self) -> None:
        """Close the file."""
        self._db.close()


def open_store(path: Path, now: datetime, report: Report = lambda _sentence: None, *, thorough: bool = True) -> Store:
    """A store to write to, made if needed.

    :param thorough: read the whole file for damage first, as the daemon does at its start.

    :param report: gets one sentence when a damaged file was moved aside.
    :raises BackupwatchError: it cannot be used; the sentence says why and what to do.
    """
    return Store(open_writer(path, now, report, thorough=thorough), path)


def read_store(path: Path) -> Store | None:
    """A store that is only read, or None when nothing was remembered yet.

    :raises BackupwatchError: it cannot be read.
    """
    connection = open_reader(path)
    return Store(connection, path) if connection else None


def _inode(path: Path) -> int | None:
    try:
        return path.stat().st_ino
    except OSError:
        return None


def _moment(stamp: float | None) -> datetime | None:
    return None if stamp is None else datetime.fromtimestamp(stamp, UTC)
