"""The phone's own word on its backups: what the facts of kind ``log`` mean.

The source keeps one event per line that it understood; ``what`` is a :class:`LogWord`, ``fields`` holds the line's
named switches, ``code`` the number of an ``MBErrorDomain`` error (of a cancelled backup 217–224).
Codes and lines: ``backupd`` of iOS 18.2 and 26.1 (subsystem ``com.apple.mobilebackup``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from itertools import pairwise
from typing import Final

from backupwatch.facts import kinds
from backupwatch.facts.kinds import LogWord
from backupwatch.facts.snapshot import View
from backupwatch.judge.finding import Case, Certainty

SAME: Final = timedelta(minutes=10)
"""A cancelled backup is told twice, when it is cancelled and when its failure is noted: that is once."""

CONDITIONS_LOST: Final = frozenset({217, 218, 219, 220, 221, 222, 223, 224})
"""Why a backup was broken off. Such a night says nothing of what would have failed it otherwise."""
_NO_REASON: Final = frozenset({202})
"""Cancelled, without the reason underneath."""

_FAILED: Final = frozenset({LogWord.FAILURE, LogWord.CANCELLED})
_CONDITIONS: Final = frozenset({LogWord.ON_CONDITION, LogWord.OFF_CONDITION})


@dataclass(frozen=True, slots=True)
class Failure:
    """The failures of one group of codes since the gap began, or since a backup succeeded in it.

    :ivar code: of the newest of them. :ivar times: how many had it. :ivar last_at: when the newest was.
    :ivar nights: in how many nights the group failed.
    :ivar share: of the nights with a failure, those in which this group failed, 0.0–1.0.
    :ivar is_latest: False where a newer backup failed for another reason, so that this one was overcome.
    """

    code: int
    times: int
    last_at: datetime
    nights: int
    share: float
    is_latest: bool

    @property
    def certainty(self) -> Certainty:
        """The phone's own word is certain until it says something else."""
        return Certainty.CERTAIN if self.is_latest else Certainty.LIKELY


def heard(case: Case) -> Iterator[tuple[datetime, Mapping[str, object]]]:
    """What the phone's log said since the gap began, oldest first, nothing from the future."""
    since = case.freshness.gap_since
    for at, event in case.phone.events(kinds.LOG, since):
        if at <= case.now and isinstance(event.get("what"), str):
            yield at, event


def failure(case: Case, codes: frozenset[int]) -> Failure | None:
    """What failed with one of ``codes`` since the gap began, unless a backup succeeded after it."""
    failures = _failures(case)
    own = [(at, code) for at, code in failures if code in codes]
    if not own:
        return None
    last_at, newest = own[-1]
    times = [at for at, code in own if code == newest]
    nights = {_night(case, at) for at, _ in own}
    passing = frozenset() if codes & CONDITIONS_LOST else CONDITIONS_LOST
    return Failure(
        code=newest,
        times=1 + sum(later - earlier > SAME for earlier, later in pairwise(times)),
        last_at=last_at,
        nights=len(nights),
        share=len(nights) / len({_night(case, at) for at, _ in failures}),
        is_latest=not any(at > last_at and code not in codes | passing for at, code in failures),
    )


def _failures(case: Case) -> list[tuple[datetime, int]]:
    """Every failure with its code since the last success, oldest first."""
    found: list[tuple[datetime, int]] = []
    for at, event in heard(case):
        what, code = event.get("what"), event.get("code")
        if what == LogWord.COMPLETED:
            found.clear()
        elif what in _FAILED and isinstance(code, int) and not isinstance(code, bool) and code not in _NO_REASON:
            found.append((at, code))
    return found


def _night(case: Case, at: datetime) -> date:
    """The day on whose evening the night began: nights are counted from noon to noon."""
    return (at.astimezone(case.zone) - timedelta(hours=12)).date()


def said(case: Case, *what: str) -> tuple[tuple[datetime, Mapping[str, object]], ...]:
    """The events of these kinds since the gap began."""
    return tuple((at, event) for at, event in heard(case) if event.get("what") in what)


def allowed_since(case: Case, moment: datetime) -> bool:
    """Whether the phone's log said after ``moment`` that iCloud Backup is on, and no policy forbids it."""
    return any(
        at > moment and (event.get("what") == LogWord.STARTED or switches(event).get("enabled") is True)
        for at, event in said(case, LogWord.STARTED, *_CONDITIONS)
    )


def was_heard(case: Case) -> bool:
    """Whether the phone's log could be listened to since the gap began."""
    gap = case.freshness.gap_since
    heard_at = case.phone.flag(kinds.LOG_HEARD)
    return any(True for _ in heard(case)) or bool(heard_at and heard_at.value and gap and heard_at.last_at >= gap)


def conditions(phone: View, since: datetime) -> Iterator[tuple[datetime, Mapping[str, bool]]]:
    """The switches of every condition line from ``since`` on."""
    for at, event in phone.events(kinds.LOG, since):
        if isinstance(event.get("what"), str) and event.get("what") in _CONDITIONS:
            yield at, switches(event)


def switches(event: Mapping[str, object]) -> Mapping[str, bool]:
    """The fields of an event that are switches."""
    fields = event.get("fields")
    if not isinstance(fields, Mapping):
        return {}
    return {str(name): value for name, value in fields.items() if isinstance(value, bool)}
