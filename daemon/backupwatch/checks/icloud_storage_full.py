"""The account has not enough room for the next backup.

The account's own over-quota flag and the phone's error 303 (quota exceeded) settle it; otherwise the room left is
weighed against what the next backup is likely to add. After room was made iOS may wait for up to seven days before
it tries again by itself, so Back Up Now belongs to the fix.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from backupwatch.checks import MISSING
from backupwatch.facts import kinds
from backupwatch.judge import about, phone_log
from backupwatch.judge.account_link import on_account
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut, State
from backupwatch.judge.storage import Quota, parse, quota
from backupwatch.wording import values, words

ID = "icloud-storage-full"
SOURCE = "https://support.apple.com/108922"
APPLIES = MISSING | {State.FRESH}
QUOTA_EXCEEDED: Final = frozenset({303})
_NEAR: Final = timedelta(hours=12)
_NO_LESS: Final = 0.7
"""A backup that was made with hardly more room than there is now shows that this room is enough."""
_RETRIES_WITHIN: Final = timedelta(days=7)
"""After a failure for lack of room iOS tries again by itself within this time (its cap on retry-after dates)."""
WORDS = words(
    ID,
    {
        "summary": "iCloud storage is full",
        "summary-soon": "iCloud storage is nearly full",
        "summary-past": "iCloud storage was full, and the {thing} may still be waiting before it tries again",
        "used": "iCloud: {used} of {total} GB used, {free} GB free; the next backup needs about {need} GB",
        "over": "The account itself says that its storage is over its limit",
        "shrank": "The iCloud plan shrank from {before} to {total} GB",
        "log.one": "The {thing} reported on {moment} that iCloud has no room left (error {code})",
        "log.other": (
            "The {thing} reported {number} times, last on {moment}, that iCloud has no room left (error {code})"
        ),
        "has-room": "iCloud has room again: {free} of {total} GB were free on {moment}",
        "forecast": "At the pace of the last weeks it will be full around {day}",
        "worked": "There was hardly more room when the last backup was made, on {moment}",
        "room": "iCloud: {used} of {total} GB used, {free} GB free",
        "no-account": "no iCloud account is watched, so its storage is not known",
        "old": "the account's storage was last read on {moment}",
        "odd": "the account's storage figures cannot be right",
        "other-account": "this {thing} is not among the devices of the watched iCloud account",
        "fix.1": "On the {thing} open {icloud_storage} and delete what you do not need, or choose a larger plan",
        "fix.2": "Backups of devices that are gone, large videos and old messages take the most room",
        "fix.3": "Open {icloud_backup} and tap Back Up Now; otherwise the {thing} may wait for up to a week",
        "fix.4": "It worked when a new time stands under Back Up Now, usually within a few hours",
        "fix-past.1": "On the {thing} open {icloud_backup} and tap Back Up Now",
        "fix-past.2": "Otherwise it tries again by itself, which may take up to a week after it failed",
        "fix-past.3": "It worked when a new time stands under Back Up Now, usually within a few hours",
    },
)


def check(case: Case) -> Finding:
    """Weigh the room against the need; the phone's own error comes first."""
    places = about.places(case)
    fresh = case.freshness.state is State.FRESH
    failed = None if fresh else phone_log.failure(case, QUOTA_EXCEEDED)
    room = quota(case.snapshot.account)
    linked = on_account(case)
    if failed is not None:
        known = room.value if room and linked is not False and about.is_recent(room, case) else None
        return _failed(case, places, failed, known, linked=linked is True or len(case.snapshot.phones) == 1)
    if linked is False:
        return NotChecked(ID, WORDS.say("other-account", **places))
    if room is None:
        newest = case.snapshot.account.newest(kinds.QUOTA)
        odd = newest is not None and newest.value is not None
        return NotChecked(ID, WORDS.say("odd" if odd else "no-account"))
    if not about.is_recent(room, case):
        return NotChecked(ID, WORDS.say("old", moment=values.minute(room.last_at, case.zone)))
    return _weigh(case, places, room.value, linked=linked is True or len(case.snapshot.phones) == 1)


def _failed(
    case: Case, places: dict[str, str], failed: phone_log.Failure, room: Quota | None, *, linked: bool
) -> Finding:
    """The phone's own error, unless room was seen after it: then it is past, yet iOS may still wait."""
    moment = values.minute(failed.last_at, case.zone)
    line = WORDS.count("log", failed.times, moment=moment, code=failed.code, **places)
    if room is None:
        return _blamed(case, places, failed.certainty, (line,), explains=failed.share)
    if _is_over(case) or room.available < room.need or room.read_at <= failed.last_at:
        full = linked and (_is_over(case) or room.is_full)
        if full:
            explains = max(failed.share, _explains(case))
            return _blamed(case, places, Certainty.CERTAIN, (_used(room), line), explains=explains)
        return _blamed(case, places, failed.certainty, (_used(room), line), explains=failed.share)
    if not linked:
        return _blamed(case, places, Certainty.LIKELY, (_used(room), line), explains=failed.share)
    sizes = _sizes(room)
    seen = values.minute(room.read_at, case.zone)
    again = WORDS.say("has-room", free=sizes["free"], total=sizes["total"], moment=seen)
    if case.now - failed.last_at > _RETRIES_WITHIN or not failed.is_latest:
        return RuledOut(ID, (again, line))
    return Blamed(
        ID,
        Certainty.POSSIBLE,
        WORDS.say("summary-past", **places),
        (again, line),
        WORDS.steps("fix-past", **places),
        SOURCE,
        explains=failed.share,
        effort=2,
    )


def _is_over(case: Case) -> bool:
    """Whether the account itself says so."""
    flag = case.snapshot.account.flag(kinds.OVER_QUOTA)
    return flag is not None and flag.value and about.is_recent(flag, case)


def _weigh(case: Case, places: dict[str, str], room: Quota, *, linked: bool) -> Finding:
    over, brim = _is_over(case), room.is_full
    if over or brim or room.available < room.need:
        fresh = case.freshness.state is State.FRESH
        worked = _worked_with(case)
        if worked is not None and worked * _NO_LESS <= room.available and (fresh or not (over or brim)):
            last = values.minute(case.freshness.last_cloud or case.now, case.zone)
            return RuledOut(ID, (_used(room), WORDS.say("worked", moment=last)))
        evidence = [_used(room), *([WORDS.say("over")] if over else ()), *_shrank(case, room)]
        sure = Certainty.CERTAIN if linked and (over or brim) else Certainty.LIKELY
        return _blamed(case, places, sure, tuple(evidence))
    if case.freshness.state is State.FRESH:
        when = case.full_at
        if when is not None and when - case.now <= case.limits.warn_before_full:
            evidence = [_used(room), WORDS.say("forecast", day=values.day(when, case.zone))]
            return _blamed(case, places, Certainty.LIKELY, tuple(evidence), soon=True)
    return RuledOut(ID, (WORDS.say("room", **_sizes(room)),))


def _blamed(
    case: Case,
    places: dict[str, str],
    sure: Certainty,
    evidence: tuple[str, ...],
    *,
    soon: bool = False,
    explains: float | None = None,
) -> Blamed:
    return Blamed(
        ID,
        sure,
        WORDS.say("summary-soon" if soon else "summary"),
        evidence,
        WORDS.steps("fix", **places),
        SOURCE,
        explains=_explains(case) if explains is None else explains,
        effort=10,
        warning=case.freshness.state is State.FRESH,
    )


def _explains(case: Case) -> float:
    """The share of the gap since the storage was last seen with room; of a warning all."""
    if case.freshness.state is State.FRESH:
        return 1.0
    roomy = [
        span.last_at
        for span in case.snapshot.account.spans(kinds.QUOTA)
        if (found := parse(span.value, span.last_at)) is not None and found.available >= found.need
    ]
    return about.share(case, max(roomy)) if roomy else 1.0


def _worked_with(case: Case) -> float | None:
    """The bytes that were free when the last backup was made, or None when nobody looked at about that time."""
    last = case.freshness.last_cloud
    if last is None:
        return None
    near = [span for span in case.snapshot.account.spans(kinds.QUOTA) if span.first_at <= last <= span.last_at + _NEAR]
    found = parse(near[-1].value, near[-1].last_at) if near else None
    return found.available if found else None


def _shrank(case: Case, room: Quota) -> tuple[str, ...]:
    totals = [
        found.total
        for span in case.snapshot.account.spans(kinds.QUOTA)[-50:]
        if (found := parse(span.value, span.last_at)) is not None
    ]
    if not totals or max(totals) <= room.total * 1.01 or room.used < room.total:
        return ()
    return (WORDS.say("shrank", before=values.gigabytes(max(totals), digits=0), total=_sizes(room)["total"]),)


def _sizes(room: Quota) -> dict[str, str]:
    digits = 2 if room.total < 100 * values.GB else 1
    return {
        "used": values.gigabytes(room.used, digits=digits),
        "total": values.gigabytes(room.total, digits=digits),
        "free": values.gigabytes(room.available, digits=digits),
    }


def _used(room: Quota) -> str:
    return WORDS.say("used", need=values.gigabytes(room.need), **_sizes(room))
