"""What a check answers: blamed, ruled out or not checked, always with the reason why."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime, tzinfo
from enum import StrEnum
from typing import TypeAlias

from backupwatch.facts.snapshot import Snapshot, View
from backupwatch.judge.limits import Limits


class Certainty(StrEnum):
    """How sure: read from the phone, the account or Apple; the facts point there; worth trying."""

    CERTAIN = "certain"
    LIKELY = "likely"
    POSSIBLE = "possible"


@dataclass(frozen=True, slots=True)
class Blamed:
    """This explains the missing backup.

    :ivar id: the contract's cause id.
    :ivar evidence: sentences with the numbers that prove it, at least one.
    :ivar fix: numbered steps in order, for this phone's iOS, at least one.
    :ivar source: link to Apple's own page.
    :ivar explains: share of the gap since the last backup that this explains, 0.0–1.0.
    :ivar effort: of the fix, minutes of the person's time, for ranking among equals.
    :ivar last_resort: belongs to the ladder of general remedies; placed after every real cause.
    :ivar warning: True when nothing is stale yet but this is about to break backups.
    """

    id: str
    certainty: Certainty
    summary: str
    evidence: tuple[str, ...]
    fix: tuple[str, ...]
    source: str
    explains: float = 1.0
    effort: int = 5
    last_resort: bool = False
    warning: bool = False


@dataclass(frozen=True, slots=True)
class RuledOut:
    """The facts speak against this cause; the evidence says which."""

    id: str
    evidence: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class NotChecked:
    """The facts that would decide are missing; the reason says which and why."""

    id: str
    reason: str


Finding: TypeAlias = Blamed | RuledOut | NotChecked


class State(StrEnum):
    """A phone's state, in the contract's words."""

    FRESH = "fresh"
    STALE = "stale"
    OVERDUE = "overdue"
    NEVER = "never"
    UNSEEN = "unseen"
    UNKNOWN = "unknown"
    IGNORED = "ignored"


@dataclass(frozen=True, slots=True)
class Freshness:
    """How old a phone's backups are, and what is known of them.

    :ivar last_backup: the newest backup that counts under the limits, or None.
    :ivar last_cloud: the newest iCloud backup ever seen, also after the phone's date vanished.
    :ivar last_local: the newest local backup.
    :ivar vanished_at: when the phone's iCloud date was first seen gone, or None.
    :ivar gap_since: from when on a backup is missing: the last one, or the first sighting for ``never``.
    :ivar seen_at: when the phone itself was last met.
    :ivar read_at: when its backup dates were last read, at or before that.
    :ivar evidence: sentences.
    """

    state: State
    last_backup: datetime | None
    last_cloud: datetime | None
    last_local: datetime | None
    vanished_at: datetime | None
    gap_since: datetime | None
    seen_at: datetime | None
    evidence: tuple[str, ...] = field(default=())
    read_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Case:
    """Everything a check may look at: one phone on one snapshot.

    :ivar now: aware UTC; the only clock.
    :ivar zone: the person's time zone: nights are judged in it and moments are worded in it.
    :ivar owner: what the person calls the phone, already safe for a sentence.
    :ivar full_at: when the account's storage will be full (:mod:`backupwatch.judge.forecast`), or None.
    """

    snapshot: Snapshot
    phone: View
    freshness: Freshness
    limits: Limits
    now: datetime
    zone: tzinfo
    owner: str
    full_at: datetime | None = None
