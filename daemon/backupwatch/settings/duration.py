"""Lengths of time as people write them in the file: ``"3d"``, ``"36h"``, ``"1w 2d"``, ISO 8601 ``"P3D"``."""

from __future__ import annotations

import re
from datetime import timedelta

FORMS = '"90m", "36h", "3d", "2w", "1w 2d" or ISO 8601 such as "P3D" or "PT36H"'
"""Which forms are read, for error messages."""

LONGEST = timedelta(days=3650)
"""No limit of this program makes sense beyond ten years; a longer one is a slip of the finger."""

_UNITS = {"w": 604_800, "d": 86_400, "h": 3_600, "m": 60, "s": 1}
_LONG_NAMES = {
    **dict.fromkeys(("w", "week", "weeks"), "w"),
    **dict.fromkeys(("d", "day", "days"), "d"),
    **dict.fromkeys(("h", "hr", "hrs", "hour", "hours"), "h"),
    **dict.fromkeys(("m", "min", "mins", "minute", "minutes"), "m"),
    **dict.fromkeys(("s", "sec", "secs", "second", "seconds"), "s"),
}
_ORDER = "wdhms"
_PART = re.compile(r"([0-9]{1,9})\s*([A-Za-z]+)")
# ISO 8601-1:2019, 5.5.2. Years and months have no fixed length, so they are not taken.
_ISO = re.compile(
    r"P(?:(?P<w>[0-9]{1,9})W)?(?:(?P<d>[0-9]{1,9})D)?"
    r"(?P<t>T(?:(?P<h>[0-9]{1,9})H)?(?:(?P<m>[0-9]{1,9})M)?(?:(?P<s>[0-9]{1,9})S)?)?",
    re.IGNORECASE,
)


def parse(text: str) -> timedelta:
    """Read a length of time of whole seconds.

    :param text: units from large to small, each at most once; letters in either case, or words such as ``days``.
    :raises ValueError: with a sentence for the person who wrote it.
    """
    stripped = text.strip()
    if not stripped:
        raise ValueError("it is empty")
    amounts = _iso(stripped) if stripped[0] in "Pp" else _plain(stripped)
    seconds = sum(count * _UNITS[unit] for unit, count in amounts)
    if seconds > LONGEST.total_seconds():
        raise ValueError("it is longer than ten years")
    return timedelta(seconds=seconds)


def _iso(text: str) -> list[tuple[str, int]]:
    match = _ISO.fullmatch(text)
    if match is None:
        if re.fullmatch(r"P([0-9]+[YM])+.*", text, re.IGNORECASE):
            raise ValueError("years and months have no fixed length; write days or weeks")
        raise ValueError("it starts like an ISO 8601 duration but is none")
    amounts = [(unit, int(match[unit])) for unit in _ORDER if match[unit]]
    if not amounts or (match["t"] or "").upper() == "T":
        raise ValueError("it is an ISO 8601 duration without a number")
    return amounts


def _plain(text: str) -> list[tuple[str, int]]:
    if re.fullmatch(r"[0-9]+", text):
        raise ValueError("the unit is missing")
    if text[0] == "-":
        raise ValueError("a length of time cannot be negative")
    amounts: list[tuple[str, int]] = []
    position = 0
    for match in _PART.finditer(text):
        if text[position : match.start()].strip():
            break
        unit = _LONG_NAMES.get(match[2].lower())
        if unit is None:
            known = "years and months have no fixed length; write days or weeks"
            raise ValueError(
                known
                if match[2].lower() in {"y", "year", "years", "mo", "month", "months"}
                else f'"{match[2][:20]}" is no unit'
            )
        amounts.append((unit, int(match[1])))
        position = match.end()
    if not amounts or text[position:].strip():
        raise ValueError("it cannot be read")
    places = [_ORDER.index(unit) for unit, _ in amounts]
    if places != sorted(set(places)):
        raise ValueError("write each unit once, from weeks down to minutes")
    return amounts


def render(length: timedelta) -> str:
    """A short form that :func:`parse` reads back: ``3d``, ``36h``, ``14d``, ``90m``, ``100d 1h``; zero is ``0s``.

    Never in weeks, because every default and most files say days.

    :raises ValueError: negative, or with a fraction of a second.
    """
    if length < timedelta(0) or length.microseconds:
        raise ValueError("only whole seconds from zero upwards have a written form")
    seconds = length.days * 86_400 + length.seconds
    for unit in _ORDER[1:]:
        if seconds and seconds % _UNITS[unit] == 0 and (unit == "d" or seconds // _UNITS[unit] < 100):
            return f"{seconds // _UNITS[unit]}{unit}"
    parts: list[str] = []
    for unit in _ORDER[1:]:
        count, seconds = divmod(seconds, _UNITS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return " ".join(parts) or "0s"
