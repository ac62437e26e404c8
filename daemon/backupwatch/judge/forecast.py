"""When the account's storage will be full, from the history of its quota."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import combinations
from statistics import median
from typing import Final

from backupwatch.facts import kinds
from backupwatch.facts.snapshot import View
from backupwatch.judge.storage import parse

LOOKS_BACK: Final = timedelta(days=30)
SHORTEST: Final = timedelta(days=10)
"""Less history than this follows one holiday or one clean-up."""
FEWEST: Final = 5
_POINTS: Final = 30
_LONGEST: Final = timedelta(days=3_650)


def full_at(account: View, now: datetime) -> datetime | None:
    """The moment (UTC) at which nothing will be free, or None when the history does not tell.

    The median of all slopes between daily points (Theil and Sen): one day on which somebody deleted or added a lot
    does not bend it. A history in which the plan's size changed starts at that change.
    """
    points = _daily(account, now)
    if len(points) < FEWEST or points[-1][0] - points[0][0] < SHORTEST:
        return None
    slopes = [
        (free_b - free_a) / (at_b - at_a).total_seconds() for (at_a, free_a), (at_b, free_b) in combinations(points, 2)
    ]
    slope = median(slopes)
    if slope >= 0:
        return None
    at, free = points[-1]
    seconds = free / -slope
    return at + timedelta(seconds=seconds) if seconds <= _LONGEST.total_seconds() else None


def _daily(account: View, now: datetime) -> list[tuple[datetime, float]]:
    """The free bytes at the end of each day of the last weeks, oldest first, since the total last changed."""
    found: dict[int, tuple[datetime, float, float]] = {}
    for span in account.spans(kinds.QUOTA):
        if span.last_at > now or now - span.last_at > LOOKS_BACK:
            continue
        quota = parse(span.value, span.last_at)
        if quota is not None:
            for moment in {span.first_at, span.last_at}:
                if now - moment <= LOOKS_BACK:
                    found[moment.toordinal()] = (moment, quota.available, quota.total)
    points = [found[ordinal] for ordinal in sorted(found)][-_POINTS:]
    if not points:
        return []
    total = points[-1][2]
    kept: list[tuple[datetime, float]] = []
    for moment, free, of in reversed(points):
        if of != total:
            break
        kept.append((moment, free))
    return kept[::-1]
