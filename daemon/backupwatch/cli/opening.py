"""What most commands begin with: the configuration, the store, and the phones that the person means."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final

from backupwatch import paths
from backupwatch.errors import BackupwatchError
from backupwatch.judge.verdict import DeviceVerdict
from backupwatch.settings.values import Config
from backupwatch.store import Store, open_store
from backupwatch.store.schema import migrate
from backupwatch.text import name, plain, short_udid

if TYPE_CHECKING:
    from backupwatch.settings.problems import Loaded

_FEW: Final = 6
"""So many names stand in one message."""
_END: Final = 4
"""So many characters of a UDID's end are shown, and tell a phone."""


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
    """The UDIDs that the person means: by UDID or name, the beginning of either, or the UDID's end.

    All when nothing is named.

    :param known: UDID and name.
    :raises BackupwatchError: one fits no phone, or more than one.
    """
    phones = list(known)
    if not wanted:
        return [udid for udid, _ in phones]
    return [_one(word, phones) for word in wanted]


def _one(word: str, phones: list[tuple[str, str]]) -> str:
    sought = word.casefold().strip()
    bare = sought.replace("-", "")
    labels = _labels(phones)
    bares = {udid: udid.casefold().replace("-", "") for udid, _ in phones}
    names = {udid: [each.casefold() for each in (called, labels[udid]) if each] for udid, called in phones}
    exact = [udid for udid in bares if sought in names[udid] or bare == bares[udid]]
    begins = [
        udid
        for udid in bares
        if any(each.startswith(sought) for each in names[udid]) or (bare and bares[udid].startswith(bare))
    ]
    end = bare.removeprefix("phone ").lstrip("…")  # "phone …00F1" stands in the tables
    ends = [udid for udid in bares if len(end) >= _END and bares[udid].endswith(end)]
    found = (exact or begins or ends) if sought else []
    if len(found) == 1:
        return found[0]
    if not found:
        known = _few(list(labels.values())) or "none yet"
        raise BackupwatchError(f"No phone is called “{plain(word)}”", fix=f"Known: {known}", exit_code=2)
    raise BackupwatchError(
        f"“{plain(word)}” fits {len(found)} phones ({_few([labels[udid] for udid in found])})",
        fix="Give more of the name, or the end of the UDID",
        exit_code=2,
    )


def _labels(phones: Sequence[tuple[str, str]]) -> dict[str, str]:
    """What each phone is shown as, by UDID: its name, with the UDID's end where the name alone does not tell it."""
    names = [name(called) for _, called in phones]
    return {
        udid: f"{name(called)} ({short_udid(udid)})"
        if name(called) == name("") or names.count(name(called)) > 1
        else name(called)
        for udid, called in phones
    }


def _few(labels: Sequence[str]) -> str:
    more = f" and {len(labels) - _FEW} more" if len(labels) > _FEW else ""
    return ", ".join(labels[:_FEW]) + more


def udids_and_names(devices: Iterable[DeviceVerdict]) -> list[tuple[str, str]]:
    """For :func:`pick`."""
    return [(device.udid, device.name) for device in devices]
