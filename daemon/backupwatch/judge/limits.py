"""The thresholds that judging works with, for one phone; plain values made from the configuration by the round."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta
from typing import Literal

Counts = Literal["any", "icloud", "local", "both"]


@dataclass(frozen=True, slots=True)
class Limits:
    """Limits for one phone; the defaults are the contract's.

    Three days are three missed nights: a healthy phone shows an age of at most 36 hours (iOS backs up every 24
    hours on Wi-Fi), and Apple itself stays silent for 14 days.

    :ivar counts: which backups count; ``both`` wants both kinds fresh.
    """

    stale_after: timedelta = timedelta(days=3)
    overdue_after: timedelta = timedelta(days=7)
    unseen_after: timedelta = timedelta(days=5)
    counts: Counts = "any"
    warn_before_full: timedelta = timedelta(days=14)
