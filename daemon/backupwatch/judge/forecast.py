"""When the account's storage will be full, from the history of its quota."""

from __future__ import annotations

from datetime import datetime, timedelta
from itertools import combinations
from statistics import median
from typing import Final

from backupwatch.facts import kinds
from backupwatch.facts.snapshot import Span, View
from backupwatch.judge.storage import parse, quota

LOOKS_BACK: Final = timedelta(days=30)
SHORTEST: Final = timedelta(days=10)
"""Less history than this follows one holiday or one clean-up."""
FEWEST: Final = 5
MADE_ROOM: Final = 0.02
"""A rise of the free share beyond this is somebody's doing, and ends the story that was told until then."""
STILL_TRUE: Final = timedelta(days=1)
"""Somebody may have made room since an older reading."""
MOST: Final = 12
"""Days that are looked at: more make no better line and four times the work."""
_LONGEST: Final = timedelta(days=3_650)


def full_at(account: View, now: datetime) -> datetime | None:
    """The moment (UTC) at which nothing will be free, never before ``now``, or None when the history does not tell.

    None too where it is full already: that is no forecast.

    The median of the slopes between all points (Theil and Sen): one day on which somebody deleted or added a lot
    does not bend it. A history in which the plan's size changed, or somebody made room, starts there.
    """
    newest = quota(account)
    if newest is not None and newest.value.is_full:
        return None
    points = _points(account, now)
    if len(points) < FEWEST or points[-1][0] - points[0][0] < SHORTEST:
        return None
    if now - points[-1][0] > STILL_TRUE:
        return None
    start = points[0][0]
    line = [((at - start).total_seconds(), free) for at, free in points]
    slope = median((free_b - free_a) / (at_b - at_a) for (at_a, free_a), (at_b, free_b) in combinations(line, 2))
    if slope >= 0:
        return None
    at, free = points[-1]
    seconds = free / -slope
    return max(now, at + timedelta(seconds=seconds)) if seconds <= _LONGEST.total_seconds() else None


def _points(account: View, now: datetime) -> list[tuple[datetime, float]]:
    """Free bytes on some days of the last weeks, oldest first, the newest among them, since room was last made."""
    days: dict[int, tuple[datetime, Span]] = {}
    for span in reversed(account.spans(kinds.QUOTA)):
        if now - span.last_at > LOOKS_BACK:
            break
        for moment in (span.last_at, span.first_at):
            if timedelta(0) <= now - moment <= LOOKS_BACK:
                days.setdefault(moment.toordinal(), (moment, span))
    newest_first = [days[day] for day in sorted(days, reverse=True)]
    kept: list[tuple[datetime, float]] = []
    total: float | None = None
    for moment, span in newest_first[:: max(1, len(newest_first) // MOST)]:
        then = parse(span.value, moment)
        if then is None:
            continue
        if total is not None and (then.total != total or kept[-1][1] - then.available > MADE_ROOM * total):
            break
        total = then.total
        kept.append((moment, then.available))
    return kept[::-1]
