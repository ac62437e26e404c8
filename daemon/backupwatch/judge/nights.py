"""The nights in which a backup should have been made: was the phone charging, on Wi-Fi, locked?

A night runs from 22:00 to 07:00 in the person's time zone, daylight-saving changes included. Only moments inside a
night count: a phone attached to this computer during the day is always charging, and that says nothing about nights.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from enum import StrEnum
from typing import Final

from backupwatch.facts import kinds
from backupwatch.facts.snapshot import Span, View
from backupwatch.judge import phone_log
from backupwatch.judge.finding import Case, Certainty

STARTS: Final = time(22, 0)
ENDS: Final = time(7, 0)
CORE: Final = (time(0, 30), time(5, 30))
"""A phone not yet on its charger at 22:10 may be there at 23:30: only the core of a night proves that it was not.
And one that was attached to a computer at 22:10 and to nothing at two has not charged that night."""

PERIOD: Final = timedelta(hours=24)
"""iOS backs up when the last backup is older than this (``ios-backup-scheduler``, period on Wi-Fi)."""

MOST: Final = 30
"""More nights than a month prove nothing more, and bound the work."""


class Answer(StrEnum):
    """What is known of one condition in one night."""

    YES = "yes"
    NO = "no"
    PARTLY = "partly"
    UNKNOWN = "unknown"


@dataclass(frozen=True, slots=True)
class Night:
    """One night; moments are aware UTC.

    :ivar powered: on power. :ivar wifi: on Wi-Fi. :ivar locked: at the lock screen.
    :ivar seen: whether anything at all was heard of the phone.
    """

    starts: datetime
    ends: datetime
    powered: Answer
    wifi: Answer
    locked: Answer
    seen: bool


@dataclass(frozen=True, slots=True)
class Tally:
    """How often a condition held, over nights of which it is known."""

    known: int
    met: int
    unmet: int
    nights: int

    @property
    def share(self) -> float:
        """The share of the known nights in which the condition did not hold, 0.0–1.0."""
        return self.unmet / self.known if self.known else 0.0


def missed(case: Case) -> tuple[Night, ...]:
    """The finished nights in which a backup was due and none was made, oldest first, at most :data:`MOST`."""
    since = case.freshness.gap_since
    return nights(case.phone, since, case.now, case.zone) if since is not None else ()


def answers(case: Case, kind: str) -> tuple[Answer, ...]:
    """What a yes-or-no kind said in each of the missed nights."""
    since = case.freshness.gap_since
    spans = tuple(windows(since, case.now, case.zone)) if since is not None else ()
    if not spans:
        return ()
    told = [*_flags(case.phone, (kind,), spans[0][0])]
    return tuple(_answer(told, starts, ends, _core(starts, case.zone)) for starts, ends in spans)


def nights(phone: View, since: datetime, until: datetime, zone: tzinfo) -> tuple[Night, ...]:
    """The nights that ended by ``until`` and in which a backup was due after one at ``since``."""
    spans = tuple(windows(since, until, zone))
    if not spans:
        return ()
    known = _Known(phone, spans[0][0])
    return tuple(known.night(starts, ends, zone) for starts, ends in spans)


def windows(since: datetime, until: datetime, zone: tzinfo) -> Iterator[tuple[datetime, datetime]]:
    """Start and end (UTC) of those nights, oldest first."""
    last = until.astimezone(zone).date()
    first = max(since.astimezone(zone).date(), last - timedelta(days=MOST))
    for offset in range((last - first).days + 1):
        evening = first + timedelta(days=offset)
        starts, ends = _at(evening, STARTS, zone), _at(evening + timedelta(days=1), ENDS, zone)
        if ends <= until and ends > since + PERIOD:
            yield starts, ends


def tally(answers: Iterable[Answer]) -> Tally:
    """Count; a night in which the condition held for a part counts as met, since a part is enough for a backup."""
    listed = tuple(answers)
    met = sum(answer in {Answer.YES, Answer.PARTLY} for answer in listed)
    unmet = sum(answer is Answer.NO for answer in listed)
    return Tally(known=met + unmet, met=met, unmet=unmet, nights=len(listed))


def blame(found: Tally) -> Certainty | None:
    """How surely a condition that failed in so many nights is to blame; None where it is not.

    Likely if it failed in all of at least two known nights, or in four of five of at least five; possible if in at
    least half of three or more. One bad night blames nobody, and neither do two known ones among nine.
    """
    if found.known < max(2, found.nights // 3):
        return None
    if found.met == 0 or (found.known >= 5 and found.share >= 0.8):
        return Certainty.LIKELY
    return Certainty.POSSIBLE if found.known >= 3 and found.share >= 0.5 else None


def clears(found: Tally) -> bool:
    """Whether a condition held in so many nights that its absence does not explain the missing backup."""
    return found.share < 0.5 and (found.met >= 2 or (found.met > 0 and found.met == found.nights))


def _at(day: date, at: time, zone: tzinfo) -> datetime:
    return datetime.combine(day, at, tzinfo=zone).astimezone(UTC)


def _core(starts: datetime, zone: tzinfo) -> tuple[datetime, datetime]:
    morning = starts.astimezone(zone).date() + timedelta(days=1)
    return _at(morning, CORE[0], zone), _at(morning, CORE[1], zone)


@dataclass(frozen=True, slots=True)
class _Word:
    """One source's word on one condition, from ``first_at`` to ``last_at``.

    :ivar is_change: a line of the phone's log: it is written when something changes, and says nothing of before.
    """

    first_at: datetime
    last_at: datetime
    holds: bool
    is_change: bool = False


class _Known:
    """Everything that was heard of the conditions since ``since``, sorted by condition."""

    def __init__(self, phone: View, since: datetime) -> None:
        self.powered = [*_flags(phone, (kinds.ON_POWER, kinds.FIND_MY_CHARGING), since)]
        self.wifi = [*_flags(phone, (kinds.WIFI_JOINED,), since)]
        self.wifi += [
            _Word(span.first_at, span.last_at, True)
            for span in _after(phone.spans(kinds.CONNECTION), since)
            if span.value == "wifi"
        ]
        self.locked = [*_flags(phone, (kinds.LOCKED,), since)]
        self.seen = [
            _Word(span.first_at, span.last_at, True)
            for kind in (kinds.CONNECTION, kinds.FIND_MY_STATUS)
            for span in _after(phone.spans(kind), since)
        ]
        for at, fields in phone_log.conditions(phone, since):
            self.seen.append(_Word(at, at, True))
            self._from_log(at, fields)

    def _from_log(self, at: datetime, fields: Mapping[str, bool]) -> None:
        for name, words in (("onPower", self.powered), ("onWiFi", self.wifi), ("locked", self.locked)):
            if name in fields:
                words.append(_Word(at, at, fields[name], is_change=True))

    def night(self, starts: datetime, ends: datetime, zone: tzinfo) -> Night:
        core = _core(starts, zone)
        return Night(
            starts,
            ends,
            _answer(self.powered, starts, ends, core),
            _answer(self.wifi, starts, ends, core),
            _answer(self.locked, starts, ends, core),
            any(_overlap(word, starts, ends) for word in self.seen),
        )


def _flags(phone: View, wanted: tuple[str, ...], since: datetime) -> Iterator[_Word]:
    for kind in wanted:
        for span in _after(phone.spans(kind), since):
            if isinstance(span.value, bool):
                yield _Word(span.first_at, span.last_at, span.value)


def _after(spans: tuple[Span, ...], since: datetime) -> Iterator[Span]:
    return (span for span in spans if span.last_at >= since)


def _overlap(word: _Word, starts: datetime, ends: datetime) -> bool:
    return word.first_at < ends and word.last_at >= starts


def _answer(words: list[_Word], starts: datetime, ends: datetime, core: tuple[datetime, datetime]) -> Answer:
    failed = [word for word in words if not word.holds and _overlap(word, *core)]
    span = core if any(not word.is_change for word in failed) else (starts, ends)
    held = any(word.holds and _overlap(word, *span) for word in words)
    if failed:
        return Answer.PARTLY if held else Answer.NO
    return Answer.YES if held else Answer.UNKNOWN


def reported_off(phone: View, switch: str, missed: tuple[Night, ...]) -> list[datetime]:
    """When the phone's own log said in these nights that a condition did not hold, such as ``onPower``."""
    if not missed:
        return []
    return [
        moment
        for moment, switches in phone_log.conditions(phone, missed[0].starts)
        if switches.get(switch) is False and any(night.starts <= moment < night.ends for night in missed)
    ]
