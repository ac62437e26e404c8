"""The one model of the whole configuration.

Default, unit, description, example and limits of every key stand here and nowhere else: the values in
:mod:`backupwatch.settings.values`, the commented default file, the JSON schema, the README's table and the error
messages are all made from it or held against it by a test.
"""

from __future__ import annotations

import ipaddress
import re
from datetime import time, timedelta
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema
from pydantic_core import PydanticCustomError

from backupwatch.settings import duration, values

QUIET_FORM = '"22:00-07:30" (24-hour local time), or "" for none'
NIGHT_TO_SPEAK = timedelta(hours=1)
"""Quiet hours must leave at least this much of the day in which a person can be told anything."""

MOST_FOLDERS = 50
MOST_REMINDERS = 20


def _wrong(message: str) -> PydanticCustomError:
    """A failure whose message is ours; braces would be read as fields of a template."""
    return PydanticCustomError("ours", "{said}", {"said": message})


def _length(at_least: timedelta) -> BeforeValidator:
    def read(value: object) -> timedelta:
        if not isinstance(value, str):
            raise _wrong("a length of time is written as text in quotes")
        try:
            length = duration.parse(value)
        except ValueError as error:
            raise _wrong(f"not a length of time: {error}") from None
        if length < at_least:
            raise _wrong(f"too short: at least {duration.render(at_least)}")
        return length

    return BeforeValidator(read)


def _quiet_hours(value: object) -> values.QuietHours:
    if not isinstance(value, str):
        raise _wrong("quiet hours are written as text in quotes")
    if not value.strip():
        return None
    match = re.fullmatch(r"\s*(\d{1,2}):(\d{2})\s*[-–—]\s*(\d{1,2}):(\d{2})\s*", value, re.ASCII)
    if match is None:
        raise _wrong("not a span of two times")
    since, until = (int(match[1]) * 60 + int(match[2]), int(match[3]) * 60 + int(match[4]))
    if int(match[2]) > 59 or int(match[4]) > 59 or since >= 1440 or until > 1440:
        raise _wrong("there is no such time of day")
    loud = (since - until) % 1440
    if timedelta(minutes=loud) < NIGHT_TO_SPEAK:
        raise _wrong("these quiet hours cover the whole day, so you would never be told anything")
    return (time(*divmod(since, 60)), time(*divmod(until % 1440, 60)))


def _udid(value: object) -> str:
    """25 characters with a dash since the iPhone XS, 40 before; the dash may be missing."""
    if not isinstance(value, str):
        raise _wrong("a UDID is written as text in quotes")
    if not re.fullmatch(r"[0-9A-Fa-f]{8}-?[0-9A-Fa-f]{16}|[0-9A-Fa-f]{40}", value):
        raise _wrong("this is not a UDID")
    return value


def _text(longest: int) -> BeforeValidator:
    def read(value: object) -> str:
        if not isinstance(value, str):
            raise _wrong("this is written as text in quotes")
        if len(value) > longest:
            raise _wrong(f"too long: at most {longest} characters")
        return value

    return BeforeValidator(read)


def _apple_id(value: object) -> str:
    """An e-mail address, or a telephone number as Apple allows in mainland China and some other places."""
    if not isinstance(value, str):
        raise _wrong("an Apple Account is written as text in quotes")
    account = value.strip()
    if account and not re.fullmatch(r"[^@\s]{1,128}@[^@\s]{1,128}|\+?[0-9][0-9 ()-]{4,24}", account):
        raise _wrong("this is neither an e-mail address nor a telephone number")
    return account


def _folder(value: object) -> str:
    if not isinstance(value, str):
        raise _wrong("a folder is written as text in quotes")
    if not value.startswith(("/", "~")) or "\0" in value:
        raise _wrong("a folder is named from the root or from your home")
    return value


def _usbmuxd(value: object) -> str:
    """What pymobiledevice3 takes as an address: a socket's path, or ``host:port`` split at its only colon."""
    if not isinstance(value, str):
        raise _wrong("an address is written as text in quotes")
    if value == "":
        return value
    if value.upper().startswith("UNIX:"):
        raise _wrong("write the path of the socket alone, without UNIX: before it")
    if value.startswith("["):
        raise _wrong("an IPv6 address in brackets is not understood; write a name such as localhost:27015")
    if value.startswith("/") and "\0" not in value:
        return value
    host, colon, port = value.rpartition(":")
    if not colon or not re.fullmatch(r"[A-Za-z0-9._-]+", host):
        raise _wrong("this is neither the absolute path of a socket nor host:port")
    if not re.fullmatch(r"[0-9]{1,5}", port) or not 0 < int(port) < 65_536:
        raise _wrong("the port is a number from 1 to 65535")
    return value


def _web_address(value: object) -> str:
    if not isinstance(value, str):
        raise _wrong("an address is written as text in quotes")
    try:
        parts = urlsplit(value)
        port_fits = parts.port is None or parts.port > 0
    except ValueError:
        raise _wrong("this is no web address") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or not port_fits:
        raise _wrong("a web address starts with https:// or http:// and names a host")
    if parts.username is not None or parts.password is not None:
        raise _wrong("no user name and no password may stand in an address")
    if re.search(r"[\s\x00-\x1f]", value):
        raise _wrong("a web address holds no blanks")
    return value


def _icloud(value: object) -> str:
    """The base of all account traffic, which carries the password: plain http only to this very computer."""
    if value == "":
        return ""
    address = _web_address(value).rstrip("/")
    parts = urlsplit(address)
    if parts.query or parts.fragment:
        raise _wrong("the base address has no ? and no #")
    if parts.scheme == "http" and not _is_loopback(parts.hostname or ""):
        raise _wrong("your password would travel unprotected; use https:// (http:// only to this computer)")
    return address


def _is_loopback(host: str) -> bool:
    if host == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


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


_LIMIT = "a length of time such as"
# What editors check while one types; written for ECMA 262, as JSON schema wants it.
_LengthSchema = WithJsonSchema(
    {"type": "string", "pattern": r"^\s*([0-9]{1,9}\s*[A-Za-z]+\s*)+$|^\s*[Pp][0-9A-Za-z]+\s*$"}
)
_QuietSchema = WithJsonSchema(
    {"type": "string", "pattern": r"^\s*$|^\s*[0-9]{1,2}:[0-9]{2}\s*[-–—]\s*[0-9]{1,2}:[0-9]{2}\s*$"}
)
_UdidSchema = WithJsonSchema({"type": "string", "pattern": "^([0-9A-Fa-f]{8}-?[0-9A-Fa-f]{16}|[0-9A-Fa-f]{40})$"})
_Minute = Annotated[timedelta, _length(timedelta(minutes=1)), _LengthSchema]
_TenMinutes = Annotated[timedelta, _length(timedelta(minutes=10)), _LengthSchema]
_Hour = Annotated[timedelta, _length(timedelta(hours=1)), _LengthSchema]
_Switch = Annotated[bool, Field(strict=True)]
_Counts = Literal["any", "icloud", "local", "both"]


class Table(BaseModel):
    """What every table has in common: no unknown key, no change."""

    model_config = ConfigDict(extra="forbid", frozen=True)


class FreshnessTable(Table):
    """When a backup counts as too old."""

    stale_after: _Minute = key(
        "3d",
        "How old the last backup may get before you are told.",
        allowed=duration.FORMS,
        example='"36h"',
        unit="length of time, at least 1m",
    )
    overdue_after: _Minute = key(
        "7d",
        "From this age on the alert is critical. Not shorter than stale_after.",
        allowed=duration.FORMS,
        example='"10d"',
        unit="length of time, at least 1m",
    )
    counts: _Counts = key(
        "any",
        'Which backups count: "any" of the two kinds, "icloud" alone, "local" (made by a computer) alone, or '
        '"both", each of which must be fresh.',
        allowed='"any", "icloud", "local" or "both"',
        example='"icloud"',
    )
    unseen_after: _Minute = key(
        "5d",
        "How long a phone may stay out of sight before you are told that nothing is known about it.",
        allowed=duration.FORMS,
        example='"2w"',
        unit="length of time, at least 1m",
    )


class PollingTable(Table):
    """How often to look."""

    devices_every: _Minute = key(
        "30m",
        "How often to ask the phones; one that is plugged in is asked at once as well.",
        allowed=duration.FORMS,
        example='"1h"',
        unit="length of time, at least 1m",
    )
    account_every: _Minute = key(
        "6h",
        "How often to ask the iCloud account. Apple may block an account that is asked too often.",
        allowed=duration.FORMS,
        example='"12h"',
        unit="length of time, at least 1m",
    )
    services_every: _Minute = key(
        "1h",
        "How often to read Apple's System Status page.",
        allowed=duration.FORMS,
        example='"3h"',
        unit="length of time, at least 1m",
    )
    wifi: _Switch = key(
        True,
        "Look for paired phones on the local network too, not only on the cable.",
        allowed="true or false",
        example="false",
    )


class AlertsTable(Table):
    """How and when to tell you."""

    desktop: _Switch = key(True, "Show desktop notifications.", allowed="true or false", example="false")
    quiet_hours: Annotated[values.QuietHours, BeforeValidator(_quiet_hours), _QuietSchema] = key(
        "22:00-07:30",
        'When no notification is shown, in local time; what comes up meanwhile is shown afterwards. "" for none.',
        allowed=QUIET_FORM,
        example='"23:00-08:00"',
        unit="local time",
    )
    remind_after: Annotated[tuple[_TenMinutes, ...], Field(max_length=MOST_REMINDERS)] = key(
        ["1d", "2d", "4d", "7d"],
        "How long to wait before each reminder while nothing changes; the last one repeats. [] for no reminders.",
        allowed=f"a list of lengths of time, such as {duration.FORMS}",
        example='["2d", "1w"]',
        unit="lengths of time, each at least 10m",
    )
    recovery: _Switch = key(True, "Say so when backups are back.", allowed="true or false", example="false")


class AccountTable(Table):
    """The iCloud account, for its storage and for phones that are out of sight. `backupwatch login` fills it in."""

    apple_id: Annotated[str, BeforeValidator(_apple_id)] = key(
        "",
        "The Apple Account. Empty: no account is asked. The password never stands in this file.",
        allowed='an e-mail address or a telephone number with its country code, or ""',
        example='"anna@example.com"',
    )
    china_mainland: _Switch = key(
        False,
        "The account belongs to iCloud in mainland China.",
        allowed="true or false",
        example="true",
    )


class LocalBackupsTable(Table):
    """Backups made by a computer."""

    folders: Annotated[tuple[Annotated[str, BeforeValidator(_folder)], ...], Field(max_length=MOST_FOLDERS)] = key(
        [],
        "Where to look besides the places that Finder, Apple Devices and iTunes use.",
        allowed="a list of folders, each starting with / or ~",
        example='["/mnt/backups/phones", "~/Backups"]',
    )


class StorageTable(Table):
    """The room in iCloud."""

    warn_before_full: _Hour = key(
        "14d",
        "How long before the account is full, as its growth forecasts it, you are told.",
        allowed=duration.FORMS,
        example='"30d"',
        unit="length of time, at least 1h",
    )


class DeviceTable(Table):
    """One phone or iPad; repeat the table for each. Any key of [freshness] may stand here."""

    udid: Annotated[str, BeforeValidator(_udid), _UdidSchema] = Field(
        description="Which phone; `backupwatch devices` shows it.",
        json_schema_extra={
            "x-allowed": "24 hexadecimal digits, with or without the dash after the eighth, or 40 on old models",
            "x-example": '"00008140-001C2D3E4F50001C"',
            "x-unit": "",
        },
    )
    name: Annotated[str, _text(100), Field(max_length=100)] = key(
        "",
        "Shown instead of the phone's own name. Empty: the phone's own.",
        allowed="any text of up to 100 characters",
        example='"Anna"',
    )
    ignore: _Switch = key(False, "Do not watch this phone at all.", allowed="true or false", example="true")
    stale_after: _Minute | None = key(
        None,
        "As in [freshness], for this phone alone.",
        allowed=duration.FORMS,
        example='"36h"',
        unit="length of time, at least 1m",
    )
    overdue_after: _Minute | None = key(
        None,
        "As in [freshness], for this phone alone.",
        allowed=duration.FORMS,
        example='"10d"',
        unit="length of time, at least 1m",
    )
    counts: _Counts | None = key(
        None,
        "As in [freshness], for this phone alone.",
        allowed='"any", "icloud", "local" or "both"',
        example='"local"',
    )
    unseen_after: _Minute | None = key(
        None,
        "As in [freshness], for this phone alone.",
        allowed=duration.FORMS,
        example='"2w"',
        unit="length of time, at least 1m",
    )


class AdvancedTable(Table):
    """Addresses for proxies, tests and unusual set-ups. Leave these alone unless you know why."""

    usbmuxd: Annotated[str, BeforeValidator(_usbmuxd)] = key(
        "",
        "Where usbmuxd listens: the path of a socket, or host:port. Empty: the system's own.",
        allowed='the absolute path of a socket, host:port, or ""',
        example='"/run/usbmuxd-test"',
    )
    icloud: Annotated[str, BeforeValidator(_icloud)] = key(
        "",
        "Base address of the iCloud web service. Empty: Apple's.",
        allowed='an https:// address, or ""',
        example='"https://icloud-proxy.example.com"',
    )
    system_status: Annotated[str, BeforeValidator(_web_address)] = key(
        values.Advanced().system_status,
        "Apple's System Status feed.",
        allowed="an https:// or http:// address",
        example='"https://mirror.example.com/system_status_en_US.js"',
    )
    ios_releases: Annotated[str, BeforeValidator(_web_address)] = key(
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
