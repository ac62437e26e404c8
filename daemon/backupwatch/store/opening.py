"""Opening the store: a damaged file is moved aside and what can be read of it is kept; a newer one is left alone."""

from __future__ import annotations

import sqlite3
import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from backupwatch.errors import BackupwatchError
from backupwatch.paths import private_dir
from backupwatch.store.schema import VERSION, migrate

BUSY_MS = 5_000
"""Milliseconds to wait for another writer; a round writes for a few milliseconds."""

Report = Callable[[str], None]


class DamagedError(BackupwatchError):
    """The store cannot be read as it is; opening it anew may mend it."""


class GoneError(DamagedError):
    """The store's file is no longer where it was opened."""


def open_writer(path: Path, now: datetime, report: Report, *, thorough: bool) -> sqlite3.Connection:
    """The daemon's connection, checked and migrated.

    :param report: gets one sentence when something had to be mended.
    :raises BackupwatchError: locked, full, read-only, or written by a newer version.
    """
    private_dir(path.parent)
    try:
        return _checked(path, thorough=thorough)
    except OSError as error:
        raise unusable(path, error) from error
    except sqlite3.DatabaseError as error:
        if not _is_damage(error):
            raise unusable(path, error) from error
    aside = path.with_name(f"{path.name}.damaged-{now:%Y%m%d-%H%M%S}")
    try:
        path.rename(aside)
        for suffix in ("-wal", "-shm"):
            path.with_name(path.name + suffix).unlink(missing_ok=True)
        fresh = _checked(path, thorough=False)
        saved = _salvage(aside, fresh)
    except (OSError, sqlite3.Error) as error:
        raise unusable(path, error) from error
    report(f"The memory file was damaged; it is kept as {aside.name}, {saved} rows were saved and the watch goes on")
    return fresh


def open_reader(path: Path) -> sqlite3.Connection | None:
    """A connection that only reads, or None when there is no store yet.

    :raises BackupwatchError: it cannot be read.
    """
    if not path.exists():
        return None
    try:
        try:
            connection = sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True, timeout=BUSY_MS / 1000)
            connection.execute("SELECT 1 FROM sqlite_master").fetchone()
        except sqlite3.OperationalError:
            # A folder that cannot be written has no room for WAL's side files; what is there can still be read.
            connection = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
        version = _version(connection, path)
    except sqlite3.Error as error:
        raise unusable(path, error) from error
    if version < VERSION:
        connection.close()
        return None
    connection.isolation_level = None
    return connection


def unusable(path: Path, error: Exception) -> BackupwatchError:
    """The sentence for a store that cannot be used, by what is wrong with it."""
    words = str(error).lower()
    for sign, fix in (
        ("locked", "Another program holds it: end a second backupwatch, or wait a moment"),
        ("readonly", "Correct the permissions of the file and its folder"),
        ("read-only", "Correct the permissions of the file and its folder"),
        ("unable to open", "Correct the permissions of the file and its folder"),
        ("full", "Free some disk space"),
    ):
        if sign in words:
            return BackupwatchError(
                f"The memory file {path} cannot be used ({words[:80]})",
                meaning="Without it no alert can be remembered",
                fix=fix,
                retry=True,
            )
    # A closed one could not be opened anew the last time.
    damaged = _is_damage(error) or "disk i/o" in words or "closed database" in words
    kind = DamagedError if damaged else BackupwatchError
    return kind(
        f"The memory file {path} cannot be used ({words[:80]})",
        meaning="Without it no alert can be remembered",
        fix="See the log for details, or move the file away to start afresh",
    )


def _checked(path: Path, *, thorough: bool) -> sqlite3.Connection:
    connection = sqlite3.connect(path, timeout=BUSY_MS / 1000, isolation_level=None)
    try:
        if stat.S_IMODE(path.stat().st_mode) != 0o600:
            path.chmod(0o600)
        connection.execute("PRAGMA journal_mode = WAL")
        # NORMAL could lose the last transactions at a power cut, and with them an alert.
        connection.execute("PRAGMA synchronous = FULL")
        connection.execute("PRAGMA foreign_keys = ON")
        _version(connection, path)
        if thorough and (verdict := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
            raise sqlite3.DatabaseError(f"malformed: {verdict}")
        migrate(connection)
    except BaseException:
        connection.close()
        raise
    return connection


def _version(connection: sqlite3.Connection, path: Path) -> int:
    version = int(connection.execute("PRAGMA user_version").fetchone()[0])
    if version > VERSION:
        connection.close()
        raise BackupwatchError(
            f"The memory file {path} was written by a newer backupwatch (format {version}, this one knows {VERSION})",
            fix="Update backupwatch, or name another folder with BACKUPWATCH_STATE_DIR",
        )
    return version


def _is_damage(error: Exception) -> bool:
    words = str(error).lower()
    return any(sign in words for sign in ("malformed", "not a database", "corrupt", "no such table", "already exists"))


def _salvage(aside: Path, fresh: sqlite3.Connection) -> int:
    """Copy what can still be read, table by table; rows that cannot be read or do not fit are left."""
    saved = 0
    try:
        old = sqlite3.connect(f"{aside.as_uri()}?mode=ro&immutable=1", uri=True)
    except sqlite3.Error:
        return 0
    tables = [row[0] for row in fresh.execute("SELECT name FROM sqlite_master WHERE type = 'table'")]
    for table in tables:
        columns = [row[1] for row in fresh.execute(f"PRAGMA table_info({table})")]
        names, marks = ", ".join(columns), ", ".join("?" for _ in columns)
        fresh.execute("BEGIN IMMEDIATE")
        for order in ("ASC", "DESC"):  # from both ends towards the damage: the newest rows matter most
            try:
                for row in old.execute(f"SELECT {names} FROM {table} ORDER BY rowid {order}"):  # noqa: S608 - our schema
                    saved += fresh.execute(f"INSERT OR IGNORE INTO {table} VALUES ({marks})", row).rowcount  # noqa: S608
            except sqlite3.Error:
                continue
            break
        fresh.execute("COMMIT")
    old.close()
    return saved
