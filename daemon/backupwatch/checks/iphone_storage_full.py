"""The phone itself has no room to prepare a backup (errors 105 and 106: disk full)."""

from __future__ import annotations

from typing import Final

from backupwatch.facts import kinds
from backupwatch.facts.snapshot import Reading
from backupwatch.judge import about, phone_log
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut
from backupwatch.wording import values, words

ID = "iphone-storage-full"
SOURCE = "https://support.apple.com/108429"
DISK_FULL: Final = frozenset({105, 106})
NONE_LEFT: Final = 200_000_000
LITTLE: Final = 1_000_000_000
LITTLE_SHARE: Final = 0.01
"""Below 1 GB or 1 % free, preparing a backup begins to fail (our rule; Apple says "keep some GB free")."""
_LARGEST: Final = 1e14
WORDS = words(
    ID,
    {
        "summary": "The storage of this {thing} is full",
        "summary-past": "The storage of this {thing} was full when it last tried",
        "free": "{free} GB of {total} GB are free on the {thing}",
        "free-only": "{free} GB are free on the {thing}",
        "log.one": "A backup failed on {moment} because the {thing} has no room left (error {code})",
        "log.other": "{number} backups failed, last on {moment}, because the {thing} has no room left (error {code})",
        "unread": "the {thing} has not said how much room it has",
        "odd": "the {thing} gives sizes of its storage that cannot be right",
        "fix.1": "On the {thing} open {device_storage} and delete or offload things until a few GB are free",
        "fix.2": "Large videos and apps that you no longer use come first",
        "fix.3": "Leave it charging, locked and on Wi-Fi tonight",
        "fix.4": "It worked when {icloud_backup} shows a new time in the morning",
    },
)


def check(case: Case) -> Finding:
    """The phone's own error first, then the room that is left."""
    places = about.places(case)
    free = about.from_phone(case.phone.number(kinds.DISK_AVAILABLE, 0, _LARGEST), case)
    total = case.phone.number(kinds.DISK_TOTAL, 1, _LARGEST)
    odd = free is not None and total is not None and free.value > total.value
    room = _room(free.value, total.value if total else None, places) if free and not odd else ""
    failed = phone_log.failure(case, DISK_FULL)
    if failed is not None:
        moment = values.minute(failed.last_at, case.zone)
        line = WORDS.count("log", failed.times, moment=moment, code=failed.code, **places)
        if free is None or odd or free.last_at <= failed.last_at or _is_little(free.value, total):
            return _blamed(case, failed.certainty, tuple(filter(None, (line, room))), failed.share)
        if case.now - failed.last_at > about.STILL_TRUE or not failed.is_latest:
            return RuledOut(ID, (room, line))
        return _blamed(case, Certainty.POSSIBLE, (line, room), failed.share, kind="-past")
    if free is None or odd:
        return NotChecked(ID, WORDS.say("odd" if odd else "unread", **places))
    if free.value <= NONE_LEFT:
        return _blamed(case, Certainty.CERTAIN, (room,), _explains(case))
    if _is_little(free.value, total):
        return _blamed(case, Certainty.LIKELY, (room,), _explains(case))
    return RuledOut(ID, (room,))


def _is_little(free: float, total: Reading[float] | None) -> bool:
    return free < LITTLE or (total is not None and free < LITTLE_SHARE * total.value)


def _room(free: float, total: float | None, places: dict[str, str]) -> str:
    left = values.gigabytes(free, unit=values.DISK_GB)
    if total is None:
        return WORDS.say("free-only", free=left, **places)
    return WORDS.say("free", free=left, total=values.gigabytes(total, digits=0, unit=values.DISK_GB), **places)


def _explains(case: Case) -> float:
    """The share of the gap since the phone was last seen with room."""
    roomy = [
        span.last_at
        for span in case.phone.spans(kinds.DISK_AVAILABLE)
        if isinstance(span.value, int | float) and span.value >= LITTLE
    ]
    return about.share(case, max(roomy)) if roomy else 1.0


def _blamed(case: Case, sure: Certainty, evidence: tuple[str, ...], explains: float, *, kind: str = "") -> Blamed:
    places = about.places(case)
    return Blamed(
        ID,
        sure,
        WORDS.say(f"summary{kind}", **places),
        evidence,
        WORDS.steps("fix", **places),
        SOURCE,
        explains=explains,
        effort=15,
    )
