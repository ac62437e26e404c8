"""The gap curve: how old the newest backup was, with the lines at which it is stale and overdue."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo
from itertools import groupby

from backupwatch.clock import age_words
from backupwatch.lookback import PhonePast
from backupwatch.report.axes import Frame, levels, mark, picture, points, time_axis
from backupwatch.report.markup import Markup, el, number
from backupwatch.view.past import Drought, Stretch
from backupwatch.wording import values

_DAY = timedelta(days=1)
_SHORT = timedelta(days=120)
"""Up to this length every backup is drawn; beyond it, where a day is a pixel, quick successions as one bar."""
_QUICK = timedelta(hours=36)
"""A healthy phone's newest backup never gets older than this."""


def gap_curve(each: PhonePast, since: datetime, now: datetime, zone: tzinfo) -> Markup | None:
    """The picture, or None where no backup is known."""
    parts = [part for part in each.past.stretches if part.until > since]
    if not parts:
        return None
    since = max(since, parts[0].since)
    ages = [(part.until - part.since) / _DAY for part in parts]
    stale, overdue = each.limits.stale_after / _DAY, each.limits.overdue_after / _DAY
    top = max(*ages, stale * 1.4) * 1.08
    frame = Frame(since, now, top)
    drawn = levels(frame, _scale(top, stale, overdue))
    drawn += _lines(frame, parts)
    drawn += time_axis(frame, zone)
    drawn += [_drought(frame, drought, now, zone) for drought in each.past.droughts if _ends(drought, now) > since]
    drawn.append(_last_reading(frame, parts[-1], zone))
    label = f"Age of the newest backup of {each.name}, from {_dated(since, zone)} to {_dated(now, zone)}"
    return picture(drawn, label, "gap")


def _scale(top: float, stale: float, overdue: float) -> Iterable[tuple[float, str, str]]:
    yield 0.0, "0", ""
    far = next((step for step in (365, 180, 90, 60, 30, 14) if overdue * 1.5 < step <= top), None)
    if far is not None:
        yield far, _days(far), ""
    if overdue <= top:
        yield overdue, _days(overdue), "overdue"
    yield stale, _days(stale), "stale"


def _lines(frame: Frame, parts: list[Stretch]) -> Iterable[Markup]:
    """A tooth for each backup; dashed where for days nobody could see whether another one was made."""
    sure: list[str] = []
    unsure: list[str] = []
    area: list[str] = []
    for outline, is_sure in _outlines(frame, parts):
        (sure if is_sure else unsure).append(f"M{points(frame, outline)}")
        if is_sure:
            left, floor = number(frame.x(outline[0][0])), number(frame.floor)
            area.append(f"M{left} {floor}L{points(frame, outline)}V{floor}z")
    yield el("path", class_="area", d=Markup("".join(area)))
    yield el("path", class_="line", d=Markup("".join(sure)))
    if unsure:
        yield el("path", class_="line unsure", d=Markup("".join(unsure)))


def _outlines(frame: Frame, parts: list[Stretch]) -> Iterable[tuple[list[tuple[datetime, float]], bool]]:
    """Moments with ages in days, and whether the phone was read there; many quick teeth become one bar."""
    crowded = frame.until - frame.since > _SHORT
    for quick, run in groupby(parts, key=lambda part: crowded and part.until - part.since < _QUICK):
        stretches = list(run)
        if quick:
            height = max(part.until - part.since for part in stretches) / _DAY
            yield [(max(stretches[0].since, frame.since), height), (stretches[-1].until, height)], True
            continue
        for part in stretches:
            proved = part.until if part.until - part.proved_until < _QUICK else part.proved_until
            begun = max(part.since, frame.since)
            if proved > begun:
                yield [(begun, (begun - part.since) / _DAY), (proved, (proved - part.since) / _DAY)], True
            if part.until > proved:
                start = max(proved, frame.since)
                yield [(start, (start - part.since) / _DAY), (part.until, (part.until - part.since) / _DAY)], False


def _drought(frame: Frame, drought: Drought, now: datetime, zone: tzinfo) -> Markup:
    begun = drought.last or drought.stale_at
    end = _ends(drought, now)
    left, right = frame.x(begun), frame.x(end)
    if drought.ended_at is None:
        said = f"No backup since {values.minute(begun, zone)}: {age_words(now - begun)}"
    else:
        said = f"No backup from {_day(begun, now, zone)} to {_day(end, now, zone)}: {age_words(end - begun)}"
    kind = "band overdue" if drought.overdue else "band stale"
    shape = el("rect", class_=kind, x=left, y=frame.y(frame.top), width=max(4.0, right - left),
               height=frame.floor - frame.y(frame.top))  # fmt: skip
    return mark(shape, said)


def _last_reading(frame: Frame, part: Stretch, zone: tzinfo) -> Markup:
    sure = part.proved_until
    age = (sure - part.since) / _DAY
    dot = el("circle", class_="dot", cx=frame.x(sure), cy=frame.y(age), r=4)
    said = f"Last read {values.minute(sure, zone)}: the newest backup was {age_words(sure - part.since)} old"
    return mark(dot, said)


def _ends(drought: Drought, now: datetime) -> datetime:
    return drought.ended_at or now


def _dated(at: datetime, zone: tzinfo) -> str:
    return f"{values.day(at, zone)} {at.astimezone(zone).year}"


def _day(at: datetime, now: datetime, zone: tzinfo) -> str:
    local = at.astimezone(zone)
    day = values.day(at, zone)
    return day if local.year == now.astimezone(zone).year else f"{day} {local.year}"


def _days(count: float) -> str:
    return f"{count:.0f} days" if count == round(count) else f"{count:.1f} days"
