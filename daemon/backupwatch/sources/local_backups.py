"""Backups on this computer, made by Finder, Apple Devices, iTunes, idevicebackup2 or pymobiledevice3."""

from __future__ import annotations

import asyncio
import errno
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import islice
from pathlib import Path
from typing import Final

from backupwatch import clock, paths, text
from backupwatch.clock import rfc3339
from backupwatch.errors import BackupwatchError
from backupwatch.facts import kinds
from backupwatch.facts.observation import HOST, Blind, BlindReason, Fact, Json, Observation, Subject, phone
from backupwatch.sources.local_backups_folder import Backup, State, read_backup, size_of, udid_of
from backupwatch.sources.look import Request

LOOK: Final = "local-backups"
MAX_ENTRIES: Final = 5_000
"""Entries of one place that are looked at; nobody has so many phones."""

COUNTING_S: Final = 30.0
"""Seconds of one look after which no more sizes are counted; one backup takes at most 20 more."""

_INSIDE = ("Backup", "MobileSync/Backup", "iMazing.Backups")
"""Where the backups are when somebody names the folder or the disk above."""


def usual_places() -> list[Path]:
    """Where Apple's programs keep their backups (support.apple.com/108809, and for the Microsoft Store's version
    several guides); most do not exist on any one computer."""
    home = Path.home()
    roaming = Path(os.environ.get("APPDATA") or home / "AppData" / "Roaming")
    return [
        home / "Library" / "Application Support" / "MobileSync" / "Backup",
        roaming / "Apple Computer" / "MobileSync" / "Backup",
        home / "Apple" / "MobileSync" / "Backup",
    ]


async def look(request: Request) -> AsyncIterator[Fact]:
    """Yield for every phone its newest finished backup (or its newest unfinished one), and which places could be read.

    Arguments: ``folders`` (list of str): places besides the usual ones. A folder that is gone is a Blind, since its
    disk may just not be attached: what was seen in it before stays true for its own date.
    """
    best: dict[str, Backup] = {}
    read: list[str] = []
    for place, wanted in [*((one, False) for one in usual_places()), *((one, True) for one in _named(request))]:
        backups, blinds = await asyncio.to_thread(_place, place, wanted, request)
        for blind in blinds:
            yield blind
        if backups is not None:
            read.append(_shown(place))
        for backup in backups or ():
            known = best.get(backup.udid)
            best[backup.udid] = backup if known is None else max(known, backup, key=_merit)
    yield Observation(HOST, kinds.LOCAL_BACKUP_PLACES, read, request.now, LOOK)
    sizes = _Sizes(paths.cache_dir(request.state) / "local-backup-sizes.json")
    for udid, backup in best.items():
        value: dict[str, Json] = {
            "finished_at": rfc3339(backup.finished_at) if backup.finished_at else None,
            "complete": backup.state is State.FINISHED,
            "state": backup.state.value,
            "encrypted": backup.encrypted,
            "bytes": await asyncio.to_thread(sizes.of, backup),
            "folder": _shown(backup.folder),
        }
        yield Observation(phone(udid), kinds.LOCAL_BACKUP_FOLDER, value, request.now, LOOK)
    sizes.save()


def _named(request: Request) -> list[Path]:
    folders = [folder for folder in request.args.get("folders", ()) if isinstance(folder, str) and "\0" not in folder]
    return [Path.home() / folder[2:] if folder.startswith("~/") else Path(folder) for folder in folders]


def _merit(backup: Backup) -> tuple[bool, float]:
    """A finished backup is worth more than any attempt, and a newer one more than an older one."""
    return backup.state is State.FINISHED, backup.finished_at.timestamp() if backup.finished_at else 0.0


def _place(place: Path, wanted: bool, request: Request) -> tuple[list[Backup] | None, list[Blind]]:
    """The backups in one place, None if it is not there or cannot be read, and what could not be seen."""
    try:
        entries = [place] if udid_of(place.name) and place.is_dir() else _entries(place)
    except OSError as error:
        return None, [] if not wanted and _nothing_there(place, error) else [_blind(HOST, place, error, request)]
    backups: list[Backup] = []
    blinds: list[Blind] = []
    for folder in (place / name for name in _INSIDE):
        try:
            entries += _entries(folder)
        except OSError as error:
            if not _nothing_there(folder, error):
                blinds.append(_blind(HOST, folder, error, request))
    for entry in entries:
        try:
            entry.stat()  # a link that leads nowhere says so here
            backup = read_backup(entry, request.now)
        except OSError as error:
            blinds.append(_blind(phone(udid_of(entry.name) or ""), entry, error, request))
            continue
        if backup is not None:
            backups.append(backup)
    return backups, blinds


def _entries(folder: Path) -> list[Path]:
    """What is named after a UDID in a folder; dangling links too, since they tell of a disk.

    :raises OSError: it cannot be listed.
    """
    with os.scandir(folder) as entries:
        some = islice(entries, MAX_ENTRIES)
        return [
            folder / entry.name for entry in some if udid_of(entry.name) and not entry.is_file(follow_symlinks=False)
        ]


def _nothing_there(place: Path, error: OSError) -> bool:
    """Absent, and no link that once led somewhere: then the program was simply never used here."""
    return error.errno in {errno.ENOENT, errno.ENOTDIR} and not any(one.is_symlink() for one in (place, place.parent))


def _blind(subject: Subject, place: Path, error: OSError, request: Request) -> Blind:
    shown = text.plain(_shown(place), 160)
    reason, sentence = BlindReason.GONE, f"{shown} is not there, perhaps because its disk is not attached"
    if error.errno == errno.EPERM and sys.platform == "darwin":
        reason = BlindReason.PERMISSION
        sentence = f"macOS does not let this program look into {shown}: it has no Full Disk Access"
    elif error.errno in {errno.EPERM, errno.EACCES}:
        reason, sentence = BlindReason.PERMISSION, f"This computer does not let this program look into {shown}"
    elif error.errno == errno.ENOTDIR:
        reason, sentence = BlindReason.GARBAGE, f"{shown} is not a folder"
    elif error.errno not in {errno.ENOENT, errno.ELOOP}:
        sentence = f"{shown} cannot be read ({text.plain(error.strerror or type(error).__name__)})"
    return Blind(subject, f"{LOOK}:{_shown(place)}", reason, sentence, request.now)


def _shown(folder: Path) -> str:
    """A path as text that every store and channel can hold, also where its bytes are no UTF-8."""
    return os.fsencode(folder).decode("utf-8", "replace")


class _Sizes:
    """Sizes of backups, counted again only when a backup changed: some have half a million files."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._old: dict[str, Json] = {}
        self._new: dict[str, Json] = {}
        self._until = clock.monotonic() + COUNTING_S
        with suppress(OSError, ValueError, RecursionError):
            old = json.loads(file.read_bytes()[: 4 * 1024 * 1024])
            self._old = old if isinstance(old, dict) else {}

    def of(self, backup: Backup) -> int | None:
        """Bytes, or None if they could not be counted (yet); a backup that is being written has no size."""
        if backup.state is State.IN_PROGRESS:
            return None
        key = f"{_shown(backup.folder)}|{backup.stamp}"
        known = self._old.get(key, "unknown")
        if known is None or (isinstance(known, int) and known >= 0):
            size = known
        elif clock.monotonic() > self._until:
            return None  # the next look goes on from here
        else:
            size = size_of(backup.folder)
        self._new[key] = size
        return size

    def save(self) -> None:
        """Keep the sizes; a full or read-only disk only costs counting again."""
        if self._new == self._old:
            return
        with suppress(OSError, BackupwatchError):
            paths.private_dir(self._file.parent)
            part = self._file.with_suffix(".part")
            part.write_text(json.dumps(self._new), encoding="utf-8")
            part.replace(self._file)
