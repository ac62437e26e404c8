"""What both curves share: the frame, the scale of time, marks that can be focused."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from backupwatch.report.markup import Markup, el, number
from backupwatch.wording.values import MONTHS

WIDTH: Final = 480
HEIGHT: Final = 190
LEFT, RIGHT, TOP, BOTTOM = 62, 12, 12, 44
_LINE: Final = 15
"""Labels stand at least so far apart, in the largest type that a narrow screen gets."""
_FEW: Final = 5
"""So many dates stand under a picture; on a telephone's screen every second one is left out."""


@dataclass(frozen=True, slots=True)
class Frame:
    """A picture's scales: moments to the right, a quantity up to ``top`` upwards."""

    since: datetime
    until: datetime
    top: float

    def x(self, at: datetime) -> float:
        """Pixels from the left."""
        share = (at - self.since) / max(self.until - self.since, timedelta(seconds=1))
        return LEFT + (WIDTH - LEFT - RIGHT) * min(1.0, max(0.0, share))

    def y(self, value: float) -> float:
        """Pixels from the top."""
        return HEIGHT - BOTTOM - (HEIGHT - TOP - BOTTOM) * min(1.0, max(0.0, value / self.top))

    @property
    def floor(self) -> float:
        """Where the quantity is nothing."""
        return HEIGHT - BOTTOM


def points(frame: Frame, pairs: Iterable[tuple[datetime, float]]) -> str:
    """The inside of a path: ``12 30L14 28``, without the leading M."""
    return "L".join(f"{number(frame.x(at))} {number(frame.y(value))}" for at, value in pairs)


def time_axis(frame: Frame, zone: tzinfo) -> list[Markup]:
    """The floor and a few dates below it."""
    drawn = [el("path", class_="axis", d=Markup(f"M{LEFT} {number(frame.floor)}H{WIDTH - RIGHT}"))]
    for place in range(_FEW):
        at = frame.since + (frame.until - frame.since) * place / (_FEW - 1)
        local = at.astimezone(zone)
        words = f"{local.day} {MONTHS[local.month - 1]}"
        if frame.until - frame.since > timedelta(days=300):
            words = f"{MONTHS[local.month - 1]} {local.year}"
        anchor = "start" if place == 0 else "end" if place == _FEW - 1 else "middle"
        kind = "lab odd" if place % 2 else "lab"
        drawn.append(
            el("text", words, class_=kind, x=frame.x(at), y=frame.floor + 17, text_anchor=anchor, aria_hidden="true")
        )
    return drawn


def levels(frame: Frame, wanted: Iterable[tuple[float, str, str]]) -> list[Markup]:
    """Lines across, each with its words at the left where there is room; the first ones are the most wanted.

    :param wanted: the quantity, its words and the kind of line.
    """
    drawn: list[Markup] = []
    taken: list[float] = []
    for value, words, kind in wanted:
        y = frame.y(value)
        label = None
        if all(abs(y - other) >= _LINE for other in taken):
            label = el("text", words, class_="lab", x=LEFT - 6, y=y + 4, text_anchor="end")
            taken.append(y)
        line = el("path", class_=f"level {kind}".strip(), d=Markup(f"M{LEFT} {number(y)}H{WIDTH - RIGHT}"))
        drawn.append(el("g", line, label, aria_hidden="true"))
    return drawn


def mark(shape: Markup, said: str) -> Markup:
    """A shape that says its numbers when it is pointed at or focused."""
    tip = el("text", said, class_="tip", x=LEFT, y=HEIGHT - 6)
    return el("g", shape, tip, tabindex=0, role="img", aria_label=said, class_="mark")


def picture(drawn: Iterable[Markup], label: str, kind: str) -> Markup:
    """The finished picture; its marks can be walked with the keyboard."""
    return el(
        "svg", list(drawn), class_=f"curve {kind}", role="group", aria_label=label, viewbox=f"0 0 {WIDTH} {HEIGHT}"
    )
