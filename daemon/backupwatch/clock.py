"""The only reading of wall time. Everything below a round is handed ``now``."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

Clock = Callable[[], datetime]
"""Answers the present moment as an aware datetime in UTC."""


def utc_now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(UTC)


def monotonic() -> float:
    """Seconds of the machine's monotonic clock, which stands still during suspend on Linux and macOS."""
    return time.monotonic()


def rfc3339(moment: datetime) -> str:
    """``2026-11-22T14:05:00Z``: UTC, whole seconds, as the contract's JSON wants it."""
    return moment.astimezone(UTC).replace(microsecond=0, tzinfo=None).isoformat() + "Z"


def parse_rfc3339(text: str) -> datetime:
    """The inverse of :func:`rfc3339`, liberal in what it takes.

    :raises ValueError: not a date, or one without a time zone.
    """
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"a date without a time zone: {text[:40]!r}")
    try:
        return moment.astimezone(UTC)
    except OverflowError as error:
        raise ValueError(f"a date before the first year or after the last: {text[:40]!r}") from error


def age_words(age: timedelta) -> str:
    """A length of time as a person says it: ``9 days``, ``1 day``, ``5 hours``, ``3 minutes``.

    Rounded down, so that it never exaggerates.
    """
    seconds = max(0, int(age.total_seconds()))
    for size, word in ((86_400, "day"), (3_600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"1 {word}" if count == 1 else f"{count} {word}s"
    return "less than a minute"
