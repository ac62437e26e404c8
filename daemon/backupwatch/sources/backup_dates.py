"""The phone's backup dates, read by iOS's own rule; pure.

backupd writes ``LastCloudBackupDate`` and ``LastiTunesBackupDate`` as seconds since 2001. Its own reader first
takes the number as Unix time and reads it again as seconds since 2001 if that lands more than
:data:`TEN_YEARS` in the past (``MBBackupScheduler.mm``, iOS 26.1). A plist date is possible too.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final, Literal

from backupwatch.clock import rfc3339

TEN_YEARS: Final = 315_360_000
"""Seconds; iOS's own bound."""

APPLE_EPOCH: Final = 978_307_200
"""2001-01-01 00:00 UTC in Unix seconds."""

FIRST_IPHONE: Final = datetime(2007, 1, 9, tzinfo=UTC)
"""Nothing was backed up before the iPhone was shown."""

SLACK: Final = timedelta(minutes=5)
"""How far two honest clocks may be apart before a date counts as one from the future."""

Problem = Literal["zero", "absurd", "future", "not-a-date"]


@dataclass(frozen=True, slots=True)
class BackupDate:
    """What the phone says: a moment (aware UTC, whole seconds), nothing at all (both None), or nonsense."""

    moment: datetime | None = None
    problem: Problem | None = None

    @property
    def text(self) -> str | None:
        """The moment as RFC 3339, or None."""
        return rfc3339(self.moment) if self.moment else None


def read_backup_date(raw: object, now: datetime) -> BackupDate:
    """Read one of the two values.

    :param raw: what lockdown answered: int, float, datetime (naive means UTC, as plists have it), None for no
        such key, or whatever a phone may think of.
    :param now: the present (aware), for iOS's rule and to know the future.
    """
    if raw is None:
        return BackupDate()
    if isinstance(raw, datetime):
        moment = raw.replace(tzinfo=UTC) if raw.tzinfo is None else raw.astimezone(UTC)
        return _judged(moment.replace(microsecond=0), now)
    if isinstance(raw, bool) or not isinstance(raw, int | float) or math.isnan(raw):
        return BackupDate(problem="not-a-date")
    if raw == 0:
        return BackupDate(problem="zero")
    try:
        seconds = int(raw)
        if now.timestamp() - seconds > TEN_YEARS:
            seconds += APPLE_EPOCH
        return _judged(datetime.fromtimestamp(seconds, UTC), now)
    except (OverflowError, OSError, ValueError):  # infinite, or beyond the calendar
        return BackupDate(problem="absurd")


def _judged(moment: datetime, now: datetime) -> BackupDate:
    if moment < FIRST_IPHONE:
        return BackupDate(problem="absurd")
    if moment > now + SLACK:
        return BackupDate(problem="future")
    return BackupDate(moment)
