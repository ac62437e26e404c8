"""What a phone writes into its log: derived from the story, plus the lines that the story spells out.

Wording of backupd and of its wake-up plug-in: iOS 26.1, subsystem ``com.apple.mobilebackup``, category ``Default``.
Account names are private and appear as ``<private>``.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from backupwatch.simulator.world import NIGHT_FROM, NIGHT_TO, PhoneWorld, World, happened, phone_at

NOTICE, INFO, DEBUG, ERROR, FAULT = 0x00, 0x01, 0x02, 0x10, 0x11
"""Levels as the stream carries them (pymobiledevice3 ``SyslogLogLevel``)."""

BACKUPD, PLUGIN = "backupd", "UserEventAgent"
PIDS = {"launchd": 1, PLUGIN: 33, "SpringBoard": 34, "locationd": 66, "wifid": 47, BACKUPD: 411}
SUBSYSTEM, CATEGORY = "com.apple.mobilebackup", "Default"

ERROR_WORDS = {
    17: "Rate limited", 105: "Disk full", 106: "Disk full", 203: "Unsupported backup version",
    209: "Missing encryption keys", 210: "No account", 22: "Disallowed by management policy",
    300: "Network failure", 302: "Unexpected server response", 303: "Not enough iCloud storage",
    304: "Service unavailable", 305: "Not authenticated", 308: "Network unavailable",
}  # fmt: skip
"""A sentence per code of MBErrorDomain; only the code is the same on every release."""


@dataclass(frozen=True, order=True)
class LogLine:
    """One line of the log, with the time on the phone's own clock, UTC."""

    at: datetime
    process: str
    message: str
    level: int = NOTICE
    subsystem: str = SUBSYSTEM
    category: str = CATEGORY


def log_lines(world: World, udid: str, since: datetime) -> list[LogLine]:
    """Every line written after ``since`` (true time) and up to now, oldest first."""
    lines: list[LogLine] = []
    for true_time, line in _all(world, udid, since):
        if since < true_time <= world.at:
            ahead = timedelta(seconds=world.phone(udid).state.clock_ahead)
            lines.append(
                LogLine(true_time + ahead, line.process, line.message, line.level, line.subsystem, line.category)
            )
    return sorted(lines)


def _all(world: World, udid: str, since: datetime) -> Iterator[tuple[datetime, LogLine]]:
    role = world.cast[udid]
    day = since.date() - timedelta(days=1)
    while day <= world.at.date():
        for clock in (NIGHT_TO, NIGHT_FROM):
            at = datetime.combine(day, clock, UTC)
            if since < at <= world.at:
                phone = phone_at(role, udid, at, world.today)
                for line in _conditions(phone, verified=world_email_verified(world)):
                    yield at, line
        yield from _noise(day)
        day += timedelta(days=1)
    for at, event in happened(role.script, world.at, world.today):
        if event.backup and at > since - timedelta(hours=1):
            yield from _backup(at, event.backup)
        for text in [event.log] if isinstance(event.log, str) else event.log:
            if text:
                process, colon, message = text.partition(": ")
                known = colon and process in PIDS
                yield at, LogLine(at, process if known else BACKUPD, message if known else text)


def world_email_verified(world: World) -> bool:
    """Whether the account's primary address is verified, as the phone's plug-in sees it."""
    return bool(world.account.get("email_verified", True))


def _conditions(phone: PhoneWorld, *, verified: bool) -> Iterator[LogLine]:
    """What the plug-in and the scheduler write when evening or morning changes the state."""
    state = phone.state
    at = phone.at
    allowed = state.icloud_backup
    yield LogLine(at, PLUGIN, f"Found account <private> ({allowed:d},{verified:d},0)")
    if not verified:
        return
    locked = phone.locked
    on = allowed and locked and phone.on_power and state.wifi and not state.restoring
    manager = "(restoring)" if state.restoring else "()"
    fields = (
        f"enabled:{allowed:d}, locked:{locked:d}, onPower:{phone.on_power:d}, onWiFi:{state.wifi:d}, "
        "onCellular:0(0), autoBackupOnCellularEnabled:0, autoBackupOnCellularAllowedByProvider:0, "
        f"passcodeChanged:0, managerStates:{manager}, changes:()"
    )
    yield LogLine(at, BACKUPD, f"=scheduler= [{'On' if on else 'Off'} condition] state changed, {fields}")
    if not allowed:
        yield LogLine(at, BACKUPD, "=scheduler= Auto backup is not enabled for <private>")


def _backup(at: datetime, outcome: str) -> Iterator[tuple[datetime, LogLine]]:
    if outcome == "local":
        return
    began = at - timedelta(minutes=9)
    yield began, LogLine(began, BACKUPD, "=scheduler= Received ready XPC activity com.apple.backupd.wifi")
    yield began, LogLine(began, BACKUPD, "=scheduler= Starting automatic backup for <private>")
    if outcome == "icloud":
        text = "=scheduler= Scheduler received backup completion notification for account <private>"
        yield at, LogLine(at, BACKUPD, text, INFO)
        return
    code = int(outcome.partition(":")[2])
    words = ERROR_WORDS.get(code, "Backup failed")
    text = (
        "=scheduler= Scheduler received backup failure notification for account <private>: "
        f"{words} (MBErrorDomain/{code})"
    )
    yield at, LogLine(at, BACKUPD, text, ERROR)


def _noise(day: date) -> Iterator[tuple[datetime, LogLine]]:
    """A little of what other programs write all day long."""
    for hour in range(1, 24, 3):
        at = datetime.combine(day, time(hour, 17, 3), UTC)
        yield at, LogLine(at, "locationd", "Region monitoring: <private>", INFO, "com.apple.locationd.Core", "Fence")
        yield at, LogLine(at, "wifid", "RSSI=-61 CCA=12", DEBUG, "com.apple.WiFiManager", "")
        yield at, LogLine(at, "SpringBoard", "Ending backlight session", NOTICE, "com.apple.SpringBoard", "Backlight")
