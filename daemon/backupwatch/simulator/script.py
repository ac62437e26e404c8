"""The script of a story: who is on stage, and what changes when. Frozen; read by :mod:`backupwatch.simulator.scenario`.

All moments are UTC and relative to the story's last day: ``day = -9, time = "02:11"`` is eleven minutes past two,
nine days before the day that the stage calls today. What the world is like at a moment is computed by
:mod:`backupwatch.simulator.world`; nothing here knows what a moment leads to.

The account is a free table for the actor that plays iCloud; the words it understands stand in that actor. The
world adds ``devices`` (for Find My) from the phones where the story gives none.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, time, timedelta
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

Connection = Literal["usb", "network", "both", "away"]
FaultKind = Literal["hang", "reset", "garbage", "nonsense", "huge-length", "endless", "slow", "vanish", "refuse"]


def _clock_time(text: str) -> str:
    if not re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?", text):
        raise ValueError('must be a time of day such as "02:11" or "02:11:09"')
    return text


def _step(text: str) -> str:
    if not re.fullmatch(
        r"connect|query|startsession|tls|stopsession|getvalue(:[\w.]+)?|startservice|service:[\w.]+", text
    ):
        raise ValueError(
            "must be connect, query, startsession, tls, stopsession, getvalue, getvalue:DOMAIN, startservice or "
            "service:NAME"
        )
    return text


TimeOfDay = Annotated[str, AfterValidator(_clock_time)]
Step = Annotated[str, AfterValidator(_step)]


class _Strict(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True, strict=True)


class When(_Strict):
    """A moment, relative to the story's last day."""

    day: int = Field(le=0)
    time: TimeOfDay = "00:00"

    def at(self, today: date) -> datetime:
        """The moment, aware, in UTC."""
        return datetime.combine(today + timedelta(days=self.day), time.fromisoformat(self.time), UTC)


class Profile(_Strict):
    """A configuration profile that an organisation installed."""

    name: str
    identifier: str
    organization: str = ""


class PhoneState(_Strict):
    """All that a story may say about a phone at a moment. What is left unsaid is a healthy phone.

    Nights are 22:00 to 07:00. ``nights`` and ``days`` overlay the rest for their hours.
    """

    name: str = "iPhone"
    model: str = "iPhone17,1"
    os: str = "26.1"
    build: str = "23B85"
    connection: Connection = "usb"
    wifi: bool = True
    """Joined to Wi-Fi; without it there is no network connection either."""
    power: bool | None = None
    """On power; unsaid: at night, and while on the cable of this computer."""
    locked: bool | None = None
    """At the lock screen; unsaid: at night."""
    passcode: bool = True
    unlocked_since_boot: bool = True
    battery: int = Field(default=80, ge=0, le=100)
    low_power: bool = False
    icloud_backup: bool = True
    """The switch in Settings. Off deletes the date of the last iCloud backup, as iOS does."""
    capacity_gb: float = 128.0
    free_gb: float = 41.0
    clock_ahead: float = 0.0
    """Seconds by which the phone's clock is ahead of true time."""
    time_zone: str = "Europe/Berlin"
    trust: Literal["paired", "unpaired", "lost"] = "paired"
    """lost: this computer still has a pair record, but the phone does not know it any more."""
    dialog: Literal["accept", "ignore", "deny", "locked"] = "accept"
    """What the owner does about the Trust dialog."""
    dialog_delay: int = Field(default=0, ge=0)
    """How many Pair requests are answered "the dialog is showing" before the owner acts."""
    wifi_sync: bool = True
    """Finder's "Show this iPhone when on Wi-Fi"."""
    restoring: bool = False
    supervised: bool = False
    organization: str = ""
    profiles: list[Profile] = []
    encrypt_local: bool = False
    find_my: bool = True
    values: dict[str, dict[str, Any]] = {}
    """Lockdown values by domain and key, over everything derived; the default domain is called "default"."""
    absent: list[str] = []
    """Lockdown keys this phone does not have, as "domain:key"."""
    nights: dict[str, Any] = {}
    days: dict[str, Any] = {}


STATE_FIELDS = frozenset(PhoneState.model_fields)


class PhoneEvent(PhoneState, When):
    """Something happens to a phone: a change of state from then on, or a single event."""

    backup: str = Field(default="", pattern=r"^(|icloud|local|failed:\d+)$")
    """A backup ends: well, to iCloud or to a computer, or with this code of MBErrorDomain."""
    restart: bool = False
    daily_until: int | None = Field(default=None, le=0)
    """The same again every day up to and including this one."""
    log: str | list[str] = ""
    """Lines that backupd writes at that moment; ``UserEventAgent: text`` is written by that process."""


class Backups(_Strict):
    """A backup every day at the same time, from ``first`` to ``last`` (days before today, both included)."""

    time: TimeOfDay = "02:11"
    first: int = Field(default=-40, le=0)
    last: int = Field(default=0, le=0)
    kind: str = Field(default="icloud", pattern=r"^(icloud|local|failed:\d+)$")


class _Window(_Strict):
    """From when to when something is broken; unsaid ends are open."""

    from_: When | None = Field(default=None, alias="from")
    until: When | None = None

    def active(self, at: datetime, today: date) -> bool:
        """Whether it strikes at this moment."""
        return not (self.from_ and at < self.from_.at(today)) and not (self.until and at >= self.until.at(today))


class Fault(_Window):
    """What breaks in a conversation with a phone, and where."""

    step: Step
    kind: FaultKind
    over: Literal["any", "usb", "network"] = "any"
    pause: float = Field(default=0.05, gt=0)
    """Seconds between two pieces of 64 bytes, for ``slow``."""


class Phone(PhoneState):
    """One phone, or ``count`` like it: ``{n}`` in the UDID and the name is then the number, ``{n:02}`` works too."""

    udid: str = Field(pattern=r"^[0-9A-Fa-f{}n:x-]+$")
    """Hexadecimal digits, with one dash on phones since 2018."""
    cause: str | None = None
    """For a story with several phones: the cause of this one; absent: the story's."""
    count: int = Field(default=1, ge=1, le=1_000)
    first: int = 1
    """The first number."""
    name_length: int = Field(default=0, ge=0, le=100_000)
    """Repeat the name until it has so many characters."""
    backups: list[Backups] = []
    at: list[PhoneEvent] = []
    fault: list[Fault] = []


class UsbmuxdFault(_Window):
    """usbmuxd itself misbehaves."""

    step: Literal["list", "listen", "connect", "record", "any"]
    kind: Literal["hang", "reset", "garbage"]


class Usbmuxd(_Strict):
    """The mux daemon of this computer."""

    network: bool = True
    """Whether it finds phones on the Wi-Fi; the stock usbmuxd of Linux does not."""
    fault: list[UsbmuxdFault] = []


class AppleEvent(_Strict):
    """One event on Apple's system status page."""

    service: str = "iCloud Backup"
    type: Literal["Outage", "Issue", "Performance", "Maintenance"] = "Outage"
    from_: When = Field(alias="from")
    to: When | None = None
    """Absent: it goes on beyond the story."""
    message: str = "Users may be experiencing a problem with this service."
    users: str = "Some users are affected"


class AppleRelease(_Strict):
    """An iOS release. Without any, the stage offers the releases that a phone of the default kind already has."""

    version: str
    build: str
    day: int = -20
    models: list[str] = []
    """Product types; empty: every model on stage."""


class AppleFault(_Window):
    """One of Apple's two documents cannot be had."""

    document: Literal["system-status", "ios-releases", "any"] = "any"
    kind: Literal["hang", "reset", "500", "503", "html", "truncated", "slow"]
    retry_after: int = 120
    """Seconds, sent with a 503."""


class Apple(_Strict):
    """Apple's public pages."""

    event: list[AppleEvent] = []
    release: list[AppleRelease] = []
    fault: list[AppleFault] = []
    jsonp: bool = False
    """Wrap the status document in a function call."""
    unlisted: list[str] = []
    """Services that the status page does not know."""


class Scenario(_Strict):
    """A whole story."""

    title: str
    story: str = ""
    cause: str = ""
    """The id of the cause that a good watcher should name; read by tests only."""
    days: int = Field(default=9, ge=1, le=400)
    looks: list[TimeOfDay] = ["02:30", "13:00"]
    phone: list[Phone] = []
    usbmuxd: Usbmuxd = Usbmuxd()
    account: dict[str, Any] = {}
    apple: Apple = Apple()

    def moments(self, today: date) -> list[datetime]:
        """When the watcher looks, in order, over all days of the story."""
        days = range(-self.days, 1)
        return sorted(When(day=day, time=look).at(today) for day in days for look in self.looks)
