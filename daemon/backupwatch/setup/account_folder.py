"""A new session takes the old one's place only when it works; until then the old one is not touched."""

from __future__ import annotations

import json
import shutil
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import datetime
from pathlib import Path
from typing import Final

from backupwatch.errors import BackupwatchError
from backupwatch.paths import account_dir, private_dir
from backupwatch.sources import icloud_files

LOCK_PATIENCE: Final = 120.0
"""Seconds to wait for a look that is under way; a look is killed at its deadline, which is shorter."""
LOOK_PATIENCE: Final = 1.0
"""Seconds to wait before anything is asked; without the lock another sign-in's swap could be taken for a dead one."""
LEFT_BEHIND: Final = 3600.0
"""Seconds after which nobody is still typing a code."""
PROBE_BYTES: Final = 64 * 1024
"""Room that a session needs at most; asked for before the password is, not after."""


@contextmanager
def workshop(state: Path) -> Iterator[Path]:
    """A private folder beside the account's, removed again whatever happens.

    :raises BackupwatchError: nothing can be written there.
    """
    private_dir(state)
    if any(state.glob(f"{account_dir(state).name}.old-*")):
        with suppress(TimeoutError), icloud_files.locked(state, LOOK_PATIENCE):
            icloud_files.recover(state)  # whoever keeps the lock does it as well
    folder: Path | None = None
    _sweep(state)
    try:
        folder = Path(tempfile.mkdtemp(prefix=f"{account_dir(state).name}.new-", dir=state))
        icloud_files.write_private(folder / "probe", "x" * PROBE_BYTES)
        (folder / "probe").unlink()
    except OSError as error:
        if folder is not None:
            shutil.rmtree(folder, ignore_errors=True)
        raise unwritable(state, error) from None
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _sweep(state: Path) -> None:
    """Remove what killed sign-ins left behind; it may hold half a session."""
    for left in state.glob(f"{account_dir(state).name}.new-*"):
        with suppress(OSError):
            if time.time() - left.stat().st_mtime > LEFT_BEHIND:
                shutil.rmtree(left)


def unwritable(state: Path, error: OSError) -> BackupwatchError:
    """The one line about a state folder that takes nothing."""
    return BackupwatchError(
        f"The sign-in cannot be saved in {state} ({error.strerror or type(error).__name__})",
        meaning="The previous sign-in, if there was one, still stands",
        fix="Free some room or correct the folder's permissions, and run: backupwatch login",
    )


def trust_of_old_session(state: Path, apple_id: str, folder: Path) -> None:
    """Take the trust that Apple gave this computer along, so that it may not ask for a code again.

    :raises BackupwatchError: the state folder takes nothing any more.
    """
    old = icloud_files.read_note(icloud_files.session_file(account_dir(state), apple_id))
    kept = {key: old[key] for key in ("trust_token", "client_id") if isinstance(old.get(key), str)}
    if not kept:
        return
    try:
        icloud_files.write_private(icloud_files.session_file(folder, apple_id), json.dumps(kept))
    except OSError as error:
        raise unwritable(state, error) from None


def put_in_place(folder: Path, state: Path, apple_id: str, at: datetime) -> None:
    """Make ``folder`` the account's folder; the old one goes only when the new one stands.

    :param at: aware UTC, the moment of the sign-in.
    :raises BackupwatchError: it could not be done; the old session stands.
    """
    place = account_dir(state)
    try:
        icloud_files.note_signed_in(folder, apple_id, at)
        with icloud_files.locked(state, LOCK_PATIENCE):
            if icloud_files.read_note(place / icloud_files.SIGNED_IN).get("apple_id") == apple_id:
                with suppress(FileNotFoundError):
                    shutil.copy2(place / icloud_files.SHARE, folder / icloud_files.SHARE)
            aside = Path(tempfile.mkdtemp(prefix=f"{place.name}.old-", dir=state))
            aside.rmdir()
            if place.exists():
                place.rename(aside)
            try:
                folder.rename(place)
            except OSError:
                if aside.exists():
                    aside.rename(place)
                raise
            shutil.rmtree(aside, ignore_errors=True)
    except TimeoutError:
        raise busy() from None
    except OSError as error:
        raise unwritable(state, error) from None


def remove(state: Path) -> None:
    """Remove the session, its notes and whatever a killed sign-in left behind.

    :raises BackupwatchError: some of it cannot be removed.
    """
    place = account_dir(state)
    try:
        for folder in (place, *state.glob(f"{place.name}.new-*"), *state.glob(f"{place.name}.old-*")):
            if folder.exists():
                shutil.rmtree(folder)
    except OSError as error:
        raise BackupwatchError(
            f"The saved sign-in in {place} cannot be removed ({error.strerror or type(error).__name__})",
            meaning="Whoever can read that folder can still read the account",
            fix="Correct the folder's permissions, and run: backupwatch logout",
        ) from None


def busy() -> BackupwatchError:
    """The one line about another process that holds the account."""
    return BackupwatchError(
        "The account is in use by another backupwatch", fix="Wait a minute and try again", retry=True
    )
