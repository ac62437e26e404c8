"""The login service: a systemd user unit on Linux, a launchd agent on macOS.

Knows templates and the init system; no configuration value, no store, no account.
"""

from __future__ import annotations

import contextlib
import functools
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from backupwatch.errors import BackupwatchError
from backupwatch.service.manager import Installed, Manager, Status, Tail
from backupwatch.service.runner import Runner, run

__all__ = ["Installed", "Manager", "Status", "manager", "state"]

SYSTEMD_RUNS = Path("/run/systemd/system")
"""There where systemd is the init system (sd_booted(3))."""


def manager(
    *, runner: Runner = run, tail: Tail | None = None, platform: str = sys.platform, booted: Path = SYSTEMD_RUNS
) -> Manager:
    """The init system of this computer.

    :raises BackupwatchError: neither systemd nor launchd; the error says how to run the daemon otherwise.
    """
    if platform == "darwin":
        from backupwatch.service.launchd import Launchd

        return Launchd(runner, tail or on_terminal)
    if platform.startswith("linux") and booted.is_dir() and shutil.which("systemctl"):
        from backupwatch.service.systemd import Systemd

        return Systemd(runner, tail or on_terminal)
    raise BackupwatchError(
        f"This computer runs neither systemd nor launchd ({_where(platform)})",
        meaning="There is no login service to install",
        fix=_otherwise(platform),
    )


def on_terminal(argv: Sequence[str]) -> int:
    """Run a program on this terminal; Ctrl-C ends it and is no failure."""
    try:
        with contextlib.suppress(KeyboardInterrupt):
            return subprocess.run(argv, check=False).returncode
    except FileNotFoundError as error:
        raise BackupwatchError(f"{argv[0]} is not installed") from error
    return 0


def _where(platform: str) -> str:
    if platform == "win32":
        return "Windows"
    if Path("/proc/sys/fs/binfmt_misc/WSLInterop").exists():
        return "WSL without systemd"
    if Path("/.dockerenv").exists() or Path("/run/.containerenv").exists():
        return "a container"
    return "another init system" if platform.startswith("linux") else platform


def _otherwise(platform: str) -> str:
    if Path("/proc/sys/fs/binfmt_misc/WSLInterop").exists():
        return "Put [boot] systemd=true into /etc/wsl.conf and restart WSL, or keep this running: backupwatch run"
    if platform == "win32":
        return "Start backupwatch run from the Task Scheduler at logon"
    return "Start this at login by the means your system has: backupwatch run"


@functools.cache
def state() -> str:
    """``running``, ``stopped``, ``absent``, or ``impossible`` where there is no init system; asked once."""
    try:
        here = manager()
        if here.trouble() is not None:
            return "impossible"
        status = here.status()
    except BackupwatchError:
        return "impossible"
    if not status.installed:
        return "absent"
    return "running" if status.state in {"running", "starting"} else "stopped"
