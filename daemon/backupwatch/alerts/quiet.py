"""Quiet hours as interval arithmetic in the person's own time zone."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta, tzinfo
from typing import TypeAlias

QuietHours: TypeAlias = tuple[time, time] | None
"""Start and end in local time; the end may lie on the next day; None for no quiet hours."""


def speak_at(now: datetime, quiet: QuietHours, zone: tzinfo) -> datetime:
    """The first moment from ``now`` on (aware UTC) at which a message may be shown.

    On the day on which clocks are set forward an end that does not exist is the same moment an hour later on
    the wall; on the day they are set back the later of the two ends counts, so that nobody is woken.
    """
    if quiet is None or quiet[0] == quiet[1]:
        return now
    start, end = quiet
    local = now.astimezone(zone)
    wall = local.time().replace(tzinfo=None)
    overnight = start > end
    inside = (wall >= start or wall < end) if overnight else start <= wall < end
    if not inside:
        return now
    day = local.date() + timedelta(days=1 if overnight and wall >= start else 0)
    ends = datetime.combine(day, end, tzinfo=zone)
    return max(ends.replace(fold=fold).astimezone(UTC) for fold in (0, 1))
