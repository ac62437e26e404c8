"""Numbers, lengths of time and moments as a person says them."""

from __future__ import annotations

from datetime import datetime, timedelta, tzinfo
from typing import Final

from backupwatch.clock import age_words

GB: Final = 1 << 30
"""Apple's free 5 GB are 5 368 709 120 bytes, so iCloud counts in units of 1 073 741 824."""

DISK_GB: Final = 1_000_000_000
"""The storage of a phone is counted in these."""

DAYS: Final = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
MONTHS: Final = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def gigabytes(size: float, *, digits: int = 1, unit: int = GB) -> str:
    """``4.98``: without the unit, which stands in the sentence."""
    return f"{size / unit:.{digits}f}"


def day(moment: datetime, zone: tzinfo) -> str:
    """``Thu 13 Nov``, in the person's time zone."""
    local = moment.astimezone(zone)
    return f"{DAYS[local.weekday()]} {local.day} {MONTHS[local.month - 1]}"


def minute(moment: datetime, zone: tzinfo) -> str:
    """``Thu 13 Nov, 02:11``, in the person's time zone."""
    local = moment.astimezone(zone)
    return f"{day(moment, zone)}, {local.hour:02}:{local.minute:02}"


def age(length: timedelta) -> str:
    """``9 days``, rounded down."""
    return age_words(length)


def days(length: timedelta) -> int:
    """Whole days, rounded down, never negative."""
    return max(0, length.days)
