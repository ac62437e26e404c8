"""What most commands begin with: the configuration, the store, and the phones that the person means."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from backupwatch import paths
from backupwatch.errors import BackupwatchError
from backupwatch.judge.verdict import DeviceVerdict
from backupwatch.settings.values import Config
from backupwatch.store import Store, open_store
from backupwatch.store.schema import migrate
from backupwatch.text import name, plain

if TYPE_CHECKING:
    from backupwatch.settings.problems import Loaded


def config_of(path: Path | None) -> Config:
    """The configuration; its warnings go to standard error.

    :raises ConfigError: it cannot be used.
    """
    return loaded_of(path).config


def loaded_of(path: Path | None) -> Loaded:
    """The configuration with what was remarked about it, which goes to standard error.

    :raises ConfigError: it cannot be used.
    """
    import sys

    from backupwatch.settings.load import load

    loaded = load(path, must_exist=path is not None)
    for warning in loaded.warnings:
        print(warning, file=sys.stderr)
    return loaded


def store_for_looking(now: datetime) -> Store:
    """The store, or, where it cannot be written, one in memory that is forgotten afterwards."""
    path = paths.store_file()
    try:
        return open_store(path, now, thorough=False)
    except BackupwatchError:
        memory = sqlite3.connect(":memory:", isolation_level=None)
        try:
            source = sqlite3.connect(f"{path.as_uri()}?mode=ro&immutable=1", uri=True)
            source.backup(memory)
            source.close()
        except sqlite3.Error:
            memory.close()
            memory = sqlite3.connect(":memory:", isolation_level=None)
        migrate(memory)
        return Store(memory, path)


def pick(wanted: Sequence[str], known: Iterable[tuple[str, str]]) -> list[str]:
    """The UDIDs that the person means: by UDID or name, or the beginning of either; all when nothing is named.

    :param known: UDID and name.
    :raises BackupwatchError: one fits no phone, or more than one.
    """
    phones = list(known)
    if not wanted:
        return [udid for udid, _ in phones]
    return [_one(word, phones) for word in wanted]


def _one(word: str, phones: list[tuple[str, str]]) -> str:
    sought, bare = word.casefold().strip(), word.casefold().replace("-", "")
    exact = [udid for udid, called in phones if sought == called.casefold() or bare == udid.casefold().replace("-", "")]
    begins = [
        udid
        for udid, called in phones
        if called.casefold().startswith(sought) or udid.casefold().replace("-", "").startswith(bare)
    ]
    found = exact or begins
    if len(found) == 1 and sought:
        return found[0]
    names = ", ".join(name(called) for _, called in phones[:6]) or "none yet"
    if not found or not sought:
        raise BackupwatchError(f"No phone is called “{plain(word)}”", fix=f"Known: {names}", exit_code=2)
    raise BackupwatchError(
        f"“{plain(word)}” fits {len(found)} phones", fix="Give more of the name, or the UDID", exit_code=2
    )


def udids_and_names(devices: Iterable[DeviceVerdict]) -> list[tuple[str, str]]:
    """For :func:`pick`."""
    return [(device.udid, device.name) for device in devices]
