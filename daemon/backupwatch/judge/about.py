"""Small questions that several checks ask of a case."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, TypeVar

from backupwatch.facts import kinds
from backupwatch.facts.observation import Json
from backupwatch.facts.snapshot import Reading, Span, View
from backupwatch.judge.finding import Case
from backupwatch.text import plain
from backupwatch.wording import settings_paths

T = TypeVar("T")

STILL_TRUE: Final = timedelta(days=2)
"""What was read longer ago is the past: eight readings of the account at its default interval failed since."""

_MAJOR: Final = re.compile(r"(\d{1,3})(?:\.|$)")


def thing(case: Case) -> str:
    """``iPhone`` or ``iPad``, as Settings and Apple's pages call it."""
    for kind in (kinds.MODEL, kinds.DEVICE_CLASS):
        word = case.phone.text(kind)
        if word is not None and word.value.startswith("iPad"):
            return "iPad"
    return "iPhone"


def major(case: Case) -> int | None:
    """The phone's major iOS version, or None when it is not known."""
    version = case.phone.text(kinds.OS_VERSION)
    match = _MAJOR.match(version.value) if version else None
    return int(match[1]) if match else None


def is_recent(reading: Reading[T], case: Case, within: timedelta = STILL_TRUE) -> bool:
    """Whether the reading was confirmed lately, and not in the future."""
    return timedelta(0) <= case.now - reading.last_at <= within


def from_phone(reading: Reading[T] | None, case: Case) -> Reading[T] | None:
    """The reading, if it belongs to the last look at the phone or to the days before it; else None."""
    if reading is None or reading.last_at > case.now:
        return None
    seen = case.freshness.seen_at
    if seen is not None and seen - reading.last_at > STILL_TRUE:
        return None
    return reading


def started(view: View, kind: str, like: Callable[[Json], bool] | None = None) -> datetime | None:
    """When the newest value was first seen without another one in between, however often nobody looked meanwhile.

    The store ends a sample's span when nobody looked for two hours, so one span alone tells nothing of the start.

    :param like: which values are as good as the newest; only equal ones without it.
    """
    return _run(view.spans(kind), like)[0]


def since(view: View, kind: str, like: Callable[[Json], bool] | None = None) -> datetime | None:
    """The same; None when the value was never seen otherwise, and may always have held."""
    start, is_whole = _run(view.spans(kind), like)
    return None if is_whole else start


def _run(spans: tuple[Span, ...], like: Callable[[Json], bool] | None) -> tuple[datetime | None, bool]:
    """Start of the newest run of like values, and whether the run is all there is."""
    ordered = sorted(spans, key=lambda span: span.last_at)
    start: datetime | None = None
    for span in reversed(ordered):
        if not (like(span.value) if like else span.value == ordered[-1].value):
            return start, False
        start = span.first_at if start is None else min(start, span.first_at)
    return start, True


def share(case: Case, start: datetime | None) -> float:
    """How much of the gap something explains that holds from ``start`` on; all of it for None, 0.0–1.0."""
    gap = case.freshness.gap_since
    if gap is None or start is None or start <= gap:
        return 1.0
    whole = (case.now - gap).total_seconds()
    return max(0.0, min(1.0, (case.now - start).total_seconds() / whole)) if whole > 0 else 1.0


def places(case: Case) -> dict[str, str]:
    """The places that most fix steps have: Settings paths and names for this phone's iOS."""
    name = case.phone.text(kinds.NAME)
    return _places(major(case), thing(case), settings_paths.person(plain(name.value) if name else ""))


@lru_cache(maxsize=64)
def _places(version: int | None, device: str, person: str) -> dict[str, str]:
    return {
        "thing": device,
        "system": "iPadOS" if device == "iPad" else "iOS",
        "account": settings_paths.account(person),
        "icloud_backup": settings_paths.icloud_backup(person),
        "icloud_storage": settings_paths.icloud_storage(version, person),
        "wifi": settings_paths.wifi(),
        "software_update": settings_paths.software_update(),
        "date_and_time": settings_paths.date_and_time(),
        "device_storage": settings_paths.device_storage(device),
        "low_power": settings_paths.low_power(version),
        "management": settings_paths.management(),
        "shut_down": settings_paths.shut_down(),
        "reset": settings_paths.reset(device),
        "apple_account": settings_paths.apple_account_word(version),
    }
