"""What the configuration says, as plain frozen values.

The daemon keeps these resident, so this module imports neither pydantic nor a TOML reader. A test holds its
defaults against the model in :mod:`backupwatch.settings.model`, which is where they are documented.
"""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from datetime import time, timedelta
from pathlib import Path
from typing import Any, Literal

Counts = Literal["any", "icloud", "local", "both"]
"""Which backups count: any of the two kinds, one kind alone, or both kinds each on their own."""

QuietHours = tuple[time, time] | None
"""Local wall time from (inclusive) and until (exclusive); until may be earlier, then it spans midnight."""


def same_device(udid: str) -> str:
    """A UDID as a key for comparing: without dashes, in lower case."""
    return udid.replace("-", "").lower()


@dataclass(frozen=True, slots=True)
class Freshness:
    """``[freshness]``: when a backup counts as too old."""

    stale_after: timedelta = timedelta(days=3)
    overdue_after: timedelta = timedelta(days=7)
    counts: Counts = "any"
    unseen_after: timedelta = timedelta(days=5)


@dataclass(frozen=True, slots=True)
class Polling:
    """``[polling]``: how often to look."""

    devices_every: timedelta = timedelta(minutes=30)
    account_every: timedelta = timedelta(hours=6)
    services_every: timedelta = timedelta(hours=1)
    wifi: bool = True


@dataclass(frozen=True, slots=True)
class Alerts:
    """``[alerts]``: how and when to speak. ``remind_after`` are gaps between messages; the last one repeats."""

    desktop: bool = True
    quiet_hours: QuietHours = (time(22, 0), time(7, 30))
    remind_after: tuple[timedelta, ...] = (
        timedelta(days=1),
        timedelta(days=2),
        timedelta(days=4),
        timedelta(days=7),
    )
    recovery: bool = True


@dataclass(frozen=True, slots=True)
class Account:
    """``[account]``: whose iCloud account is polled; an empty ``apple_id`` means none."""

    apple_id: str = ""
    china_mainland: bool = False


@dataclass(frozen=True, slots=True)
class LocalBackups:
    """``[local_backups]``: more places with backups made by a computer; absolute paths."""

    folders: tuple[Path, ...] = ()


@dataclass(frozen=True, slots=True)
class Storage:
    """``[storage]``: how early a filling account is announced."""

    warn_before_full: timedelta = timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Device:
    """One ``[[device]]`` table. ``None`` means that ``[freshness]`` holds for this phone too."""

    udid: str
    name: str = ""
    ignore: bool = False
    stale_after: timedelta | None = None
    overdue_after: timedelta | None = None
    counts: Counts | None = None
    unseen_after: timedelta | None = None


@dataclass(frozen=True, slots=True)
class Advanced:
    """``[advanced]``: addresses for proxies, tests and unusual set-ups; empty means the usual one."""

    usbmuxd: str = ""
    icloud: str = ""
    system_status: str = "https://www.apple.com/support/systemstatus/data/system_status_en_US.js"
    ios_releases: str = "https://sofafeed.macadmins.io/v2/ios_data_feed.json"


@dataclass(frozen=True, slots=True)
class Config:
    """The whole configuration; ``Config()`` is what holds without any file."""

    freshness: Freshness = Freshness()
    polling: Polling = Polling()
    alerts: Alerts = Alerts()
    account: Account = Account()
    local_backups: LocalBackups = LocalBackups()
    storage: Storage = Storage()
    devices: tuple[Device, ...] = ()
    advanced: Advanced = Advanced()

    def device(self, udid: str) -> Device | None:
        """The table of this phone, or ``None`` when the file says nothing about it."""
        wanted = same_device(udid)
        return next((device for device in self.devices if same_device(device.udid) == wanted), None)

    def freshness_of(self, udid: str) -> Freshness:
        """``[freshness]`` with what the phone's own table changes about it."""
        device = self.device(udid)
        if device is None:
            return self.freshness
        names = (field.name for field in dataclasses.fields(Freshness))
        own = {name: value for name in names if (value := getattr(device, name)) is not None}
        return dataclasses.replace(self.freshness, **own)

    def to_json(self) -> dict[str, Any]:
        """Only what JSON has: durations in seconds, quiet hours as ``["22:00", "07:30"]``, paths as strings."""
        return {field.name: _out(getattr(self, field.name)) for field in dataclasses.fields(self)}

    @staticmethod
    def from_json(document: dict[str, Any]) -> Config:
        """The inverse of :meth:`to_json`, for a document that this program wrote.

        :raises ValueError: it is something else; the message quotes nothing of it.
        """
        try:
            return _read(document)
        except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
            raise ValueError(f"not a configuration written by this version ({type(error).__name__})") from None


def _out(value: object) -> Any:
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    if isinstance(value, time):
        return value.strftime("%H:%M")
    if isinstance(value, Path):
        return str(value)
    if isinstance(value, tuple):
        return [_out(item) for item in value]
    if dataclasses.is_dataclass(value):
        return {field.name: _out(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return value


def _read(document: dict[str, Any]) -> Config:
    alerts = dict(document["alerts"])
    if (quiet := alerts["quiet_hours"]) is not None:
        since, until = quiet
        alerts["quiet_hours"] = (time.fromisoformat(since), time.fromisoformat(until))
    alerts["remind_after"] = tuple(timedelta(seconds=seconds) for seconds in alerts["remind_after"])
    return Config(
        freshness=Freshness(**_timed(document["freshness"])),
        polling=Polling(**_timed(document["polling"])),
        alerts=Alerts(**alerts),
        account=Account(**document["account"]),
        local_backups=LocalBackups(folders=tuple(Path(folder) for folder in document["local_backups"]["folders"])),
        storage=Storage(**_timed(document["storage"])),
        devices=tuple(Device(**_timed(table)) for table in document["devices"]),
        advanced=Advanced(**document["advanced"]),
    )


def _timed(table: dict[str, Any]) -> dict[str, Any]:
    """Seconds back into lengths of time, for the keys whose names say so."""
    return {
        key: timedelta(seconds=value)
        if key.endswith(("_after", "_every", "_before_full")) and value is not None
        else value
        for key, value in table.items()
    }
