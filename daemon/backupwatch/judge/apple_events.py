"""Events on Apple's system status page that concern backups.

Source of the names and words: https://www.apple.com/support/systemstatus/ (``statusType``, ``eventStatus``).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Final

from backupwatch.facts import kinds
from backupwatch.facts.observation import Json
from backupwatch.facts.snapshot import View, as_moment

BACKUP: Final = "icloud backup"
SERVICES: Final = frozenset({BACKUP, "icloud account & sign in", "apple account", "apple id"})
_TROUBLE: Final = frozenset({"outage", "issue", "performance"})
_REAL: Final = frozenset({"ongoing", "resolved", "completed"})


@dataclass(frozen=True, slots=True)
class Event:
    """One event; ``ends`` is None while it goes on. ``service`` is foreign, ``kind`` one of three words."""

    service: str
    kind: str
    starts: datetime
    ends: datetime | None


def events(page: View, now: datetime) -> tuple[Event, ...]:
    """Every real event on the services that backups need, from all readings of the page, the newest word on each.

    Planned maintenance is no event; one that is over without an end is none either. One that went on and that the
    newest reading no longer lists ended when it was last listed: Apple's page forgets, often before it says the end.
    """
    found: dict[tuple[str, datetime], tuple[Event, datetime]] = {}
    newest: datetime | None = None
    for span in page.spans(kinds.SERVICE_EVENTS):
        if not isinstance(span.value, list | tuple):
            continue
        newest = span.last_at if newest is None else max(newest, span.last_at)
        for row in span.value:
            event = _event(row, span.last_at) if isinstance(row, Mapping) else None
            if event is not None and event.starts <= now:
                found[event.service.casefold(), event.starts] = event, span.last_at
    return tuple(
        replace(event, ends=max(event.starts, listed))
        if event.ends is None and newest is not None and listed < newest
        else event
        for event, listed in found.values()
    )


def _event(row: Mapping[str, Json], read_at: datetime) -> Event | None:
    service, kind, status = (str(row.get(key, "")) for key in ("service", "type", "status"))
    starts, ends = as_moment(row.get("started_at")), as_moment(row.get("ended_at"))
    if service.casefold() not in SERVICES or kind.casefold() not in _TROUBLE or status.casefold() not in _REAL:
        return None
    if starts is None or (ends is not None and ends < starts):
        return None
    if status.casefold() != "ongoing" and ends is None:
        return None
    if status.casefold() == "ongoing" and ends is not None and ends > read_at:
        ends = None
    return Event(service, kind.casefold(), starts, ends)
