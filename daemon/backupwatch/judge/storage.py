"""The account's room for the next backup, from its quota and its own flags."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backupwatch.facts import kinds
from backupwatch.facts.observation import Json
from backupwatch.facts.snapshot import Reading, View, as_number

MEGABYTE: Final = 1_000_000
SMALLEST_NEED: Final = 500 * MEGABYTE
NEED_SHARE: Final = 0.10
"""A backup adds to the one before: room for a tenth of it, at least 500 MB (our rule; Apple publishes none)."""
TO_THE_BRIM: Final = 0.005
"""Less than half a percent free is full."""

_LARGEST: Final = 1e15
"""A thousand times Apple's largest plan: beyond it a number is nonsense."""


@dataclass(frozen=True, slots=True)
class Quota:
    """Bytes of the account's storage; ``backup`` is the share of all its devices' backups, None when not told."""

    total: float
    used: float
    available: float
    backup: float | None
    read_at: datetime

    @property
    def need(self) -> float:
        """Bytes that the next backup is likely to add."""
        return max(SMALLEST_NEED, NEED_SHARE * self.backup) if self.backup is not None else SMALLEST_NEED

    @property
    def is_full(self) -> bool:
        """Whether hardly anything is free, for whatever backup comes; never where the next one fits."""
        return self.available < min(TO_THE_BRIM * self.total, self.need)


def quota(account: View) -> Reading[Quota] | None:
    """The newest quota, or None where its numbers cannot be true."""
    span = account.newest(kinds.QUOTA)
    found = parse(span.value, span.last_at) if span else None
    return Reading(found, span.first_at, span.last_at, span.source) if span and found else None


def parse(value: Json, read_at: datetime) -> Quota | None:
    """A quota from a fact's value; None for a total of zero, a negative size or anything else that is absurd."""
    table = value if isinstance(value, dict) else {}
    total = as_number(table.get("total_bytes"), 1, _LARGEST)
    used = as_number(table.get("used_bytes"), 0, _LARGEST)
    if total is None or used is None:
        return None
    told = as_number(table.get("available_bytes"), 0, _LARGEST)
    available = max(0.0, total - used) if told is None else told
    if available > total:
        return None
    return Quota(total, used, available, as_number(table.get("backup_bytes"), 0, _LARGEST), read_at)
