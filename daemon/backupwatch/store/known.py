"""The phones that were ever seen, for suggestions and completion."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from backupwatch import paths
from backupwatch.facts import kinds
from backupwatch.store import read_store
from backupwatch.text import plain


def known_devices(state: Path | None = None) -> list[tuple[str, str]]:
    """UDID and name (safe to print) of each phone; empty when nothing is remembered.

    :param state: the state folder; None for the usual one.
    :raises BackupwatchError: the store cannot be read.
    """
    store = read_store(paths.store_file(state))
    if store is None:
        return []
    try:
        phones = store.snapshot(datetime.now(UTC)).phones
    finally:
        store.close()
    return [(udid, plain(name.value if (name := view.text(kinds.NAME)) else "")) for udid, view in phones.items()]
