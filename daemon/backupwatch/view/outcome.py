"""What became of an alert: the next backup, and what had changed before it. Pure.

A cause that was named was right if what it says changed (the switch was turned on, room was made) between the
alert and the next backup. What was not seen is not claimed.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum
from itertools import pairwise
from typing import Final

from backupwatch.facts import kinds
from backupwatch.facts.observation import Json, phone
from backupwatch.facts.snapshot import Span, View, as_number
from backupwatch.judge import nights
from backupwatch.judge.apple_events import events
from backupwatch.judge.nights import Answer
from backupwatch.judge.storage import parse
from backupwatch.text import plain
from backupwatch.wording import values

PHONE_KINDS: Final = (
    kinds.OS_VERSION, kinds.BOOT_SESSION, kinds.CLOUD_BACKUP_ENABLED, kinds.FIND_MY_ON, kinds.TRUST,
    kinds.UNLOCKED_SINCE_BOOT, kinds.RESTORE_STATE, kinds.LOW_POWER_MODE, kinds.DISK_AVAILABLE, kinds.PROFILES,
    kinds.CLOCK_OFFSET, kinds.ON_POWER, kinds.FIND_MY_CHARGING, kinds.WIFI_JOINED, kinds.CONNECTION,
)  # fmt: skip
ACCOUNT_KINDS: Final = (kinds.QUOTA, kinds.ACCOUNT_STATE, kinds.EMAIL_VERIFIED)
_ROOM: Final = 100_000_000
"""Bytes: less room than this was not made, it happened."""
_NEVER: Final = datetime(2000, 1, 1, tzinfo=UTC)
"""A quota is read for its numbers here; its moment is not used."""
_CLOCK_RIGHT: Final = 300.0
"""Seconds within which a phone's clock serves."""


class Right(StrEnum):
    """Whether the named cause was the one."""

    YES = "yes"
    UNCLEAR = "unclear"
    WAITING = "waiting"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that changed: between ``after`` (last seen as before) and ``seen`` (first seen changed).

    :ivar cures: the cause ids that this would cure.
    :ivar telling: False for what happens all the time: it confirms its own cause, and is no news otherwise.
    """

    words: str
    after: datetime
    seen: datetime
    cures: frozenset[str]
    telling: bool = True


@dataclass(frozen=True, slots=True)
class Outcome:
    """What became of one alert; ``backup_at`` is the next backup of the phone, None while there is none."""

    right: Right
    sentence: str
    backup_at: datetime | None


def outcome(
    cause: str | None, told_at: datetime, made: Sequence[datetime], changes: Iterable[Change], zone: tzinfo
) -> Outcome:
    """The next backup after an alert and the change that came before it.

    :param made: the phone's backups, oldest first.
    """
    backup = next((at for at in made if at > told_at), None)
    if backup is None:
        return Outcome(Right.WAITING, "No backup since", None)
    when = values.minute(backup, zone)
    between = [change for change in changes if change.seen > told_at and change.after < backup]
    cured = next((change for change in between if cause in change.cures), None)
    if cured is not None:
        return Outcome(Right.YES, f"Backed up {when}, after {cured.words}: the cause was right", backup)
    named = "the named cause was not seen to change" if cause else "no cause had been named"
    other = next((change for change in between if change.telling), None)
    if other is not None:
        return Outcome(Right.UNCLEAR, f"Backed up {when}, after {other.words}; {named}", backup)
    return Outcome(Right.UNCLEAR, f"Backed up {when}; {named}", backup)


def changes(
    own: Mapping[str, Sequence[Span]],
    account: Mapping[str, Sequence[Span]],
    status: View,
    made: Sequence[datetime],
    now: datetime,
    zone: tzinfo,
) -> list[Change]:
    """Everything that changed around one phone, in the order in which it was seen."""
    found: list[Change] = []
    for kind, cures, words in _SWITCHES:
        source = account if kind in ACCOUNT_KINDS else own
        found += _changed(source.get(kind, ()), cures, words)
    for event in events(status, now):
        if event.ends is not None:
            ended = f"Apple had ended the trouble with {plain(event.service)}"
            found.append(Change(ended, event.starts, event.ends, frozenset({"apple-outage"})))
    found += _nights(own, made, zone)
    return sorted(found, key=lambda change: change.seen)


# -- one kind at a time -----------------------------------------------------------------------------------------

_Words = Callable[[Json, Json], str]
"""The change from one value to the next in words, or an empty text when it means nothing."""


def _on(sentence: str) -> _Words:
    return lambda before, after: sentence if before is False and after is True else ""


def _off(sentence: str) -> _Words:
    return lambda before, after: sentence if before is True and after is False else ""


def _version(before: Json, after: Json) -> str:
    if not (isinstance(before, str) and isinstance(after, str)):
        return ""
    return f"iOS was updated from {plain(before, 20)} to {plain(after, 20)}"


def _any(sentence: str) -> _Words:
    return lambda before, after: sentence if before is not None and after is not None else ""


def _to(value: str, sentence: str) -> _Words:
    return lambda before, after: sentence if isinstance(before, str) and after == value else ""


def _disk(before: Json, after: Json) -> str:
    less, more = as_number(before, 0, 1e15), as_number(after, 0, 1e15)
    if less is None or more is None or more - less < 5 * _ROOM:
        return ""
    return f"{values.gigabytes(more - less, unit=values.DISK_GB)} GB were freed on the phone"


def _storage(before: Json, after: Json) -> str:
    earlier, later = parse(before, _NEVER), parse(after, _NEVER)
    if earlier is None or later is None:
        return ""
    if later.total > earlier.total:
        old, new = values.gigabytes(earlier.total, digits=0), values.gigabytes(later.total, digits=0)
        return f"the iCloud storage grew from {old} to {new} GB"
    if earlier.used - later.used >= _ROOM:
        return f"{values.gigabytes(earlier.used - later.used)} GB were freed in iCloud"
    return ""


def _clock(before: Json, after: Json) -> str:
    wrong, right = as_number(before, -1e12, 1e12), as_number(after, -1e12, 1e12)
    if wrong is None or right is None or abs(wrong) < _CLOCK_RIGHT or abs(right) >= _CLOCK_RIGHT:
        return ""
    return "the phone's clock was set right"


_SWITCHES: Final[tuple[tuple[str, str, _Words], ...]] = (
    (kinds.CLOUD_BACKUP_ENABLED, "icloud-backup-off", _on("iCloud Backup was switched on")),
    (kinds.OS_VERSION, "update-ios", _version),
    (kinds.BOOT_SESSION, "restart-iphone", _any("a restart")),
    (kinds.FIND_MY_ON, "sign-in-needed", _on("iCloud was signed in to again")),
    (kinds.ACCOUNT_STATE, "sign-in-needed", _to("ok", "the account was signed in to again")),
    (kinds.EMAIL_VERIFIED, "email-unverified", _on("the e-mail address was verified")),
    (kinds.QUOTA, "icloud-storage-full", _storage),
    (kinds.TRUST, "pairing-lost", _to("trusted", "the phone was paired again")),
    (kinds.UNLOCKED_SINCE_BOOT, "locked-since-restart", _on("the phone was unlocked")),
    (kinds.RESTORE_STATE, "restore-in-progress", _any("the state of the restore changed")),
    (kinds.LOW_POWER_MODE, "low-power-mode", _off("Low Power Mode was switched off")),
    (kinds.DISK_AVAILABLE, "iphone-storage-full", _disk),
    (kinds.PROFILES, "managed-policy", _any("its profiles were changed")),
    (kinds.CLOCK_OFFSET, "clock-wrong", _clock),
)
"""What each kind's change says and which cause it cures; a cause without a row is never claimed to be cured."""


def _changed(spans: Sequence[Span], cures: str, words: _Words) -> Iterable[Change]:
    for source in sorted({span.source for span in spans}):
        for before, after in pairwise(span for span in spans if span.source == source):
            if before.value != after.value and (said := words(before.value, after.value)):
                telling = cures != "iphone-storage-full"
                yield Change(said, before.last_at, after.first_at, frozenset({cures}), telling)


def _nights(own: Mapping[str, Sequence[Span]], made: Sequence[datetime], zone: tzinfo) -> Iterable[Change]:
    """For each backup made at night: whether the phone is known to have charged and been on Wi-Fi in that night."""
    for before, at in pairwise(made):
        if at - before < timedelta(days=2):
            continue
        view = View(phone("-"), {kind: _near(spans, at) for kind, spans in own.items()})
        around = nights.nights(view, before, at + timedelta(days=1), zone)
        night = next((night for night in around if night.starts <= at < night.ends), None)
        if night is None:
            continue
        for answer, cause, words in (
            (night.powered, "no-power", "a night on the charger"),
            (night.wifi, "no-wifi", "a night on Wi-Fi"),
        ):
            if answer in {Answer.YES, Answer.PARTLY}:
                yield Change(words, night.starts, night.ends, frozenset({cause}), telling=False)


def _near(spans: Sequence[Span], at: datetime) -> tuple[Span, ...]:
    """The spans around a moment; of many, oldest first, only those near it are looked at."""
    day = timedelta(days=1)
    first = bisect_left(spans, at - 30 * day, key=lambda span: span.first_at)
    last = bisect_left(spans, at + day, key=lambda span: span.first_at)
    return tuple(span for span in spans[max(0, first - 1) : last] if span.last_at >= at - day)
