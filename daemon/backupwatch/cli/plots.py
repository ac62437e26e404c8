"""Pictures made of letters: the gap curve and the storage over time, drawn by plotext."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta, tzinfo
from typing import Final

from backupwatch.view.past import Stretch
from backupwatch.view.quota import Point
from backupwatch.wording import values

_HEIGHT: Final = 9
_WIDEST: Final = 100
_DAY: Final = timedelta(days=1)


def gap_curve(
    stretches: Sequence[Stretch],
    stale_after: timedelta,
    overdue_after: timedelta,
    since: datetime,
    now: datetime,
    zone: tzinfo,
    width: int,
) -> str:
    """How old the newest backup was, day by day, with the two limits; empty without a backup in the time."""
    if not stretches:
        return ""
    since = max(since, stretches[0].since)  # nothing is drawn of a time of which nothing is known
    xs: list[float] = []
    ys: list[float] = []
    steps = 2 * min(width, _WIDEST)
    for step in range(steps + 1):
        at = since + (now - since) * step / steps
        part = next((part for part in stretches if part.since <= at <= part.until), None)
        if part is not None:
            xs.append((at - since) / _DAY)
            ys.append((at - part.since) / _DAY)
    if not xs:
        return ""
    top = max(*ys, stale_after / _DAY) * 1.15
    marks = [(0.0, "0"), (stale_after / _DAY, _days(stale_after))]
    if overdue_after / _DAY <= top:
        marks.append((overdue_after / _DAY, _days(overdue_after)))
    return _draw(xs, ys, top, marks, since, now, zone, width)


def storage_curve(points: Sequence[Point], since: datetime, now: datetime, zone: tzinfo, width: int) -> str:
    """How much of the storage was used; empty without two readings."""
    if len(points) < 2:
        return ""
    since = max(since, points[0].at)
    xs = [(point.at - since) / _DAY for point in points]
    ys = [point.used / values.GB for point in points]
    total = points[-1].total / values.GB
    top = max(total, *ys) * 1.05
    return _draw(xs, ys, top, [(0.0, "0"), (total, f"{total:.0f} GB")], since, now, zone, width, lines=True)


def _draw(
    xs: Sequence[float],
    ys: Sequence[float],
    top: float,
    marks: Sequence[tuple[float, str]],
    since: datetime,
    now: datetime,
    zone: tzinfo,
    width: int,
    *,
    lines: bool = False,
) -> str:
    import plotext

    figure = plotext.figure
    figure.clear()
    figure.plot_size(min(width, _WIDEST), _HEIGHT)
    signal = figure.signal(list(xs), list(ys), marker="hd")
    signal.lines(lines)
    signal.fillx(True)
    figure.draw(signal)
    for height, _ in marks[1:]:
        figure.line(height, "horizontal")
    days = (now - since) / _DAY
    dates: dict[str, float] = {}  # each date once, where it first comes: a short time has fewer than four
    for tick in (days * part / 4 for part in range(4)):
        dates.setdefault(_date(since + timedelta(days=tick), zone), tick)
    across, up = figure.ruler("x"), figure.ruler("y")
    across.lim(0, days)
    across.ticks(list(dates.values()), list(dates))
    up.lim(0, top)
    up.ticks([height for height, _ in marks], [word for _, word in marks])
    drawn = str(figure.build().string(True))
    figure.clear()
    return "\n".join(line.rstrip() for line in drawn.rstrip().splitlines())


def _date(at: datetime, zone: tzinfo) -> str:
    return values.day(at, zone).partition(" ")[2]


def _days(length: timedelta) -> str:
    days = length / _DAY
    return f"{days:.0f} days" if days == round(days) else f"{days:.1f} days"
