"""Where things live: configuration, state and the files that ship with the program."""

from __future__ import annotations

import os
import stat
from importlib import resources
from pathlib import Path

import platformdirs

from backupwatch.errors import BackupwatchError

APP = "backupwatch"
CONFIG_VARIABLE = "BACKUPWATCH_CONFIG"
STATE_VARIABLE = "BACKUPWATCH_STATE_DIR"


def config_file(override: Path | None = None) -> Path:
    """The user's TOML file: ``--config``, then ``BACKUPWATCH_CONFIG``, then the platform's place."""
    if override is not None:
        return override.expanduser().absolute()
    if named := os.environ.get(CONFIG_VARIABLE):
        return Path(named).expanduser().absolute()
    return Path(platformdirs.user_config_dir(APP, appauthor=False)) / "config.toml"


def state_dir() -> Path:
    """The folder of everything remembered; not created here."""
    if named := os.environ.get(STATE_VARIABLE):
        return Path(named).expanduser().absolute()
    return Path(platformdirs.user_state_dir(APP, appauthor=False))


def store_file(state: Path | None = None) -> Path:
    """The SQLite file of facts, history, alert state and outbox."""
    return (state or state_dir()) / "watch.sqlite3"


def account_dir(state: Path | None = None) -> Path:
    """The folder of the iCloud web session; its files are credentials (0700, files 0600)."""
    return (state or state_dir()) / "account"


def cache_dir(state: Path | None = None) -> Path:
    """Last good copies of Apple's public pages; may be deleted at any time."""
    return (state or state_dir()) / "cache"


def runtime_dir() -> Path:
    """For sockets and locks that die with the session; falls back to the state folder."""
    named = os.environ.get("XDG_RUNTIME_DIR")
    return Path(named) / APP if named else state_dir() / "run"


def launchd_log() -> Path:
    """Where launchd puts what the daemon writes; Console.app lists the folder."""
    return Path.home() / "Library" / "Logs" / APP / "daemon.log"


def private_dir(folder: Path) -> Path:
    """Make ``folder`` (with its parents) and make sure that only its owner may enter.

    :raises BackupwatchError: it cannot be made or is not a folder.
    """
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        if stat.S_IMODE(folder.stat().st_mode) & 0o077:
            folder.chmod(0o700)
    except OSError as error:
        raise BackupwatchError(
            f"The folder {folder} cannot be made ({error.strerror or type(error).__name__})",
            meaning="Nothing can be remembered without it",
            fix="Free some room or correct its permissions, or name another place with BACKUPWATCH_STATE_DIR",
        ) from error
    return folder


def shipped(name: str) -> Path:
    """A file of ``config/``, ``systemd/`` or ``launchd/``, from the wheel or from a checkout.

    :param name: such as ``systemd/backupwatch.service``.
    :raises FileNotFoundError: the installation is incomplete.
    """
    packed = Path(str(resources.files("backupwatch"))) / "_shipped" / name
    if packed.exists():
        return packed
    checkout = Path(__file__).resolve().parents[2] / name
    if checkout.exists():
        return checkout
    raise FileNotFoundError(name)
