"""The files of the account: a web session and a few small notes, in a folder that only its owner may enter.

The session files are as good as a password for reading the account. They are written whole or not at all, always
with mode 0600, and under a lock, so that a look and a sign-in never mix two sessions.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from backupwatch.clock import parse_rfc3339, rfc3339
from backupwatch.paths import account_dir

SIGNED_IN: Final = "signed-in.json"
"""``{"apple_id", "at"}``: whose session this is and since when."""
STOPPED: Final = "stopped.json"
"""``{"apple_id", "since", "reason", "state", "sentence"}``: do not ask again until the person acts."""
WAIT: Final = "wait.json"
"""``{"apple_id", "since", "until", "reason"}``: Apple asked for rest until then."""
SHARE: Final = "share.json"
"""``{"backup_bytes", "changed_at"}``: the share taken by backups, as it was last seen."""
DOUBT: Final = "doubt.json"
"""``{"since"}``: Apple refused the session once without saying why."""

KEYRING: Final = "keyring.json"
"""``{"apple_id"}``: whose password the person asked to keep in the system keyring; the password is not here."""

MAX_NOTE: Final = 64 * 1024
"""Bytes of any of these files that are read at all."""


def session_stem(apple_id: str) -> str:
    """The library's name for the files of an account: its word characters."""
    return "".join(char for char in apple_id if char.isalnum() or char == "_")


def session_file(folder: Path, apple_id: str) -> Path:
    """The session's tokens (JSON)."""
    return folder / f"{session_stem(apple_id)}.session"


def write_private(file: Path, text: str) -> None:
    """Write a file whole or not at all, mode 0600 whatever the umask says.

    :raises OSError: the disk is full or read-only; the old content stands.
    """
    handle, name = tempfile.mkstemp(prefix=".writing-", dir=file.parent)  # made with 0600
    try:
        with os.fdopen(handle, "w", encoding="utf-8") as stream:
            stream.write(text)
            stream.flush()
            os.fsync(stream.fileno())
        Path(name).replace(file)
    except BaseException:
        Path(name).unlink(missing_ok=True)
        raise


def read_note(file: Path) -> dict[str, Any]:
    """A small JSON table; empty where there is none or it is damaged."""
    try:
        with file.open("rb") as stream:
            data = json.loads(stream.read(MAX_NOTE))
    except (OSError, ValueError, RecursionError):
        return {}
    return data if isinstance(data, dict) else {}


def write_note(file: Path, note: dict[str, Any]) -> None:
    """Write a note; a disk that takes nothing is no reason to stop looking."""
    with contextlib.suppress(OSError):
        write_private(file, json.dumps(note))


def note_signed_in(folder: Path, apple_id: str, at: datetime) -> None:
    """Remember whose session this is.

    :raises OSError: it cannot be written.
    """
    write_private(folder / SIGNED_IN, json.dumps({"apple_id": apple_id, "at": rfc3339(at)}))


def signed_in_at(state: Path) -> datetime | None:
    """When the person last signed in (aware UTC), or None where nobody did or the note is damaged."""
    try:
        return parse_rfc3339(str(read_note(account_dir(state) / SIGNED_IN).get("at")))
    except ValueError:
        return None


@contextlib.contextmanager
def locked(state: Path, patience: float) -> Iterator[None]:
    """Hold the account's lock.

    A state folder that cannot be written to has no lock, and no session that could be spoilt.

    :param patience: seconds to wait for another process.
    :raises TimeoutError: another process kept it.
    """
    try:
        handle = os.open(state / "account.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    except OSError:
        yield
        return
    try:
        give_up = time.monotonic() + patience
        while True:
            try:
                fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() >= give_up:
                    raise TimeoutError("the account is in use by another process") from None
                time.sleep(0.05)
        yield
    finally:
        os.close(handle)


def recover(state: Path) -> None:
    """Put the old session back if a sign-in was killed between taking it away and putting the new one there.

    One that was killed a moment later has left the old session behind; it is removed. Call with the lock held.
    """
    folder = account_dir(state)
    with contextlib.suppress(OSError):
        for old in sorted(state.glob(f"{folder.name}.old-*")):
            if folder.exists():
                shutil.rmtree(old)
            else:
                old.rename(folder)
