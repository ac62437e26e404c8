"""The account's password in the system keyring: only if the person asks for it, and only in a real keyring.

The entry has a name of its own, so that the iCloud library, which would use a stored password by itself, never
finds it. It is read at one place only: at ``backupwatch login``, in place of typing it.
"""

from __future__ import annotations

from typing import Final

import keyring
from keyring.backend import KeyringBackend
from keyring.backends.chainer import ChainerBackend
from keyring.errors import NoKeyringError, PasswordDeleteError

SERVICE: Final = "backupwatch iCloud sign-in"
INSECURE: Final = ("keyrings.alt.", "keyring.backends.fail", "keyring.backends.null")
"""Modules of backends that keep no secret: files in plain text or with a weak lock, and the two that keep nothing."""


class NoSafeKeyring(Exception):  # noqa: N818 - an answer, not a failure of ours
    """There is no keyring that may hold a password; the argument names the backend that there is."""


def backend_name(backend: KeyringBackend) -> str:
    """How a backend is called: ``keyrings.alt.file.PlaintextKeyring``."""
    return f"{type(backend).__module__}.{type(backend).__qualname__}"


def usable() -> KeyringBackend:
    """The backend that would hold the password.

    :raises NoSafeKeyring: it is none that keeps a secret.
    """
    backend = keyring.get_keyring()
    parts = list(backend.backends) if isinstance(backend, ChainerBackend) else [backend]
    chosen = parts[0] if parts else backend
    name = backend_name(chosen)
    if name.startswith(INSECURE):
        raise NoSafeKeyring(name)
    return chosen


def stored(apple_id: str) -> str | None:
    """The stored password, or None where there is none or the keyring does not open."""
    try:
        return usable().get_password(SERVICE, apple_id) or None
    except Exception:  # noqa: BLE001 - backends are foreign, and not all of their errors are the keyring library's
        return None


def store(apple_id: str, password: str) -> str:
    """Store it; answers the backend's name.

    :raises NoSafeKeyring: no backend keeps a secret, or it refused; the argument names it.
    """
    backend = usable()
    try:
        backend.set_password(SERVICE, apple_id, password)
    except Exception as error:
        raise NoSafeKeyring(backend_name(backend)) from error
    return backend_name(backend)


def remove(apple_id: str) -> bool:
    """Remove it from whatever keyring there is; False where a keyring may still hold it, because it does not open."""
    try:
        keyring.delete_password(SERVICE, apple_id)
    except (PasswordDeleteError, NoKeyringError):  # there was none
        return True
    except Exception:  # noqa: BLE001 - as above
        return False
    return True
