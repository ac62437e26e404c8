"""How old a phone's backups are: facts, limits and a clock in, a state with its evidence out.

The rule that everything else follows from: **a phone is stale only if it was read at a moment at which its newest
backup was already too old.** A phone that nobody has seen since its last backup may have made one elsewhere; it is
``unseen``, never ``stale``. Success is a positive fact with a time; anything else is unknown.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from typing import Final, Literal

from backupwatch.facts import kinds
from backupwatch.facts.snapshot import Span, View, as_moment
from backupwatch.judge.finding import Freshness, State
from backupwatch.judge.limits import Limits
from backupwatch.wording import values, words

WORDS = words(
    "freshness",
    {
        "last": "The last backup was made on {moment}, {age} ago",
        "proven": "When the phone was last read, on {moment}, its newest backup was {age} old",
        "unseen": "The phone was last read on {moment}, {age} ago",
        "unseen-since": "Whether it has been backed up since then cannot be known",
        "unread": "The phone was seen on {moment}, but could not be read",
        "never-read": "This phone has never been read",
        "never": "The phone has no date of a backup; it is known here since {moment}",
        "grace": "The phone has no backup yet; it is known here only since {moment}",
        "vanished": "The phone's date of its last iCloud backup was gone on {moment}; the last date seen was {last}",
        "last-known": "The last backup that is known was made on {moment}, {age} ago",
        "odd-date": "The phone gives a date of its last backup that cannot be right",
        "local-odd-date": "The phone gives a date of its last computer backup that cannot be right",
        "one-missing": "Both kinds of backup are wanted, and there is no date of one of them",
    },
)

FUTURE_TOLERANCE: Final = timedelta(minutes=10)
"""A phone's clock and ours never agree to the second; beyond this one of them is wrong."""

ONE_LOOK: Final = timedelta(hours=2)
"""A phone that was met this much later than it was last read can be reached, but not read."""

CURRENT: Final = timedelta(hours=1)
"""Two polls at the default interval; every round that meets the phone reads it anew."""

VISITS_APART: Final = (timedelta(hours=12), timedelta(days=3))
"""Two readings of one evening are one visit; those before a journey say nothing about the days after it."""

PAIRING_LAPSES: Final = timedelta(days=30)
"""A phone forgets a computer that it has not accepted for 2 592 000 s (lockdownd, iOS 26.1; Apple says 30 days)."""

EARLIEST: Final = datetime(2007, 6, 29, tzinfo=UTC)
"""The first iPhone went on sale; no backup is older."""

_SIGHTINGS: Final = (
    kinds.CONNECTION, kinds.TRUST, kinds.LAST_CLOUD_BACKUP, kinds.LAST_LOCAL_BACKUP, kinds.BACKUP_DATE_PROBLEM,
    kinds.CLOUD_BACKUP_ENABLED, kinds.ON_POWER, kinds.NAME,
)  # fmt: skip
_DATES: Final = (
    kinds.LAST_CLOUD_BACKUP, kinds.LAST_LOCAL_BACKUP, kinds.BACKUP_DATE_PROBLEM, kinds.LOCAL_DATE_PROBLEM,
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class _Dated:
    """One kind of backup: its newest sane date, when that vanished, and whether the phone's present word is odd."""

    at: datetime | None
    vanished_at: datetime | None = None
    odd: bool = False


def freshness(phone: View, limits: Limits, now: datetime, zone: tzinfo) -> Freshness:
    """Judge one phone at ``now`` (aware UTC); moments are worded in ``zone``."""
    cloud = _dated(phone, kinds.LAST_CLOUD_BACKUP, kinds.BACKUP_DATE_PROBLEM, now)
    local = _local(phone, now)
    read_at = _latest(phone, _DATES, now)
    seen_at = _latest(phone, _SIGHTINGS, now)
    since = _first(phone, _DATES)
    last, odd = _counting(cloud, local, limits)
    evidence = _date_evidence(cloud, local, limits, now, zone)

    def answer(state: State, *more: str, gap: datetime | None = last) -> Freshness:
        return Freshness(
            state=state,
            last_backup=last,
            last_cloud=cloud.at,
            last_local=local.at,
            vanished_at=cloud.vanished_at,
            gap_since=gap,
            seen_at=seen_at,
            evidence=(*more, *evidence),
            read_at=read_at,
        )

    if seen_at is None or read_at is None or since is None:
        return answer(*_unread(seen_at, limits, now, zone))
    if now - read_at > limits.unseen_after:
        if now - seen_at <= limits.unseen_after:
            return answer(State.UNKNOWN, WORDS.say("unread", moment=values.minute(seen_at, zone)))
        return answer(State.UNSEEN, *_unseen(read_at, now, zone))
    if last is not None and now - last <= limits.stale_after:
        return answer(State.FRESH, _last(last, cloud, now, zone))
    if odd:
        return answer(State.UNKNOWN)
    if last is None:
        return answer(*_never(phone, cloud, local, limits, since, read_at, zone), gap=since)
    said = _last(last, cloud, now, zone)
    proven = read_at - last
    if proven <= limits.stale_after:
        if seen_at - read_at > ONE_LOOK:
            return answer(State.UNKNOWN, said, WORDS.say("unread", moment=values.minute(seen_at, zone)))
        return answer(State.UNSEEN, said, *_unseen(read_at, now, zone))
    state = State.OVERDUE if proven > limits.overdue_after else State.STALE
    return answer(state, said, WORDS.say("proven", moment=values.minute(read_at, zone), age=values.age(proven)))


def unseen_too_long(found: Freshness, limits: Limits, now: datetime) -> bool:
    """Whether the phone has been out of sight, or in sight but unreadable, for longer than the limit.

    ``unseen`` alone may be a weekend away, and ``unknown`` a phone that waits for its passcode in the morning.
    """
    if found.state is State.UNKNOWN:
        return found.read_at is not None and now - found.read_at > limits.unseen_after
    return found.state is State.UNSEEN and (found.seen_at is None or now - found.seen_at > limits.unseen_after)


def is_current(found: Freshness, now: datetime) -> bool:
    """Whether the phone was read so lately that what was read is still so: a backup takes no time to be made."""
    return found.read_at is not None and now - found.read_at <= CURRENT


def overdue_again(phone: View, found: Freshness, limits: Limits) -> bool:
    """Whether the phone was overdue already when it was met on a day before its last reading.

    One late reading alone may be that of a phone which came home and was backed up an hour later.
    """
    if found.state not in {State.OVERDUE, State.NEVER} or found.gap_since is None or found.read_at is None:
        return False
    latest, earliest = (found.read_at - apart for apart in VISITS_APART)
    earliest = max(earliest, found.gap_since + limits.overdue_after)
    return any(max(visit.first_at, earliest) <= min(visit.last_at, latest) for visit in phone.spans(kinds.CONNECTION))


def missing_kind(found: Freshness, limits: Limits) -> Literal["", "icloud", "local"]:
    """Which kind of backup is missing, where it is one kind that the limits ask for."""
    cloud, local = found.last_cloud, found.last_local
    if limits.counts == "local":
        return "local"
    if limits.counts == "icloud":
        return "icloud" if local is not None else ""
    if limits.counts == "any" or (cloud is None and local is None):
        return ""
    return "icloud" if cloud is None or (local is not None and cloud < local) else "local"


def is_sane(moment: datetime, seen_at: datetime) -> bool:
    """Whether a date read at ``seen_at`` can be that of a finished backup."""
    return EARLIEST <= moment <= seen_at + FUTURE_TOLERANCE


def _dated(phone: View, kind: str, problem: str, now: datetime) -> _Dated:
    spans = phone.spans(kind)
    trouble = phone.newest(problem)
    newest = phone.newest(kind)
    odd = bool(trouble and trouble.value is not None and (newest is None or trouble.last_at >= newest.last_at)) or bool(
        newest and newest.value is not None and _sane(newest, now) is None
    )
    present = _sane(newest, now) if newest and not odd else None
    if present is not None:
        return _Dated(present)
    ever = [(span, moment) for span in spans if (moment := _sane(span, now)) is not None]
    if not ever:
        return _Dated(None, odd=odd)
    last_span, last = max(ever, key=lambda pair: pair[0].last_at)
    gone = [span.first_at for span in spans if span.value is None and span.first_at >= last_span.last_at]
    return _Dated(last, min(gone) if gone and not odd else None, odd)


def _sane(span: Span, now: datetime) -> datetime | None:
    moment = as_moment(span.value)
    return moment if moment is not None and is_sane(moment, min(span.first_at, now)) else None


def _local(phone: View, now: datetime) -> _Dated:
    """The newest computer backup, by the phone's own record or by a complete folder on this computer."""
    own = _dated(phone, kinds.LAST_LOCAL_BACKUP, kinds.LOCAL_DATE_PROBLEM, now)
    dates = [own.at] if own.at else []
    for span in phone.spans(kinds.LOCAL_BACKUP_FOLDER):
        if hasattr(span.value, "get") and span.value.get("complete") is True:  # type: ignore[union-attr]
            finished = as_moment(span.value.get("finished_at"))  # type: ignore[union-attr]
            if finished is not None and is_sane(finished, min(span.last_at, now)):
                dates.append(finished)
    return _Dated(max(dates) if dates else None, None, own.odd)


def _counting(cloud: _Dated, local: _Dated, limits: Limits) -> tuple[datetime | None, bool]:
    """The date that counts under the limits, and whether it cannot be trusted."""
    if limits.counts == "icloud":
        return cloud.at, cloud.odd
    if limits.counts == "local":
        return local.at, local.odd and local.at is None
    dates = [dated.at for dated in (cloud, local) if dated.at is not None]
    if limits.counts == "both":
        return (min(dates) if len(dates) == 2 else None), cloud.odd or (local.odd and local.at is None)
    return (max(dates) if dates else None), cloud.odd


def _date_evidence(cloud: _Dated, local: _Dated, limits: Limits, now: datetime, zone: tzinfo) -> tuple[str, ...]:
    said: list[str] = []
    if cloud.odd:
        said.append(WORDS.say("odd-date"))
    if local.odd and limits.counts != "icloud":
        said.append(WORDS.say("local-odd-date"))
    if cloud.vanished_at is not None and cloud.at is not None and cloud.vanished_at <= now:
        gone, last = values.minute(cloud.vanished_at, zone), values.minute(cloud.at, zone)
        said.append(WORDS.say("vanished", moment=gone, last=last))
    return tuple(said)


def _last(last: datetime, cloud: _Dated, now: datetime, zone: tzinfo) -> str:
    key = "last" if cloud.vanished_at is None else "last-known"
    return WORDS.say(key, moment=values.minute(last, zone), age=values.age(now - last))


def _unread(seen_at: datetime | None, limits: Limits, now: datetime, zone: tzinfo) -> tuple[State, str]:
    if seen_at is None:
        return State.UNKNOWN, WORDS.say("never-read")
    if now - seen_at > limits.unseen_after:
        return State.UNSEEN, WORDS.say("unseen", moment=values.minute(seen_at, zone), age=values.age(now - seen_at))
    return State.UNKNOWN, WORDS.say("unread", moment=values.minute(seen_at, zone))


def _unseen(read_at: datetime, now: datetime, zone: tzinfo) -> tuple[str, str]:
    moment, age = values.minute(read_at, zone), values.age(now - read_at)
    return WORDS.say("unseen", moment=moment, age=age), WORDS.say("unseen-since")


def _never(
    phone: View, cloud: _Dated, local: _Dated, limits: Limits, since: datetime, read_at: datetime, zone: tzinfo
) -> tuple[State, str]:
    """No counting date. A new phone gets as long for its first backup as any other, unless backups are off."""
    if limits.counts == "both" and (cloud.at or local.at) and read_at - since > limits.stale_after:
        return State.NEVER, WORDS.say("one-missing")
    enabled = phone.flag(kinds.CLOUD_BACKUP_ENABLED)
    off = enabled is not None and not enabled.value and limits.counts in {"any", "icloud"}
    if off or read_at - since > limits.stale_after:
        return State.NEVER, WORDS.say("never", moment=values.minute(since, zone))
    return State.UNKNOWN, WORDS.say("grace", moment=values.minute(since, zone))


def _latest(phone: View, wanted: tuple[str, ...], now: datetime) -> datetime | None:
    """The last moment of looking, never after ``now``."""
    moments = [span.last_at for kind in wanted for span in phone.spans(kind)]
    return min(max(moments), now) if moments else None


def _first(phone: View, wanted: tuple[str, ...]) -> datetime | None:
    moments = [span.first_at for kind in wanted for span in phone.spans(kind)]
    return min(moments) if moments else None
