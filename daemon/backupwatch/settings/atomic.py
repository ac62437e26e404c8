"""Putting a file in its place as a whole: either all of the new bytes are there, or the old ones still are."""

from __future__ import annotations

import contextlib
import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

from backupwatch.errors import BackupwatchError
from backupwatch.text import plain

PRIVATE = 0o600
"""Mode of new files: an Apple Account's address is nobody else's business."""


def write_temporary(beside: Path, content: bytes) -> Path:
    """A finished, synced file in the folder of ``beside``, hidden and private, ready for :func:`move_over`.

    :raises BackupwatchError: the folder cannot be written to.
    """
    try:
        beside.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, name = tempfile.mkstemp(prefix=f".{beside.name}.", suffix=".new", dir=beside.parent)
    except OSError as error:
        raise cannot_write(beside, error) from error
    temporary = Path(name)
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(content)
            stream.flush()
            os.fsync(stream.fileno())
    except OSError as error:
        temporary.unlink(missing_ok=True)
        raise cannot_write(beside, error) from error
    return temporary


def move_over(temporary: Path, target: Path) -> None:
    """Let ``temporary`` take the place of ``target`` at once, with the mode that ``target`` had.

    :raises BackupwatchError: it cannot; both files are as they were.
    """
    try:
        with contextlib.suppress(FileNotFoundError):
            temporary.chmod(stat.S_IMODE(target.stat().st_mode))
        temporary.replace(target)
        _sync_folder(target.parent)
    except OSError as error:
        raise cannot_write(target, error) from error


def create(target: Path, content: bytes) -> None:
    """Write a new file and never an existing one, not even through a link that leads nowhere.

    :raises FileExistsError: something of that name is there.
    :raises BackupwatchError: it cannot be written; nothing is left behind.
    """
    temporary = write_temporary(target, content)
    try:
        os.link(temporary, target)  # unlike a rename, this refuses to replace
        _sync_folder(target.parent)
    except FileExistsError:
        raise
    except OSError as error:
        raise cannot_write(target, error) from error
    finally:
        temporary.unlink(missing_ok=True)


@contextlib.contextmanager
def one_writer(folder: Path) -> Iterator[None]:
    """Keep other writers of this folder waiting meanwhile.

    :raises BackupwatchError: the folder cannot be made or written to.
    """
    import fcntl

    lock = folder / ".lock"
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor = os.open(lock, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, PRIVATE)
    except OSError as error:
        raise cannot_write(lock, error) from error
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def cannot_write(file: Path, error: OSError) -> BackupwatchError:
    """Say that this file cannot be written, and why."""
    return BackupwatchError(
        f"{plain(file, 400)} cannot be written ({error.strerror or type(error).__name__})",
        meaning="Nothing was changed",
        fix="Free some room or correct the permissions of its folder",
    )


def _sync_folder(folder: Path) -> None:
    """A rename is only safe from a power cut when the folder is on the disk too; not every file system can."""
    with contextlib.suppress(OSError):
        descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
