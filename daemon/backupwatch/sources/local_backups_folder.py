"""One backup folder: is it finished, of when, encrypted, how big. Reads only; believes nothing it reads.

Which file says what, and in which minutes it cannot be trusted, was read from MobileBackup.framework of iOS 26.1,
``tools/idevicebackup2.c`` of libimobiledevice and ``services/mobilebackup2.py`` of pymobiledevice3 11.45, and
measured on macOS 26.6 by haiggoh/mac-iphone-backup-cloudsync.
"""

from __future__ import annotations

import errno
import io
import os
import plistlib
import re
import stat
import struct
import time
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from pathlib import Path
from typing import Any, Final
from xml.parsers.expat import ExpatError

UDID_FOLDER: Final = re.compile(r"([0-9a-fA-F]{40}|[0-9a-fA-F]{8}-[0-9a-fA-F]{16})(-\d{8}-\d{6})?")
"""``<UDID>``, or ``<UDID>-YYYYMMDD-HHMMSS`` for an archived copy."""

QUIET: Final = timedelta(minutes=5)
"""Finder rewrites Info.plist up to 235 s after it wrote "finished", passing through an empty file."""

STATUS_CAP, MANIFEST_CAP, INFO_CAP = 64 * 1024, 32 * 1024 * 1024, 64 * 1024 * 1024
"""Bytes that are read: honest ones have 200 bytes, some MB, and up to 58 MB with all the artwork of all apps."""

MAX_FILES: Final = 2_000_000
_WALK_S = 20.0
_OLDEST, _SKEW = datetime(2007, 6, 29, tzinfo=UTC), timedelta(hours=1)  # the first iPhone was sold

_BROKEN_PLIST = (
    ArithmeticError,
    AttributeError,
    ExpatError,
    LookupError,
    MemoryError,
    RecursionError,
    TypeError,
    ValueError,
    struct.error,
)
"""Everything that plistlib was seen to raise on garbage; its own exception is a ValueError."""


class State(StrEnum):
    """How far a backup came."""

    FINISHED = "finished"
    IN_PROGRESS = "in-progress"  # something was written within the last minutes
    UNFINISHED = "unfinished"  # interrupted, or damaged


@dataclass(frozen=True, slots=True)
class Backup:
    """One backup folder.

    :ivar udid: as a phone spells it: 40 small hex digits, or 8 and 16 capital ones.
    :ivar finished_at: the date that the files give (aware UTC), whatever the state; None if none is believable.
    :ivar encrypted: None if the files do not say.
    :ivar stamp: changes when the backup does.
    """

    folder: Path
    udid: str
    state: State
    finished_at: datetime | None
    encrypted: bool | None
    stamp: str


def udid_of(folder_name: str) -> str | None:
    """The UDID in the name of a backup folder, or None if it is no such name."""
    match = UDID_FOLDER.fullmatch(folder_name)
    if match is None:
        return None
    return match[1].upper() if "-" in match[1] else match[1].lower()


def read_backup(folder: Path, now: datetime) -> Backup | None:
    """What is known of a folder named after a UDID; None if there is no sign of a backup in it.

    :raises PermissionError: the operating system does not let us look.
    :raises OSError: the disk does not answer as a disk should.
    """
    udid = udid_of(folder.name)
    names = ("Status.plist", "Info.plist", "Manifest.plist", "Manifest.db", "Manifest.mbdb")
    looks = {name: _stat(folder / name) for name in names}
    if udid is None or not any(looks.values()):
        return None
    status, manifest = _plist(folder / "Status.plist", STATUS_CAP), _plist(folder / "Manifest.plist", MANIFEST_CAP)
    database = looks["Manifest.db"] or looks["Manifest.mbdb"]
    whole = (
        status.get("SnapshotState") == "finished"
        # pymobiledevice3 writes "finished" and an empty manifest before a full transfer even starts
        and bool(manifest)
        and database is not None
        and database.st_size > 0
        and _stat(folder / "Snapshot") is None  # left behind by a run that did not end
        and _belongs(folder / "Info.plist", looks["Info.plist"], udid)
    )
    written = [look.st_mtime for name, look in looks.items() if look and name != "Manifest.plist"]
    busy = any(abs(now.timestamp() - moment) < QUIET.total_seconds() for moment in written)
    encrypted = manifest.get("IsEncrypted")
    return Backup(
        folder,
        udid,
        State.IN_PROGRESS if busy else State.FINISHED if whole else State.UNFINISHED,
        _date(status.get("Date"), now) or _date(manifest.get("Date"), now) or _started(folder, now),
        encrypted if isinstance(encrypted, bool) else None,
        ",".join(f"{look.st_size}:{look.st_mtime_ns}" if look else "-" for look in looks.values()),
    )


def size_of(folder: Path) -> int | None:
    """Bytes of all files in a backup, links not followed; None if that takes too long or cannot be read."""
    total = count = 0
    until, todo = time.monotonic() + _WALK_S, [str(folder)]
    with suppress(OSError):
        while todo:
            with os.scandir(todo.pop()) as entries:
                for entry in entries:
                    count += 1
                    if count > MAX_FILES or time.monotonic() > until:
                        return None
                    if entry.is_dir(follow_symlinks=False):
                        todo.append(entry.path)
                    else:
                        total += entry.stat(follow_symlinks=False).st_size
        return total
    return None


def _stat(file: Path) -> os.stat_result | None:
    """None for what is not there; links are followed, since people move backups to another disk."""
    try:
        return file.stat()
    except OSError as error:
        if error.errno in {errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENAMETOOLONG}:
            return None
        raise


def _plist(file: Path, cap: int) -> Mapping[str, Any]:
    """The table in a property list; empty for one that is missing, empty, too large, broken or no table."""
    try:
        # A pipe in place of the file would otherwise block us for ever.
        descriptor = os.open(file, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except PermissionError:
        raise
    except OSError:
        return {}
    try:
        regular = stat.S_ISREG(os.fstat(descriptor).st_mode)
        with os.fdopen(descriptor, "rb", closefd=False) if regular else io.BytesIO() as opened:
            raw = opened.read(cap + 1)
    finally:
        os.close(descriptor)
    if not raw or len(raw) > cap:
        return {}
    try:
        table = plistlib.loads(raw)  # refuses entities, so nothing can multiply itself
    except _BROKEN_PLIST:
        return {}
    return table if isinstance(table, dict) else {}


def _belongs(file: Path, look: os.stat_result | None, udid: str) -> bool:
    """Whether Info.plist is there and names this phone; one too large to read is taken at its word."""
    if look is None or look.st_size == 0:
        return False
    if look.st_size > INFO_CAP:
        return True
    info = _plist(file, INFO_CAP)
    named = info.get("Unique Identifier") or info.get("Target Identifier")
    return isinstance(named, str) and named.casefold() == udid.casefold()


def _started(folder: Path, now: datetime) -> datetime | None:
    """``Last Backup Date``, which two of the programs write when they start: the last resort."""
    return _date(_plist(folder / "Info.plist", INFO_CAP).get("Last Backup Date"), now)


def _date(value: object, now: datetime) -> datetime | None:
    """A believable date of a backup; property lists hold UTC without saying so."""
    if not isinstance(value, datetime):
        return None
    moment = value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)
    return moment if _OLDEST <= moment <= now + _SKEW else None
