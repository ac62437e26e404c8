"""Night by night: was a backup made, is it known that none was, or does nobody know?

A phone tells only its *newest* backup. So a date proves one backup, and a reading proves that none was made between
that date and the reading; what lies between a reading and the next newer date stays unknown. Pure.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from backupwatch.facts import kinds
from backupwatch.facts.snapshot import Span, View, as_moment
from backupwatch.judge.freshness import is_sane

NIGHTS: Final = 30
_NOON: Final = time(12, 0)
"""A night's backup is one made between two noons: one at 20:00 or at 09:00 belongs to that night for its owner."""
_MORNING: Final = time(7, 0)
"""A reading from seven o'clock on says what became of the night before it."""


class Night(StrEnum):
    """What is known of one night."""

    BACKED_UP = "backed up"
    MISSED = "missed"
    NOT_SEEN = "not seen"


@dataclass(frozen=True, slots=True)
class Strip:
    """Nights in a row, oldest first; ``first`` is the date of the first night's evening."""

    first: date
    nights: tuple[Night, ...]

    def count(self, night: Night) -> int:
        """How many nights of this kind."""
        return self.nights.count(night)

    def dated(self) -> Iterable[tuple[date, Night]]:
        """Each night with the date of its evening."""
        return ((self.first + timedelta(days=place), night) for place, night in enumerate(self.nights))


def strip(phone: View, now: datetime, zone: tzinfo, nights: int = NIGHTS) -> Strip:
    """The last finished nights of a phone; a backup of either kind counts, as the person would count it."""
    return strip_of(
        phone.spans(kinds.LAST_CLOUD_BACKUP),
        phone.spans(kinds.LAST_LOCAL_BACKUP),
        phone.spans(kinds.LOCAL_BACKUP_FOLDER),
        now,
        zone,
        nights,
    )


def strip_of(
    cloud: Sequence[Span],
    local: Sequence[Span],
    folder: Sequence[Span],
    now: datetime,
    zone: tzinfo,
    nights: int,
) -> Strip:
    """The same from the three tracks that tell of backups, each oldest first."""
    here = now.astimezone(zone)
    last = here.date() - timedelta(days=1 if here.time() >= _MORNING else 2)  # the last night that is over
    first = last - timedelta(days=nights - 1)
    made = {_evening(at, zone) for at in backups(cloud, now) + backups(local, now) + folder_backups(folder, now)}
    known = [*without_backup(cloud, now), *without_backup(local, now)] if not cloud else without_backup(cloud, now)
    missed = _missed(known, zone, first)
    return Strip(
        first,
        tuple(
            Night.BACKED_UP if day in made else Night.MISSED if day in missed else Night.NOT_SEEN
            for day in (first + timedelta(days=place) for place in range(nights))
        ),
    )


def backups(spans: Iterable[Span], now: datetime) -> list[datetime]:
    """The distinct moments of backups that a date's history proves, oldest first."""
    found = {moment for span in spans if (moment := _sane(span, now)) is not None}
    return sorted(found)


def folder_backups(spans: Iterable[Span], now: datetime) -> list[datetime]:
    """The moments at which complete backups were finished in this computer's folders, oldest first."""
    found: set[datetime] = set()
    for span in spans:
        value = span.value
        if isinstance(value, dict) and value.get("complete") is True:
            moment = as_moment(value.get("finished_at"))
            if moment is not None and is_sane(moment, min(span.last_at, now)):
                found.add(moment)
    return sorted(found)


def _sane(span: Span, now: datetime) -> datetime | None:
    moment = as_moment(span.value)
    return moment if moment is not None and is_sane(moment, min(span.first_at, now)) else None


def without_backup(spans: Iterable[Span], now: datetime) -> list[tuple[datetime, datetime]]:
    """Stretches in which it is proved that no backup of this kind was made: from the date to its last reading."""
    proved: list[tuple[datetime, datetime]] = []
    for span in spans:
        read = min(span.last_at, now)
        since = _sane(span, now) if span.value is not None else span.first_at
        if since is not None and read > since:
            proved.append((since, read))
    return proved


def _missed(proved: list[tuple[datetime, datetime]], zone: tzinfo, first: date) -> set[date]:
    """Evenings of nights that lie whole inside a stretch without a backup."""
    found: set[date] = set()
    for since, until in _joined(proved):
        day = max(first, _evening(since, zone))
        if _at(day, _NOON, zone) < since:
            day += timedelta(days=1)
        while _at(day + timedelta(days=1), _MORNING, zone) <= until:
            found.add(day)
            day += timedelta(days=1)
    return found


def _joined(proved: list[tuple[datetime, datetime]]) -> list[tuple[datetime, datetime]]:
    """Stretches that touch are one: the same date read by two sources, or again after it had vanished."""
    joined: list[tuple[datetime, datetime]] = []
    for since, until in sorted(proved):
        if joined and since <= joined[-1][1]:
            joined[-1] = (joined[-1][0], max(until, joined[-1][1]))
        else:
            joined.append((since, until))
    return joined


def _evening(at: datetime, zone: tzinfo) -> date:
    """The date of the evening whose night a moment belongs to."""
    local = at.astimezone(zone)
    return local.date() if local.time() >= _NOON else local.date() - timedelta(days=1)


def _at(day: date, clock: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, clock, tzinfo=zone).astimezone(UTC)
