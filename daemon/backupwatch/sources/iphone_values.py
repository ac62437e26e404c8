"""Which lockdown values are read, and what facts they are; pure, but for the reading itself.

Only these keys are ever asked for. The default domain as a whole holds activation keys and Find My secrets, and
the whole of ``com.apple.disk_usage`` makes the phone calculate for minutes (lockdownd, iOS 26.1); the domains of
backup and battery are small and harmless as a whole, which saves round trips.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, Protocol

from backupwatch.facts import kinds
from backupwatch.facts.observation import Json
from backupwatch.sources.backup_dates import read_backup_date
from backupwatch.text import clip

Values = list[tuple[str, Json]]
"""Kinds and values, in the order in which they were read."""

CLOCK_STEP: Final = 60
"""Seconds to which the clocks' difference is rounded, so that it does not change at every look."""

DISK_STEP: Final = 100_000_000
"""Bytes to which free space is rounded down, for the same reason."""


class Lockdown(Protocol):
    """What answers for a phone; None where the phone says that it does not have the value."""

    async def value(self, domain: str | None, key: str | None) -> Any:
        """One value, or a whole domain for a key of None."""
        ...


def text(raw: object) -> Json:
    """A foreign string, cut to what is kept at all; anything else is as good as absent."""
    return clip(raw) if isinstance(raw, str) else None


def flag(raw: object) -> Json:
    """A bool; iOS writes some of them as 0 and 1."""
    return bool(raw) if isinstance(raw, bool) or raw in (0, 1) else None


def count(raw: object, low: int, high: int) -> int | None:
    """An integer within the bounds."""
    return raw if isinstance(raw, int) and not isinstance(raw, bool) and low <= raw <= high else None


IDENTITY: Final[tuple[tuple[str, str, Callable[[object], Json]], ...]] = (
    (kinds.OS_VERSION, "ProductVersion", text),
    (kinds.NAME, "DeviceName", text),
    (kinds.MODEL, "ProductType", text),
    (kinds.OS_BUILD, "BuildVersion", text),
    (kinds.DEVICE_CLASS, "DeviceClass", text),
    (kinds.ACTIVATION, "ActivationState", text),
    (kinds.LOCKED, "PasswordProtected", flag),
)
"""Readable before pairing too."""


async def read_identity(phone: Lockdown) -> Values:
    """Who the phone is; works without trust."""
    return [(kind, parse(await phone.value(None, key))) for kind, key, parse in IDENTITY]


async def read_clock(phone: Lockdown, now: Callable[[], datetime]) -> Values:
    """How far the phone's clock is ahead of ours, in seconds.

    :param now: this computer's clock, read the moment the answer is there.
    """
    raw = await phone.value(None, "TimeIntervalSince1970")
    if isinstance(raw, bool) or not isinstance(raw, int | float) or not abs(raw) < 1e11:
        return [(kinds.CLOCK_OFFSET, None)]
    ahead = raw - now().timestamp()
    return [(kinds.CLOCK_OFFSET, float(round(ahead / CLOCK_STEP) * CLOCK_STEP))]


async def read_backup(phone: Lockdown, now: datetime) -> Values:
    """The domain that all of this is about."""
    return backup_facts(_table(await phone.value("com.apple.mobile.backup", None)), now)


def backup_facts(values: Mapping[str, Any], now: datetime) -> Values:
    """The facts of ``com.apple.mobile.backup``.

    A date that is none is told as a problem and not as "no date": no date means that backups were switched off.
    """
    cloud = read_backup_date(values.get("LastCloudBackupDate"), now)
    local = read_backup_date(values.get("LastiTunesBackupDate"), now)
    facts: Values = [
        (kinds.CLOUD_BACKUP_ENABLED, flag(values.get("CloudBackupEnabled"))),
        (kinds.BACKUP_DATE_PROBLEM, cloud.problem),
        (kinds.LOCAL_DATE_PROBLEM, local.problem),
        (kinds.BACKUP_ENCRYPTED, flag(values.get("WillEncrypt"))),
    ]
    if cloud.problem is None:
        facts.append((kinds.LAST_CLOUD_BACKUP, cloud.text))
    if local.problem is None:
        facts.append((kinds.LAST_LOCAL_BACKUP, local.text))
    return facts


async def read_battery(phone: Lockdown) -> Values:
    """Power now."""
    values = _table(await phone.value("com.apple.mobile.battery", None))
    return [
        (kinds.ON_POWER, flag(values.get("ExternalConnected"))),
        (kinds.BATTERY_PERCENT, count(values.get("BatteryCurrentCapacity"), 0, 100)),
        (kinds.CHARGING, flag(values.get("BatteryIsCharging"))),
    ]


async def read_disk(phone: Lockdown) -> Values:
    """Room on the phone, by key."""
    total = count(await phone.value("com.apple.disk_usage", "TotalDataCapacity"), 0, 1 << 53)
    free = count(await phone.value("com.apple.disk_usage", "TotalDataAvailable"), 0, 1 << 53)
    return [
        (kinds.DISK_TOTAL, total),
        (kinds.DISK_AVAILABLE, None if free is None else free // DISK_STEP * DISK_STEP),
    ]


async def read_state(phone: Lockdown) -> Values:
    """The rest: start, set-up, account, Wi-Fi access."""
    return [
        (kinds.BOOT_SESSION, text(await phone.value(None, "BootSessionID"))),
        (kinds.RESTORE_STATE, text(await phone.value("com.apple.purplebuddy", "RestoreState"))),
        (kinds.SETUP_STATE, text(await phone.value("com.apple.purplebuddy", "SetupState"))),
        (kinds.FIND_MY_ON, flag(await phone.value("com.apple.fmip", "IsAssociated"))),
        (kinds.WIFI_ACCESS, flag(await phone.value("com.apple.mobile.wireless_lockdown", "EnableWifiConnections"))),
    ]


def _table(raw: object) -> Mapping[str, Any]:
    return raw if isinstance(raw, Mapping) else {}
