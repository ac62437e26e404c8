"""The phone's own word on its backups: what the facts of kind ``log`` mean.

The source keeps one event per line that it understood; ``what`` is a :class:`LogWord`, ``fields`` holds the line's
named switches, ``code`` the number of an ``MBErrorDomain`` error (of a cancelled backup 217–224).
Codes and lines: ``backupd`` of iOS 18.2 and 26.1 (subsystem ``com.apple.mobilebackup``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from backupwatch.facts import kinds
from backupwatch.facts.kinds import LogWord
from backupwatch.facts.snapshot import View
from backupwatch.judge.finding import Case

SAME: Final = timedelta(minutes=10)
"""A cancelled backup is told twice, when it is cancelled and when its failure is noted: that is once."""


_FAILED: Final = frozenset({LogWord.FAILURE, LogWord.CANCELLED})
_CONDITIONS: Final = frozenset({LogWord.ON_CONDITION, LogWord.OFF_CONDITION})


@dataclass(frozen=True, slots=True)
class Failure:
    """Failures with one code since the gap began: how many, and when the newest was."""

    code: int
    times: int
    last_at: datetime


def heard(case: Case) -> Iterator[tuple[datetime, Mapping[str, object]]]:
    """What the phone's log said since the gap began, oldest first, nothing from the future."""
    since = case.freshness.gap_since
    for at, event in case.phone.events(kinds.LOG, since):
        if at <= case.now and isinstance(event.get("what"), str):
            yield at, event


def failure(case: Case, codes: frozenset[int]) -> Failure | None:
    """The newest failure with one of ``codes`` since the gap began, unless a backup succeeded after it."""
    found: Failure | None = None
    for at, event in heard(case):
        what, code = event.get("what"), event.get("code")
        if what == LogWord.COMPLETED:
            found = None
        elif what in _FAILED and isinstance(code, int) and not isinstance(code, bool) and code in codes:
            found = _counted(found, code, at)
    return found


def _counted(found: Failure | None, code: int, at: datetime) -> Failure:
    if found is None or found.code != code:
        return Failure(code, 1, at)
    return Failure(code, found.times + (at - found.last_at > SAME), at)


def said(case: Case, *what: str) -> tuple[tuple[datetime, Mapping[str, object]], ...]:
    """The events of these kinds since the gap began."""
    return tuple((at, event) for at, event in heard(case) if event.get("what") in what)


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
