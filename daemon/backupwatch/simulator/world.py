"""What the world is like at a moment: a pure function of the story, the day it ends on, and the moment."""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from typing import Any

from backupwatch.simulator.script import STATE_FIELDS, Fault, Phone, PhoneEvent, PhoneState, Scenario

NIGHT_FROM, NIGHT_TO = time(22), time(7)
"""A night, UTC, in the sense of ``nights`` and ``days``."""


def is_night(at: datetime) -> bool:
    """Whether the moment lies between 22:00 and 07:00."""
    return at.time() >= NIGHT_FROM or at.time() < NIGHT_TO


@dataclass(frozen=True)
class PhoneWorld:
    """One phone at one moment."""

    udid: str
    at: datetime
    state: PhoneState
    last_icloud: datetime | None
    last_local: datetime | None
    restarts: int
    faults: tuple[Fault, ...]

    @property
    def links(self) -> tuple[str, ...]:
        """Over what the phone can be reached now, in usbmuxd's words: ``USB``, ``Network``."""
        state = self.state
        cable = state.connection in ("usb", "both")
        air = state.connection in ("network", "both") and state.wifi and state.wifi_sync
        return ("USB",) * cable + ("Network",) * air

    @property
    def on_power(self) -> bool:
        """Whether it is on external power."""
        if self.state.power is not None:
            return self.state.power
        return is_night(self.at) or self.state.connection in ("usb", "both")

    @property
    def locked(self) -> bool:
        """Whether it is at the lock screen."""
        return is_night(self.at) if self.state.locked is None else self.state.locked

    @property
    def boot_session(self) -> str:
        """``BootSessionID``: another one after each restart."""
        return str(uuid.uuid5(uuid.NAMESPACE_OID, f"{self.udid} {self.restarts}")).upper()

    @property
    def wifi_address(self) -> str:
        """The Wi-Fi MAC address, locally administered, one per phone."""
        digits = uuid.uuid5(uuid.NAMESPACE_OID, self.udid).hex
        return ":".join(["f2", *(digits[i : i + 2] for i in range(0, 10, 2))])

    @property
    def major(self) -> int:
        """The major version of iOS; 0 where the story's version is none."""
        first = self.state.os.partition(".")[0]
        return int(first) if first.isdecimal() else 0

    @property
    def clock(self) -> datetime:
        """What the phone's own clock says."""
        return self.at + timedelta(seconds=self.state.clock_ahead)

    def fault(self, step: str, link: str) -> Fault | None:
        """What breaks at this step of a conversation over this link, if anything.

        A fault of ``getvalue`` strikes at every value, one of ``getvalue:DOMAIN`` only there.
        """
        for fault in self.faults:
            if fault.over != "any" and fault.over != link.lower():
                continue
            if fault.step == step or (fault.step == "getvalue" and step.startswith("getvalue:")):
                return fault
        return None


@dataclass(frozen=True)
class Role:
    """A script and the number with which one phone plays it."""

    n: int
    script: Phone


@dataclass(frozen=True)
class World:
    """Everything at one moment."""

    scenario: Scenario
    today: date
    at: datetime
    _phones: dict[str, PhoneWorld] = field(default_factory=dict, compare=False, repr=False)

    @cached_property
    def cast(self) -> dict[str, Role]:
        """UDID -> role, in the order of the script."""
        return cast_of(self.scenario)

    @property
    def udids(self) -> list[str]:
        """Every phone of the story, in order."""
        return list(self.cast)

    def phone(self, udid: str) -> PhoneWorld:
        """One phone now.

        :raises KeyError: no phone of this story has that UDID.
        """
        if udid not in self._phones:
            self._phones[udid] = phone_at(self.cast[udid], udid, self.at, self.today)
        return self._phones[udid]

    @cached_property
    def account(self) -> Mapping[str, Any]:
        """The account's table with everything that changed so far, and the Find My ``devices``."""
        table = {key: value for key, value in self.scenario.account.items() if key != "at"}
        for change in sorted(self.scenario.account.get("at", []), key=_moment_key):
            if _moment(change, self.today) <= self.at:
                table = merged(table, {key: value for key, value in change.items() if key not in ("day", "time")})
        table.setdefault("devices", [_find_my(self.phone(udid)) for udid in self.udids])
        return table


def udids_of(script: Phone) -> list[str]:
    """The UDID of every phone that plays a script.

    :raises ValueError: the number's format is none; also KeyError and IndexError.
    """
    numbers = range(script.first, script.first + script.count)
    return [script.udid.format(n=n) if "{" in script.udid else script.udid for n in numbers]


def cast_of(scenario: Scenario) -> dict[str, Role]:
    """Every phone of a story: UDID -> role."""
    roles: dict[str, Role] = {}
    for script in scenario.phone:
        for n, udid in enumerate(udids_of(script), script.first):
            roles[udid] = Role(n, script)
    return roles


def merged(base: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    """``base`` with ``over`` laid on top, tables within tables too."""
    result = dict(base)
    for key, value in over.items():
        old = result.get(key)
        result[key] = merged(old, value) if isinstance(old, Mapping) and isinstance(value, Mapping) else value
    return result


def _moment(table: Mapping[str, Any], today: date) -> datetime:
    clock = time.fromisoformat(str(table.get("time", "00:00")))
    return datetime.combine(today + timedelta(days=int(table.get("day", 0))), clock, UTC)


def _moment_key(table: Mapping[str, Any]) -> tuple[int, str]:
    return int(table.get("day", 0)), str(table.get("time", "00:00"))


def _said(state: PhoneState) -> dict[str, Any]:
    """Only what the story says, not the defaults."""
    return {name: getattr(state, name) for name in state.model_fields_set & STATE_FIELDS}


def happened(script: Phone, at: datetime, today: date) -> list[tuple[datetime, PhoneEvent]]:
    """Every event of a phone up to the moment, oldest first, the daily backups included."""
    events: list[tuple[datetime, PhoneEvent]] = []
    for event in script.at:
        last = event.day if event.daily_until is None else event.daily_until
        first = event.at(today)
        events += [(first + timedelta(days=day - event.day), event) for day in range(event.day, last + 1)]
    for series in script.backups:
        for day in range(series.first, series.last + 1):
            backup = PhoneEvent(day=day, time=series.time, backup=series.kind)
            events.append((backup.at(today), backup))
    return sorted(((when, event) for when, event in events if when <= at), key=lambda pair: pair[0])


def phone_at(role: Role, udid: str, at: datetime, today: date) -> PhoneWorld:
    """One phone at one moment."""
    script = role.script
    told = _said(script)
    told["name"] = _name(role)
    last: dict[str, datetime | None] = {"icloud": None, "local": None}
    restarts = 0
    for when, event in happened(script, at, today):
        told = merged(told, _said(event))
        ahead = timedelta(seconds=told.get("clock_ahead", 0.0))
        if event.backup in last:
            last[event.backup] = when + ahead  # iOS writes its own clock's time
        if told.get("icloud_backup") is False:
            last["icloud"] = None
        restarts += event.restart
    told = merged(told, told.get("nights" if is_night(at) else "days", {}))
    faults = tuple(fault for fault in script.fault if fault.active(at, today))
    state = PhoneState.model_validate(told)
    return PhoneWorld(udid, at, state, last["icloud"], last["local"], restarts, faults)


def _name(role: Role) -> str:
    script = role.script
    name = (
        script.name.replace("{n}", str(role.n)).replace("{n:02}", f"{role.n:02}") if script.count > 1 else script.name
    )
    if script.name_length:
        name = (name * (script.name_length // max(1, len(name)) + 1))[: script.name_length]
    return name


def _find_my(phone: PhoneWorld) -> dict[str, Any]:
    """What Find My knows of a phone, in words that are ours; the iCloud actor translates."""
    state = phone.state
    return {
        "udid": phone.udid,
        "name": state.name,
        "model": state.model,
        "os": state.os,
        "online": state.wifi or state.connection != "away",
        "battery": state.battery / 100,
        "charging": phone.on_power,
        "low_power": state.low_power,
    }
