"""The one model of the whole configuration.

Default, unit, description, example and limits of every key stand here and nowhere else: the values in
:mod:`backupwatch.settings.values`, the commented default file, the JSON schema, the README's table and the error
messages are all made from it or held against it by a test.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict, Field

from backupwatch.settings import duration, kinds, values


def key(default: Any, description: str, *, allowed: str, example: str, unit: str = "") -> Any:
    """A key of the file.

    :param default: as it stands in TOML; ``None`` for a key that has none.
    :param allowed: what may stand there, in the words of the error message.
    :param example: a value in TOML, different from the default.
    :param unit: what the value counts; empty where it counts nothing.
    """
    return Field(
        default=default,
        validate_default=True,
        description=description,
        json_schema_extra={"x-allowed": allowed, "x-example": example, "x-unit": unit},
    )


class Table(BaseModel):
    """What every table has in common: no unknown key, no change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FreshnessTable(Table):
    """When a backup counts as too old."""

    stale_after: kinds.Minute = key(
        "3d",
        "How old the last backup may get before you are told.",
        allowed=duration.FORMS,
        example='"36h"',
        unit="length of time, at least 1m",
    )
    overdue_after: kinds.Minute = key(
        "7d",
        "From this age on the alert is critical. Not shorter than stale_after.",
        allowed=duration.FORMS,
        example='"10d"',
        unit="length of time, at least 1m",
    )
    counts: kinds.Counts = key(
        "any",
        'Which backups count: "any" of the two kinds, "icloud" alone, "local" (made by a computer) alone, or '
        '"both", each of which must be fresh.',
        allowed='"any", "icloud", "local" or "both"',
        example='"icloud"',
    )
    unseen_after: kinds.Minute = key(
        "5d",
        "How long a phone may stay out of sight before you are told that nothing is known about it.",
        allowed=duration.FORMS,
        example='"2w"',
        unit="length of time, at least 1m",
    )


class PollingTable(Table):
    """How often to look."""

    devices_every: kinds.Minute = key(
        "30m",
        "How often to ask the phones; one that is plugged in is asked at once as well.",
        allowed=duration.FORMS,
        example='"1h"',
        unit="length of time, at least 1m",
    )
    account_every: kinds.Minute = key(
        "6h",
        "How often to ask the iCloud account. Apple may block an account that is asked too often.",
        allowed=duration.FORMS,
        example='"12h"',
        unit="length of time, at least 1m",
    )
    services_every: kinds.Minute = key(
        "1h",
        "How often to read Apple's System Status page.",
        allowed=duration.FORMS,
        example='"3h"',
        unit="length of time, at least 1m",
    )
    wifi: kinds.Switch = key(
        True,
        "Search the local network for paired phones. Those that usbmuxd itself finds on Wi-Fi are read all the same.",
        allowed="true or false",
        example="false",
    )


class AlertsTable(Table):
    """How and when to tell you."""

    desktop: kinds.Switch = key(True, "Show desktop notifications.", allowed="true or false", example="false")
    quiet_hours: kinds.Quiet = key(
        "22:00-07:30",
        'When no notification is shown, in local time; what comes up meanwhile is shown afterwards. "" for none.',
        allowed=kinds.QUIET_FORM,
        example='"23:00-08:00"',
        unit="local time",
    )
    remind_after: kinds.Reminders = key(
        ["1d", "2d", "4d", "7d"],
        "How long to wait before each reminder while nothing changes; the last one repeats. [] for no reminders.",
        allowed=f"a list of lengths of time, such as {duration.FORMS}",
        example='["2d", "1w"]',
        unit="lengths of time, each at least 10m",
    )
    recovery: kinds.Switch = key(True, "Say so when backups are back.", allowed="true or false", example="false")


class AccountTable(Table):
    """The iCloud account, for its storage and for phones that are out of sight. `backupwatch login` fills it in."""

    apple_id: kinds.AppleId = key(
        "",
        "The Apple Account. Empty: no account is asked. The password never stands in this file.",
        allowed='an e-mail address or a telephone number with its country code, or ""',
        example='"anna@example.com"',
    )
    china_mainland: kinds.Switch = key(
        False,
        "The account belongs to iCloud in mainland China.",
        allowed="true or false",
        example="true",
    )


class LocalBackupsTable(Table):
    """Backups made by a computer."""

    folders: kinds.Folders = key(
        [],
        "Where to look besides the places that Finder, Apple Devices and iTunes use.",
        allowed="a list of folders, each starting with / or ~",
        example='["/mnt/backups/phones", "~/Backups"]',
    )


class StorageTable(Table):
    """The room in iCloud."""

    warn_before_full: kinds.Hour = key(
        "14d",
        "How long before the account is full, as its growth forecasts it, you are told.",
        allowed=duration.FORMS,
        example='"30d"',
        unit="length of time, at least 1h",
    )


class DeviceTable(Table):
    """One phone or iPad; repeat the table for each. Any key of [freshness] may stand here."""

    udid: kinds.Udid = Field(
        description="Which phone; `backupwatch devices` shows it.",
        json_schema_extra={
            "x-allowed": "24 hexadecimal digits, with or without the dash after the eighth, or 40 on old models",
            "x-example": '"00008140-001C2D3E4F50001C"',
            "x-unit": "",
        },
    )
    name: kinds.Text = key(
        "",
        "Shown instead of the phone's own name. Empty: the phone's own.",
        allowed="any text of up to 100 characters",
        example='"Anna"',
    )
    ignore: kinds.Switch = key(False, "Do not watch this phone at all.", allowed="true or false", example="true")
    stale_after: kinds.Minute | None = key(
        None,
        "As in [freshness], for this phone alone.",
        allowed=duration.FORMS,
        example='"36h"',
        unit="length of time, at least 1m",
    )
    overdue_after: kinds.Minute | None = key(
        None,
        "As in [freshness], for this phone alone.",
        allowed=duration.FORMS,
        example='"10d"',
        unit="length of time, at least 1m",
    )
    counts: kinds.Counts | None = key(
        None,
        "As in [freshness], for this phone alone.",
        allowed='"any", "icloud", "local" or "both"',
        example='"local"',
    )
    unseen_after: kinds.Minute | None = key(
        None,
        "As in [freshness], for this phone alone.",
        allowed=duration.FORMS,
        example='"2w"',
        unit="length of time, at least 1m",
    )


class AdvancedTable(Table):
    """Addresses for proxies, tests and unusual set-ups. Leave these alone unless you know why."""

    usbmuxd: kinds.Usbmuxd = key(
        "",
        "Where usbmuxd listens: the path of a socket, or host:port. Empty: the system's own.",
        allowed='the absolute path of a socket, host:port, or ""',
        example='"/run/usbmuxd-test"',
    )
    icloud: kinds.ICloud = key(
        "",
        "Base address of the iCloud web service. Empty: Apple's.",
        allowed='an https:// address, or ""',
        example='"https://icloud-proxy.example.com"',
    )
    system_status: kinds.WebAddress = key(
        values.Advanced().system_status,
        "Apple's System Status feed.",
        allowed="an https:// or http:// address",
        example='"https://mirror.example.com/system_status_en_US.js"',
    )
    ios_releases: kinds.WebAddress = key(
        values.Advanced().ios_releases,
        "The list of iOS releases per model.",
        allowed="an https:// or http:// address",
        example='"https://mirror.example.com/ios_data_feed.json"',
    )


def _empty_table(table: type[Table]) -> Any:
    return Field(default_factory=table, description=(table.__doc__ or "").strip())


class ConfigModel(Table):
    """backupwatch tells you when your iPhone stopped backing up, why, and what to tap."""

    freshness: FreshnessTable = _empty_table(FreshnessTable)
    polling: PollingTable = _empty_table(PollingTable)
    alerts: AlertsTable = _empty_table(AlertsTable)
    account: AccountTable = _empty_table(AccountTable)
    local_backups: LocalBackupsTable = _empty_table(LocalBackupsTable)
    storage: StorageTable = _empty_table(StorageTable)
    device: tuple[DeviceTable, ...] = Field(default=(), description=(DeviceTable.__doc__ or "").strip())
    advanced: AdvancedTable = _empty_table(AdvancedTable)

    def values(self) -> values.Config:
        """The same as plain values; ``~`` becomes the home folder."""
        return values.Config(
            freshness=values.Freshness(**_own(self.freshness)),
            polling=values.Polling(**_own(self.polling)),
            alerts=values.Alerts(**_own(self.alerts)),
            account=values.Account(**_own(self.account)),
            local_backups=values.LocalBackups(folders=tuple(_home(folder) for folder in self.local_backups.folders)),
            storage=values.Storage(**_own(self.storage)),
            devices=tuple(values.Device(**_own(table)) for table in self.device),
            advanced=values.Advanced(**_own(self.advanced)),
        )


def _own(table: Table) -> dict[str, Any]:
    return {name: getattr(table, name) for name in type(table).model_fields}


def _home(folder: str) -> Path:
    """``~`` and ``~anna``; a user who does not exist leaves the text as it is, a folder that is not there."""
    try:
        return Path(folder).expanduser()
    except RuntimeError:
        return Path(folder)


RENAMED: dict[str, str] = {}
"""Old key -> new key, as dotted paths such as ``alerts.notify`` -> ``alerts.desktop``; ``device.…`` means each table.

An old key is taken for the new one with a warning, for two minor versions; its comment says since when.
"""
