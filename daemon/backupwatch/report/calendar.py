"""The calendar of nights: half a year to a block, a column for each week, a square for each night.

No charting library that we know draws SVG that a keyboard can walk and that needs no script, so the report's
pictures are drawn here. Nights of one week and one kind share an element: two years of a healthy phone are two
hundred elements and not seven hundred. No patterns: printed, each of their uses becomes an image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, timedelta
from itertools import groupby
from typing import Final

from backupwatch.report.markup import Markup, el, join
from backupwatch.view.nights import Night, Strip
from backupwatch.wording.values import DAYS, MONTHS

WEEKS: Final = 26
"""Columns of a block: two blocks are a year, one fits a telephone's screen."""
_MOST: Final = 4
"""Blocks: two years."""
_SIDE: Final = 13
_LEFT, _TOP = 26, 13  # both whole squares, since the patterns begin at the corner
_CLASSES: Final = {Night.BACKED_UP: "n-ok", Night.MISSED: "n-no", Night.NOT_SEEN: "n-un"}
_DAY: Final = timedelta(days=1)


def sample(night: Night) -> Markup:
    """One square, for the legend."""
    square = el("path", class_=_CLASSES[night], d=_squares(night, 0, 0, 1))
    return el("svg", square, class_="key", viewbox=f"0 0 {_SIDE} {_SIDE}", aria_hidden="true")


def blocks(nights: Strip, known_since: date | None) -> list[Markup]:
    """One picture for each half-year of which anything is known, oldest first, at least the newest."""
    last = nights.first + _DAY * (len(nights.nights) - 1)
    end = last + _DAY * (6 - last.weekday())  # weeks run from Monday to Sunday
    by_day = dict(nights.dated())
    made: list[Markup] = []
    while True:
        start = end - _DAY * (7 * WEEKS - 1)
        made.append(_block([(start + _DAY * n, by_day.get(start + _DAY * n)) for n in range(7 * WEEKS)]))
        end = start - _DAY
        if known_since is None or end < max(known_since, nights.first) or len(made) == _MOST:
            return made[::-1]


def month_rows(nights: Strip, known_since: date | None) -> list[tuple[str, dict[Night, int]]]:
    """Month by month how many nights were of each kind, oldest first, from the first known month on."""
    days = [(day, night) for day, night in nights.dated() if known_since is None or day >= known_since.replace(day=1)]
    return [
        (f"{MONTHS[month - 1]} {year}", _counts(night for _, night in group))
        for (year, month), group in groupby(days, key=lambda pair: (pair[0].year, pair[0].month))
    ]


def _block(days: Sequence[tuple[date, Night | None]]) -> Markup:
    width, height = _LEFT + WEEKS * _SIDE, _TOP + 7 * _SIDE + 20
    labels = [
        el("text", DAYS[row][:2], class_="lab", x=0, y=_TOP + row * _SIDE + 9, aria_hidden="true") for row in (0, 2, 4)
    ]
    months = [
        _month(list(group), days[0][0]) for _, group in groupby(days, key=lambda pair: (pair[0].year, pair[0].month))
    ]
    first, last = days[0][0], next(day for day, _ in reversed(days))
    label = f"Nights from {_long(first)} to {_long(last)}"
    return el("svg", labels, months, class_="cal", role="group", aria_label=label, viewbox=f"0 0 {width} {height}")


def _month(days: Sequence[tuple[date, Night | None]], origin: date) -> Markup:
    known = [(day, night) for day, night in days if night is not None]
    first = days[0][0]
    name = f"{MONTHS[first.month - 1]} {first.year}"
    column = (first - origin).days // 7
    at = _LEFT + column * _SIDE
    opens = column < 6 and first.day <= 14 and (first - origin).days < 31  # the block's first name tells the year
    words = f"{MONTHS[first.month - 1]} ’{first.year % 100:02}" if opens else MONTHS[first.month - 1]
    heading = el("text", words, class_="lab", x=at, y=11) if first.day <= 14 else None
    if not known:
        return join(heading)
    said = f"{name}: {spoken(_counts(night for _, night in known))}"
    tip = el("text", said, class_="tip", x=_LEFT, y=_TOP + 7 * _SIDE + 13)
    return el("g", heading, *_runs(known, origin), tip, tabindex=0, role="img", aria_label=said, class_="mon")


def _runs(days: Sequence[tuple[date, Night]], origin: date) -> Iterable[Markup]:
    """One rectangle for the nights of a week that are alike."""
    for (week, night), run in groupby(days, key=lambda pair: ((pair[0] - origin).days // 7, pair[1])):
        nights = [day for day, _ in run]
        first = "" if len(nights) == 1 else f"{_short(nights[0])} to "
        title = el("title", f"{first}{_short(nights[-1])} {MONTHS[nights[-1].month - 1]}: {night.value}")
        d = _squares(night, _LEFT + week * _SIDE, _TOP + nights[0].weekday() * _SIDE, len(nights))
        yield el("path", title, class_=_CLASSES[night], d=d)


def _squares(night: Night, x: int, y: int, count: int) -> Markup:
    """Squares below one another; told apart by their shape: filled, crossed out, hollow."""
    match night:
        case Night.BACKED_UP:
            return Markup(f"M{x + 5.5} {y}v{_SIDE * count - 2}")  # one broad line; its dashes are the squares
        case Night.MISSED:
            square = "h12v12h-12zm3.5 3.5l5 5m0-5l-5 5"  # outline and cross have the colour of the ground
            begins, next_ = f"M{x - 0.5} {y - 0.5}", f"m-3.5 {_SIDE - 8.5}"
        case _:
            square = "h10v10h-10z"
            begins, next_ = f"M{x + 0.5} {y + 0.5}", f"m0 {_SIDE}"
    return Markup(begins + square + (next_ + square) * (count - 1))


def spoken(counts: dict[Night, int]) -> str:
    """``20 backed up, 8 missed``; kinds that did not occur are left out."""
    return ", ".join(f"{count} {night.value}" for night, count in counts.items() if count) or "nothing known"


def _counts(nights: Iterable[Night]) -> dict[Night, int]:
    listed = list(nights)
    return {night: listed.count(night) for night in Night}


def _short(day: date) -> str:
    return f"{DAYS[day.weekday()]} {day.day}"


def _long(day: date) -> str:
    return f"{DAYS[day.weekday()]} {day.day} {MONTHS[day.month - 1]} {day.year}"
