"""The phone's own word on its backups: what the facts of kind ``log`` mean.

The source keeps one event per line that it understood; ``what`` is a word such as those below, ``fields`` holds the
line's named switches, ``code`` the number of an ``MBErrorDomain`` error.
Codes and lines: ``backupd`` of iOS 18.2 and 26.1 (subsystem ``com.apple.mobilebackup``).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backupwatch.facts import kinds
from backupwatch.facts.snapshot import View
from backupwatch.judge.finding import Case

ON_CONDITION: Final = "on-condition"  # fields: enabled, locked, onPower, onWiFi, onCellular, …
OFF_CONDITION: Final = "off-condition"  # the same fields
STARTED: Final = "started"
COMPLETED: Final = "completed"
FAILURE: Final = "failure"  # code; of a cancelled backup the code underneath (217–224)
POLICY: Final = "policy"
ACCOUNT: Final = "account"  # fields enabled, emailVerified, cellular
MISSING_KEYS: Final = "missing-keys"
NETWORK: Final = "network"  # fields available, expensive, constrained
RESTORING: Final = "restoring"


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
        if at <= case.now:
            yield at, event


def failure(case: Case, codes: frozenset[int]) -> Failure | None:
    """The newest failure with one of ``codes`` since the gap began, unless a backup succeeded after it."""
    found: Failure | None = None
    for at, event in heard(case):
        what, code = event.get("what"), event.get("code")
        if what == COMPLETED:
            found = None
        elif what == FAILURE and isinstance(code, int) and not isinstance(code, bool) and code in codes:
            found = Failure(code, found.times + 1 if found and found.code == code else 1, at)
    return found


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
        if event.get("what") in {ON_CONDITION, OFF_CONDITION}:
            yield at, switches(event)


def switches(event: Mapping[str, object]) -> Mapping[str, bool]:
    """The fields of an event that are switches."""
    fields = event.get("fields")
    if not isinstance(fields, Mapping):
        return {}
    return {str(name): value for name, value in fields.items() if isinstance(value, bool)}
