"""The phones that were ever seen, for suggestions and completion; an empty list where nothing is remembered yet."""

from __future__ import annotations

import importlib
from pathlib import Path

from backupwatch import paths
from backupwatch.errors import BackupwatchError


def known_devices(state: Path | None = None) -> list[tuple[str, str]]:
    """UDID and name of each known phone; nothing here is worth failing for.

    :param state: the state folder; ``None`` for the usual one.
    """
    try:
        store = importlib.import_module("backupwatch.store.known")
        found: list[tuple[str, str]] = store.known_devices(state or paths.state_dir())
        return found
    except (ImportError, OSError, BackupwatchError):
        return []
