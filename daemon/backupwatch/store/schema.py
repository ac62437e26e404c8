"""Tables, and the ordered list of migrations: each in its own transaction with its number in ``user_version``."""

from __future__ import annotations

import sqlite3
from typing import Final

MIGRATIONS: Final = (
    # 1: facts as intervals, events, blind looks, alert state with its outbox, snoozes, what each source last did
    """
    CREATE TABLE subject (id INTEGER PRIMARY KEY, kind TEXT NOT NULL, ident TEXT NOT NULL, UNIQUE (kind, ident));
    CREATE TABLE span (
        id INTEGER PRIMARY KEY, subject INTEGER NOT NULL REFERENCES subject, kind TEXT NOT NULL,
        source TEXT NOT NULL, value TEXT NOT NULL, first_at REAL NOT NULL, last_at REAL NOT NULL,
        samples INTEGER NOT NULL DEFAULT 1
    );
    CREATE INDEX span_newest ON span (subject, kind, source);
    CREATE INDEX span_recent ON span (subject, kind, last_at);
    CREATE TABLE event (
        subject INTEGER NOT NULL REFERENCES subject, kind TEXT NOT NULL, at REAL NOT NULL, value TEXT NOT NULL,
        source TEXT NOT NULL, seen_at REAL NOT NULL, UNIQUE (subject, kind, at, value)
    );
    CREATE TABLE blind (
        subject INTEGER NOT NULL REFERENCES subject, look TEXT NOT NULL, reason TEXT NOT NULL,
        sentence TEXT NOT NULL, first_at REAL NOT NULL, last_at REAL NOT NULL, retry_after REAL,
        PRIMARY KEY (subject, look)
    );
    CREATE TABLE alert (thread TEXT PRIMARY KEY, memory TEXT NOT NULL);
    CREATE TABLE outbox (
        id TEXT PRIMARY KEY, thread TEXT NOT NULL, mark TEXT NOT NULL, message TEXT NOT NULL, udids TEXT NOT NULL,
        cause TEXT, created_at REAL NOT NULL, not_before REAL NOT NULL, next_try REAL NOT NULL,
        attempts INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL DEFAULT 'pending', ended_at REAL,
        channel TEXT, evidence TEXT
    );
    CREATE INDEX outbox_pending ON outbox (state, next_try);
    CREATE TABLE snooze (udid TEXT PRIMARY KEY, until REAL NOT NULL, since REAL NOT NULL);
    CREATE TABLE source (
        name TEXT PRIMARY KEY, tried_at REAL, ok_at REAL, next_at REAL, blind_since REAL,
        missed INTEGER NOT NULL DEFAULT 0, deaths INTEGER NOT NULL DEFAULT 0
    );
    CREATE TABLE meta (key TEXT PRIMARY KEY, value TEXT NOT NULL);
    """,
)

VERSION: Final = len(MIGRATIONS)


def migrate(connection: sqlite3.Connection) -> None:
    """Bring the file to :data:`VERSION`; each step is all or nothing, so a kill in the middle loses nothing.

    :raises sqlite3.Error: the file cannot be written or is damaged.
    """
    at = int(connection.execute("PRAGMA user_version").fetchone()[0])
    for number, script in enumerate(MIGRATIONS[at:], start=at + 1):
        connection.execute("BEGIN IMMEDIATE")
        try:
            for statement in filter(str.strip, script.split(";")):
                connection.execute(statement)
            connection.execute(f"PRAGMA user_version = {number}")
        except BaseException:
            connection.execute("ROLLBACK")
            raise
        connection.execute("COMMIT")
