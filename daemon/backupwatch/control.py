"""One daemon per state folder: the lock that says so, and signals to the one that runs.

The lock is ``flock`` on ``daemon.lock`` in the state folder, which the kernel drops however the process ends; the
file holds the process id. SIGUSR1 wakes a round that looks at nothing and judges again; SIGHUP reloads.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import signal
import time
from pathlib import Path
from typing import IO, Final

from backupwatch import paths
from backupwatch.errors import BackupwatchError

ATTEMPTS: Final = 10
PAUSE: Final = 0.03
"""Seconds between attempts to lock; :func:`running` holds the lock for microseconds."""


class Lock:
    """Held for as long as the object lives."""

    def __init__(self, file: IO[str]) -> None:
        self._file = file

    def release(self) -> None:
        """Let the next one in."""
        with contextlib.suppress(OSError):
            self._file.seek(0)
            self._file.truncate()
        self._file.close()


def acquire(state: Path | None = None) -> Lock:
    """Become the daemon of this state folder.

    :raises BackupwatchError: another one is, or the folder cannot be written.
    """
    path = _path(state)
    paths.private_dir(path.parent)
    try:
        file = path.open("a+", encoding="ascii")
    except OSError as error:
        raise BackupwatchError(
            f"The file {path} cannot be written ({error.strerror})", fix="Correct the permissions of its folder"
        ) from error
    try:
        _take(file)
    except BlockingIOError as error:
        file.close()
        raise BackupwatchError(
            f"backupwatch is already running here (process {running(state) or 'unknown'})",
            fix="See it with: backupwatch status",
        ) from error
    except OSError as error:
        file.close()
        raise BackupwatchError(
            f"The file {path} cannot be locked ({error.strerror})",
            fix="Name a folder on a local disk with BACKUPWATCH_STATE_DIR",
        ) from error
    file.seek(0)
    file.truncate()
    file.write(f"{os.getpid()}\n")
    file.flush()
    return Lock(file)


def _take(file: IO[str]) -> None:
    """Lock it; somebody who only asks whether a daemon runs holds it for a moment, which is waited for."""
    for _ in range(ATTEMPTS):
        with contextlib.suppress(BlockingIOError):
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            return
        time.sleep(PAUSE)
    fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)


def running(state: Path | None = None) -> int | None:
    """The process id of the daemon of this state folder, or None when none runs."""
    try:
        with _path(state).open("r", encoding="ascii") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read(32).strip()
                return int(text) if text.isdigit() else None
    except (OSError, ValueError):
        return None
    return None


def request_reload(state: Path | None = None) -> bool:
    """Ask a running daemon to read its configuration again; False when none runs."""
    return _send(signal.SIGHUP, state)


def wake(state: Path | None = None) -> bool:
    """Ask a running daemon to judge again now; False when none runs."""
    return _send(signal.SIGUSR1, state)


def _send(number: signal.Signals, state: Path | None) -> bool:
    pid = running(state)
    if pid is None:
        return False
    try:
        os.kill(pid, number)
    except (ProcessLookupError, PermissionError):
        return False
    return True


def _path(state: Path | None) -> Path:
    return (state or paths.state_dir()) / "daemon.lock"
