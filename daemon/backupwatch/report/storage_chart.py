"""The storage: what takes it, stacked, with the plan's size above and the forecast to the right."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta, tzinfo
from itertools import groupby
from typing import Final

from backupwatch.report.axes import Frame, levels, mark, picture, points, time_axis
from backupwatch.report.markup import Markup, el, join, number
from backupwatch.view.quota import PARTS, Point
from backupwatch.wording import values

_APART: Final = timedelta(days=7)
"""Readings further apart are not joined: nobody saw what was between them."""
_MOST: Final = 150
"""Points of one area: a point every three units of the picture."""
_AHEAD: Final = timedelta(days=90)
"""How far the forecast is drawn."""


def storage_chart(points_: list[Point], full_at: datetime | None, now: datetime, zone: tzinfo) -> Markup | None:
    """The picture, or None without two readings."""
    if len(points_) < 2:
        return None
    since, last = points_[0].at, points_[-1]
    forecast = full_at if full_at is not None and now < full_at <= now + _AHEAD else None
    frame = Frame(since, forecast or now, max(point.total for point in points_) * 1.08)
    drawn: list[Markup] = []
    for run in _runs(points_):
        drawn += _layers(frame, run)
    size = f"{values.gigabytes(last.total, digits=0)} GB"
    drawn += levels(frame, [(last.total, size, "total"), (0.0, "0", "")])
    if forecast is not None:
        drawn.append(_forecast(frame, last, forecast, zone))
    drawn += time_axis(frame, zone)
    drawn += [mark(_guide(frame, point), _said(point, zone)) for point in monthly(points_)]
    label = f"iCloud storage from {_dated(since, zone)} to {_dated(now, zone)}"
    return picture(drawn, label, "storage")


def monthly(points_: list[Point]) -> list[Point]:
    """The last reading of each month, oldest first."""
    return [list(run)[-1] for _, run in groupby(points_, key=lambda point: (point.at.year, point.at.month))]


def legend(last: Point) -> Markup:
    """What takes the storage now, in the order of the picture from its top."""
    items = [
        el(
            "li",
            el("span", class_=f"key k-{part}", aria_hidden="true"),
            f"{part}: {values.gigabytes(last.parts[part])} GB",
        )
        for part in reversed(PARTS)
        if part in last.parts
    ]
    return el("ul", items, class_="legend") if items else join()


def _runs(points_: list[Point]) -> Iterable[list[Point]]:
    run: list[Point] = []
    for point in points_:
        if run and (point.at - run[-1].at > _APART or bool(point.parts) != bool(run[-1].parts)):
            yield run
            run = []
        run.append(point)
    yield run


def _layers(frame: Frame, run: list[Point]) -> Iterable[Markup]:
    """One area for each kind, or one for all where Apple did not tell the kinds."""
    step = -(-len(run) // _MOST)
    run = [*run[::step], *([run[-1]] if (len(run) - 1) % step else [])]
    if not run[0].parts:
        yield _area(frame, "all", [(point.at, 0.0) for point in run], [(point.at, point.used) for point in run])
        return
    below = [0.0] * len(run)
    for part in PARTS:
        above = [under + point.parts[part] for under, point in zip(below, run, strict=True)]
        yield _area(
            frame, part,
            [(point.at, value) for point, value in zip(run, below, strict=True)],
            [(point.at, value) for point, value in zip(run, above, strict=True)],
        )  # fmt: skip
        below = above


def _area(frame: Frame, kind: str, below: list[tuple[datetime, float]], above: list[tuple[datetime, float]]) -> Markup:
    d = f"M{points(frame, above)}L{points(frame, reversed(below))}z"
    return el("path", class_=f"layer k-{kind}", d=Markup(d))


def _forecast(frame: Frame, last: Point, full_at: datetime, zone: tzinfo) -> Markup:
    d = f"M{points(frame, [(last.at, last.used), (full_at, last.total)])}"
    said = f"If it goes on like this, full around {values.day(full_at, zone)}"
    return mark(el("path", class_="forecast", d=Markup(d)), said)


def _guide(frame: Frame, point: Point) -> Markup:
    x, y = number(frame.x(point.at)), frame.y(point.used)
    return join(
        el("path", class_="guide", d=Markup(f"M{x} {number(frame.floor)}V{number(y)}")),
        el("circle", class_="dot quiet", cx=frame.x(point.at), cy=y, r=3.5),
    )


def _said(point: Point, zone: tzinfo) -> str:
    used, total = values.gigabytes(point.used), values.gigabytes(point.total)
    return f"{_dated(point.at, zone)}: {used} of {total} GB used"


def _dated(at: datetime, zone: tzinfo) -> str:
    return f"{values.day(at, zone)} {at.astimezone(zone).year}"
