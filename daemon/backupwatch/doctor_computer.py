"""The doctor's lines about this computer: configuration, service, notifications, memory, clock and disk."""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from backupwatch import __version__, text
from backupwatch.clock import age_words
from backupwatch.doctor import Level, Result, Situation
from backupwatch.errors import BackupwatchError
from backupwatch.facts import kinds
from backupwatch.facts.observation import Observation
from backupwatch.service import Status, manager
from backupwatch.service.runner import Runner, run

BUILT: Final = datetime(2026, 11, 1, tzinfo=UTC)
"""Before this program was written; no clock that is right says so."""

CLOCK_TOLERANCE: Final = timedelta(minutes=5)
"""From here on Apple's servers refuse tokens; a healthy clock is within seconds."""

LITTLE_ROOM, NO_ROOM = 500_000_000, 50_000_000
"""Bytes; the memory of a household takes some megabytes a year."""

_BUS_S: Final = 5.0


def configuration(situation: Situation) -> list[Result]:
    """Can the TOML files be used?"""
    if situation.config_error is not None:
        meanwhile = ". What follows goes by the last valid one" if situation.configured else ""
        sentence = f"{situation.config_error.what.rstrip('.')}{meanwhile}"
        return [Result("config", Level.BROKEN, sentence, "Run: backupwatch config check")]
    if situation.warnings:
        first, others = text.plain(situation.warnings[0], 300), len(situation.warnings) - 1
        more = f" (and {others} more)" if others else ""
        return [Result("config", Level.WARNING, f"{first}{more}", "Run: backupwatch config check")]
    return [Result("config", Level.OK, "The configuration is valid")]


async def notifications(situation: Situation) -> list[Result]:
    """Is there somebody to show a notification, who says what they can?"""
    if not situation.config.alerts.desktop:
        return [Result("notifications", Level.OK, "Notifications are switched off (alerts.desktop is false)")]
    if situation.platform == "darwin":
        return await _mac_notifications()
    from backupwatch.delivery import library, session_bus

    try:
        async with asyncio.timeout(_BUS_S):
            session = await session_bus.SessionBus.open(
                session_bus.bus_address(situation.environ), lambda _number: None
            )
    except library.NotReachedError as error:
        fix = "Run this in a desktop session; alerts wait until one is there, and backupwatch status has them too"
        return [Result("notifications", Level.WARNING, text.plain(error, 200), fix)]
    except TimeoutError:
        fix = "Restart the notification server, or log out and in again"
        return [Result("notifications", Level.BROKEN, "The notification server does not answer", fix)]
    server = session.server
    session.disconnect()
    skills = [word for word in ("actions", "body", "persistence") if word in server.capabilities]
    sentence = f"{server} shows notifications ({', '.join(skills) or 'titles only'})"
    return [Result("notifications", Level.OK, sentence)]


async def _mac_notifications() -> list[Result]:
    """On a Mac only an application may ask whether it is allowed to; the other ways show it by showing something."""
    from backupwatch.delivery import macos

    answer = await macos.allowed()
    if answer:
        return [Result("notifications", Level.OK, "macOS lets this Python show notifications")]
    if answer is None:
        sentence = "Whether notifications are shown cannot be proved here: macOS does not tell"
        fix = "Run: backupwatch notify-test (and look at System Settings > Notifications if nothing shows)"
    else:
        sentence = "macOS does not let this Python show notifications"
        fix = "Allow it in System Settings > Notifications, then run: backupwatch notify-test"
    return [Result("notifications", Level.WARNING, sentence, fix)]


def login_service(situation: Situation, *, runner: Runner = run) -> list[Result]:
    """Does the daemon run, will it after the next login, and is it this program?"""
    install = "Run: backupwatch service install"
    try:
        service = manager(runner=runner, platform=situation.platform)
    except BackupwatchError as error:
        return [Result("service", Level.WARNING, error.what, error.fix)]
    if (trouble := service.trouble()) is not None:
        return [Result("service", Level.WARNING, trouble.what, trouble.fix)]
    status = service.status()
    if not status.installed:
        return [Result("service", Level.WARNING, "The login service is not installed", install)]
    if status.python is not None and not status.python.exists():
        return [Result("service", Level.BROKEN, "The Python that the service starts is gone", install)]
    if status.state == "failed":
        why = status.detail or "no reason given"
        return [Result("service", Level.BROKEN, f"The service failed: {why}", "Run: backupwatch service logs")]
    if status.state not in {"running", "starting"}:
        return [
            Result(
                "service", Level.BROKEN, "The service is installed, but does not run", "Run: backupwatch service start"
            )
        ]
    return _running(status, install)


def _running(status: Status, install: str) -> list[Result]:
    if status.edited:
        sentence = f"The service runs; its file {status.definition} was changed by hand"
        return [Result("service", Level.WARNING, sentence, f"{install} (keeps your file aside)")]
    if status.version != __version__:
        sentence = f"The service runs version {text.plain(status.version, 20) or 'unknown'}; this is {__version__}"
        return [Result("service", Level.WARNING, sentence, install)]
    if not status.enabled:
        return [Result("service", Level.WARNING, "The service runs, but not after the next login", install)]
    said = f" ({text.plain(status.text, 100)})" if status.text else ""
    return [Result("service", Level.OK, f"The service runs{said}")]


def store(situation: Situation) -> list[Result]:
    """Can what was seen be remembered?"""
    if situation.store_error is not None:
        return [Result("store", Level.BROKEN, situation.store_error.what, situation.store_error.fix)]
    folder = _existing(situation.state)
    if not os.access(folder, os.W_OK | os.X_OK):
        fix = f"Correct the permissions of {folder}, or name another with BACKUPWATCH_STATE_DIR"
        return [Result("store", Level.BROKEN, f"Nothing can be written in {folder}", fix)]
    if situation.snapshot is None:
        return [Result("store", Level.OK, "Nothing is remembered yet")]
    count = len(situation.snapshot.phones)
    return [Result("store", Level.OK, f"The memory is healthy and knows {count} phone{'' if count == 1 else 's'}")]


def clock_sane(situation: Situation, *, runner: Runner = run) -> list[Result]:
    """Is this computer's clock right? Every age is judged by it."""
    mend = (
        "System Settings > General > Date & Time: Set time and date automatically"
        if situation.platform == "darwin"
        else "Run: sudo timedatectl set-ntp true"
    )
    if situation.now < BUILT:
        return [Result("clock", Level.BROKEN, f"The clock says {situation.now:%Y-%m-%d}, which is long past", mend)]
    offsets = [
        timedelta(seconds=fact.value)
        for fact in situation.facts
        if isinstance(fact, Observation)
        and fact.kind == kinds.CLOCK_OFFSET
        and isinstance(fact.value, int | float)
        and not isinstance(fact.value, bool)
    ]
    if offsets and min(abs(offset) for offset in offsets) > CLOCK_TOLERANCE:
        # One phone may be wrong; when none agrees with this computer, it is more likely the computer.
        off = age_words(abs(min(offsets, key=abs)))
        return [Result("clock", Level.WARNING, f"This computer's clock and the phone's differ by {off}", mend)]
    if situation.platform.startswith("linux"):
        ran = runner(["timedatectl", "show", "--property=NTPSynchronized", "--value"], timeout=5.0)
        if ran.ok and ran.out == "no" and not offsets:
            return [Result("clock", Level.WARNING, "The clock is not set from the network", mend)]
    agrees = " and agrees with the phone's" if offsets else ""
    return [Result("clock", Level.OK, f"The clock is plausible{agrees}")]


def disk(situation: Situation) -> list[Result]:
    """Is there room to remember?"""
    folder = _existing(situation.state)
    free = shutil.disk_usage(folder).free
    words = f"{free / 1e9:.1f} GB free where the memory is kept"
    fix = f"Free some room on the disk of {folder}"
    if free < NO_ROOM:
        return [Result("disk", Level.BROKEN, f"Only {free // 1_000_000} MB free where the memory is kept", fix)]
    return [Result("disk", Level.WARNING, words, fix) if free < LITTLE_ROOM else Result("disk", Level.OK, words)]


def full_disk_access(situation: Situation, *, home: Path | None = None) -> Sequence[Result]:
    """On a Mac the folder of Finder's backups is closed to programs without Full Disk Access."""
    if situation.platform != "darwin":
        return []
    folder = (home or Path.home()) / "Library" / "Application Support" / "MobileSync" / "Backup"
    try:
        next(folder.iterdir(), None)
    except FileNotFoundError:
        return [Result("disk-access", Level.OK, "Finder has made no local backups on this Mac")]
    except PermissionError:
        fix = "System Settings > Privacy & Security > Full Disk Access: allow your terminal and Python"
        return [Result("disk-access", Level.WARNING, "macOS does not let this program see local backups", fix)]
    return [Result("disk-access", Level.OK, "The folder of local backups can be read")]


def _existing(folder: Path) -> Path:
    """The folder itself, or the nearest one above it that is there."""
    return next(path for path in (folder, *folder.parents) if path.exists())
