"""Apple's system status page: which of its services had trouble, and when.

Source of the shape: the page itself, as recorded in the test data of insidegui/StatusBuddy; of the services'
names: AppleServices.swift of inket/stts (March 2026).
"""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from functools import partial
from typing import Any, Final

from backupwatch.clock import rfc3339
from backupwatch.facts import kinds
from backupwatch.facts.observation import STATUS, Fact, Json, Observation
from backupwatch.sources.apple_pages import document, fetch, word
from backupwatch.sources.look import Request

LOOK: Final = "apple-status"
ICLOUD_BACKUP: Final = "iCloud Backup"
WATCHED: Final = (ICLOUD_BACKUP, "iCloud Account & Sign In", "Apple Account", "iCloud Storage Upgrades")
"""The services without which a backup does not happen; facts spell them so."""

_SPELLINGS = {name.casefold(): name for name in WATCHED} | {"apple id": "Apple Account"}  # its name until 2024-09
_TYPES = {name.casefold(): name for name in ("Outage", "Issue", "Performance", "Maintenance")}
_STATES = {"ongoing", "resolved", "upcoming", "completed"}
_MAX_SERVICES, _MAX_EVENTS = 300, 100


@dataclass(frozen=True, slots=True)
class _Event:
    """One event of the page, its moments aware and in UTC."""

    service: str
    type: str
    status: str
    started_at: datetime | None
    ended_at: datetime | None

    def at(self, moment: datetime) -> Mapping[str, Json]:
        """As a fact of ``moment``: what claims to go on but has an end in the past is over."""
        over = self.ended_at is not None and self.ended_at <= moment
        return {
            "service": self.service,
            "type": self.type,
            "status": self._status(moment, over=over),
            "started_at": rfc3339(self.started_at) if self.started_at else None,
            "ended_at": rfc3339(self.ended_at) if self.ended_at else None,
        }

    def _status(self, moment: datetime, *, over: bool) -> str:
        if self.status in _STATES:
            return "resolved" if self.status == "ongoing" and over else self.status
        if over:
            return "resolved"
        return "upcoming" if self.started_at and self.started_at > moment else "ongoing"


async def look(request: Request) -> AsyncIterator[Fact]:
    """Yield the listed services and the events of the watched ones, as of the page's date.

    Arguments: ``url`` (str), ``min_age_s`` and ``patience_s`` as :func:`backupwatch.sources.apple_pages.fetch`
    takes them. Facts of a copy carry the copy's date; a Blind beside them says why there is nothing newer.
    """
    page = await fetch(request, STATUS, LOOK, "Apple's system status page", _parse)
    if page.content is not None:
        listed, events = page.content
        fact = partial(Observation, STATUS, observed_at=page.at, source=LOOK)
        yield fact(kind=kinds.SERVICES_LISTED, value=listed)
        yield fact(kind=kinds.SERVICE_EVENTS, value=[event.at(page.at) for event in events])
    if page.trouble is not None:
        yield page.trouble


def _parse(body: bytes) -> tuple[list[str], list[_Event]]:
    """The names of all services, and the events of the watched ones, oldest first.

    :raises ValueError: not the status page.
    """
    data = document(body)
    services = data.get("services") if isinstance(data, dict) else None
    rows = [row for row in services[:_MAX_SERVICES] if isinstance(row, dict)] if isinstance(services, list) else []
    names = {_spelled(row.get("serviceName")) for row in rows} - {""}
    if not names:
        raise ValueError("no services")
    events = sorted(
        {event for row in rows for event in _events(row)},
        key=lambda event: (
            event.started_at or datetime.min.replace(tzinfo=UTC),
            event.service,
            event.type,
            event.status,
        ),
    )
    return sorted(names), events[-_MAX_EVENTS:]


def _spelled(name: object) -> str:
    short = word(name)
    return _SPELLINGS.get(short.casefold(), short)


def _events(row: Mapping[str, Any]) -> Iterator[_Event]:
    service, events = _spelled(row.get("serviceName")), row.get("events")
    if service not in WATCHED or not isinstance(events, list):
        return
    for event in events:
        if not isinstance(event, dict):
            continue
        kind = word(event.get("statusType"), 40)
        if kind.casefold() == "available":  # the page's word for "nothing is wrong"
            continue
        yield _Event(
            service,
            _TYPES.get(kind.casefold(), kind),
            word(event.get("eventStatus"), 40).casefold(),
            _moment(event.get("epochStartDate")),
            _moment(event.get("epochEndDate")),
        )


def _moment(value: object) -> datetime | None:
    """From milliseconds since 1970, between 2000 and 2100; anything else is unknown."""
    if isinstance(value, str) and value.isascii() and value.isdigit() and len(value) <= 15:
        value = int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    seconds = value / 1000 if -1e15 < value < 1e15 else 0.0
    return datetime.fromtimestamp(seconds, UTC) if 946_684_800 <= seconds <= 4_102_444_800 else None
