"""The account's storage over time, by kind. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from backupwatch.facts.snapshot import Span, as_number
from backupwatch.judge.storage import parse

PARTS: Final = ("photos", "backups", "documents", "mail", "other")
"""From the bottom of the picture to its top."""
_KEYS: Final = {"photos": "photos", "documents": "docs", "mail": "mail"}
"""Apple's ``mediaKey`` of ``storageUsageByMedia``; the share of backups stands by itself in the fact."""
_LARGEST: Final = 1e15


@dataclass(frozen=True, slots=True)
class Point:
    """The storage at one reading, bytes; ``parts`` is empty when Apple did not tell what takes it."""

    at: datetime
    total: float
    used: float
    parts: Mapping[str, float]


def points(spans: Iterable[Span], since: datetime, now: datetime) -> list[Point]:
    """One point where a value was first and where it was last read, oldest first; nothing before ``since``."""
    found: dict[datetime, Point] = {}
    for span in spans:
        if span.last_at < since or span.first_at > now:
            continue
        quota = parse(span.value, span.last_at)
        if quota is None:
            continue
        parts = _parts(span, quota.used, quota.backup)
        for at in (max(span.first_at, since), min(span.last_at, now)):
            found[at] = Point(at, quota.total, quota.used, parts)
    return [found[at] for at in sorted(found)]


def daily(of: Iterable[Point]) -> list[Point]:
    """The last point of each day (UTC)."""
    return list({point.at.date(): point for point in of}.values())


def _parts(span: Span, used: float, backup: float | None) -> Mapping[str, float]:
    value = span.value if isinstance(span.value, Mapping) else {}
    media = value.get("media")
    if not isinstance(media, Mapping) or not media:
        return {}
    parts = {part: as_number(media.get(key), 0, _LARGEST) or 0.0 for part, key in _KEYS.items()}
    parts["backups"] = backup or 0.0
    known = sum(parts.values())
    if known > used:
        return {}  # sums that cannot be: shown as one area, never scaled to fit
    parts["other"] = used - known
    return {part: parts[part] for part in PARTS}
