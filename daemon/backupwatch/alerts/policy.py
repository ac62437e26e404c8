"""The alert policy: what the person was told, what is true now, settings, now → next memory and what to send.

Pure. It runs at every round over all threads, and running it twice on the same truth changes nothing. A message
is known by an id made from what it says (thread, episode, state, cause) and from when it was first wanted, which is
remembered until it is shown: the same thing to say has the same id however often it is decided, also after a crash.
"""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from enum import StrEnum
from typing import Final, TypeAlias

from backupwatch.alerts.memory import Memory, Pending, Told, not_from_the_future
from backupwatch.alerts.quiet import QuietHours, speak_at
from backupwatch.judge.finding import Blamed, Certainty, State
from backupwatch.judge.verdict import DELETED_AFTER, SAID_FROM, DeviceVerdict, Verdict
from backupwatch.judge.watcher import Problem

DELETION_STEPS: Final = (30, 14, 7, 3, 1, 0)
"""Days left before Apple may delete an iCloud backup (180 days after the last one) at which the person is told."""
FORGET_AFTER: Final = timedelta(days=1)
"""A problem of the watcher's that was gone for less is the same problem when it returns."""
QUOTA_FORGET_AFTER: Final = timedelta(days=7)
"""A forecast wavers; one that was gone for less is not told again."""
BAD: Final = {State.STALE: 1, State.OVERDUE: 2, State.NEVER: 2}

_MemoryOf: TypeAlias = Callable[[str], Memory]


class Mark(StrEnum):
    """Why a message is sent."""

    FIRST = "first"
    WORSE = "worse"
    CAUSE = "cause"
    REMINDER = "reminder"
    RECOVERED = "recovered"
    UNSEEN = "unseen"
    WARNING = "warning"
    DELETION = "deletion"
    FORECAST = "forecast"
    ACCOUNT = "account"
    WATCHER = "watcher"


@dataclass(frozen=True, slots=True)
class AlertSettings:
    """What the policy needs of the configuration; ``zone`` is the person's time zone now."""

    zone: tzinfo
    quiet_hours: QuietHours = None
    remind_after: tuple[timedelta, ...] = (timedelta(1), timedelta(2), timedelta(4), timedelta(7))
    recovery: bool = True
    warn_before_full: timedelta = timedelta(14)


@dataclass(frozen=True, slots=True)
class Want:
    """What one thread wants to say.

    :ivar state: the word that :class:`~backupwatch.alerts.memory.Told` will keep.
    :ivar turn: part of the message's id: the third reminder is not the second again, nor the first alert that of an
        earlier episode. Kept while the message waits.
    :ivar next_reminder: when the person will be reminded if nothing changes, or None.
    """

    thread: str
    mark: Mark
    state: str
    since: datetime | None
    turn: int = 0
    device: DeviceVerdict | None = None
    cause: Blamed | None = None
    problem: Problem | None = None
    told_first: datetime | None = None
    next_reminder: datetime | None = None


@dataclass(frozen=True, slots=True)
class Send:
    """One message to write: the wants that it speaks for (several phones with one cause share one)."""

    id: str
    thread: str
    mark: Mark
    wants: tuple[Want, ...]
    created_at: datetime
    not_before: datetime


@dataclass(frozen=True, slots=True)
class Decision:
    """What follows: threads with their new memory (None: forget), messages, and ids that are no longer true."""

    changed: Mapping[str, Memory | None]
    sends: tuple[Send, ...]
    withdrawn: tuple[str, ...]


def decide(
    memories: Mapping[str, Memory],
    verdict: Verdict,
    problems: Iterable[Problem],
    snoozes: Mapping[str, datetime],
    settings: AlertSettings,
    now: datetime,
) -> Decision:
    """Compare what was told with what is true.

    :param snoozes: UDID to the end of its snooze.
    :param now: aware UTC.
    """
    before = {thread: not_from_the_future(memory, now) for thread, memory in memories.items()}
    after: dict[str, Memory | None] = {}
    wants: list[Want] = []
    alive: set[str] = set()

    def consider(thread: str, outcome: tuple[Memory, Want | None]) -> None:
        memory, want = outcome
        after[thread] = memory
        alive.add(thread)
        if want is not None:
            wants.append(replace(want, turn=_turn(before.get(thread, Memory()), now)))

    def memory_of(thread: str) -> Memory:
        return before.get(thread, Memory())

    for device in verdict.devices:
        if device.state is State.IGNORED:
            continue
        quiet = snoozes.get(device.udid, now) > now
        if quiet:  # its warnings are not forgotten either, or the end of the snooze would make them news
            for thread, memory in before.items():
                if thread.startswith(f"warning:{device.udid}:"):
                    consider(thread, (replace(memory, gone_at=None), None))
        for thread, outcome in _about_phone(device, memory_of, verdict, settings, now, quiet=quiet):
            consider(thread, outcome)
    consider("quota", _quota(memory_of("quota"), verdict, settings, now))
    consider("account", _account(memory_of("account"), verdict))
    for problem in problems:
        thread = f"watcher:{problem.id}"
        consider(thread, _watcher(memory_of(thread), thread, problem, now))
    for thread in before.keys() - alive:
        after[thread] = _fading(before[thread], FORGET_AFTER, now)
    return _settle(memories, after, wants, settings, now)


# -- one phone --------------------------------------------------------------------------------------------------


def _about_phone(
    device: DeviceVerdict,
    memory_of: _MemoryOf,
    verdict: Verdict,
    settings: AlertSettings,
    now: datetime,
    *,
    quiet: bool,
) -> Iterable[tuple[str, tuple[Memory, Want | None]]]:
    udid = device.udid
    phone, unseen, deletion = f"phone:{udid}", f"unseen:{udid}", f"deletion:{udid}"
    if quiet:
        # Snoozed: nothing is said and nothing is forgotten, so that the end of the snooze says what is then true.
        for thread in (phone, unseen, deletion):
            if memory_of(thread) != Memory():
                yield thread, (replace(memory_of(thread)), None)
        return
    yield phone, _backups(memory_of(phone), phone, device, verdict, settings, now)
    yield unseen, _unseen(memory_of(unseen), unseen, device, settings, now)
    yield deletion, _deletion(memory_of(deletion), memory_of(phone), deletion, device, now)
    if device.state is State.FRESH:
        for cause in device.causes:
            # How full the account is belongs to the account, not to each phone on it.
            if cause.warning and cause.certainty is Certainty.CERTAIN and cause.id != "icloud-storage-full":
                thread = f"warning:{udid}:{cause.id}"
                memory = memory_of(thread)
                want = None
                if memory.told is None:
                    want = Want(thread, Mark.WARNING, cause.id, memory.since or now, device=device, cause=cause)
                yield thread, (replace(memory, since=memory.since or now, gone_at=None), want)


def _backups(
    memory: Memory, thread: str, device: DeviceVerdict, verdict: Verdict, settings: AlertSettings, now: datetime
) -> tuple[Memory, Want | None]:
    """The heart: a phone whose backups are missing, and the moment at which they are back."""
    severity = BAD.get(device.state, 0)
    gap_since = device.freshness.gap_since
    if device.state is State.FRESH:
        return _recovery(memory, thread, device, settings)
    if severity == 0:  # unseen or unknown: what was told may still be true, but nothing new is known
        return memory, None
    told_severity = BAD.get(State(memory.told.state), 0) if memory.told else 0
    if not device.is_current and (told_severity >= severity or not device.overdue_again):
        # Read some hours ago: it may have been backed up since. That it became overdue is said all the same if it
        # was so for days, or a phone that is at home in the quiet hours alone would never be heard of.
        return memory, None
    if memory.told is not None and memory.since is not None and gap_since is not None and gap_since > memory.since:
        memory = Memory(pending=memory.pending)  # a backup came and went while nobody looked: another story
    memory = replace(memory, since=memory.since if memory.told else gap_since)
    cause = device.causes[0] if device.causes else None
    mark = _mark(memory, cause, severity, settings, now)
    if mark is None or (mark is Mark.FIRST and _waits_for_apple(device, verdict)):
        return memory, None
    told = memory.told
    reminders = (told.reminders + (mark is Mark.REMINDER)) if told and mark is not Mark.WORSE else 0
    return memory, Want(
        thread,
        mark,
        device.state.value,
        memory.since,
        device=device,
        cause=cause,
        told_first=told.first_at if told else None,
        next_reminder=now + _pause(settings, reminders),
    )


def _mark(
    memory: Memory,
    cause: Blamed | None,
    severity: int,
    settings: AlertSettings,
    now: datetime,
) -> Mark | None:
    told = memory.told
    if told is None:
        return Mark.FIRST
    if severity > BAD.get(State(told.state), 0):
        return Mark.WORSE
    pause = _pause(settings, told.reminders)
    if now - told.at >= pause:
        return Mark.REMINDER
    if (
        cause is not None
        and cause.id != told.cause
        and not cause.last_resort
        and cause.certainty is not Certainty.POSSIBLE
        # A cause that comes and goes is not told each time that it comes.
        and (cause.id not in told.causes or now - told.causes[cause.id] >= pause)
    ):
        return Mark.CAUSE
    return None


def _recovery(
    memory: Memory, thread: str, device: DeviceVerdict, settings: AlertSettings
) -> tuple[Memory, Want | None]:
    if memory.told is None:
        return Memory(), None
    last = device.freshness.last_backup
    came_back = last is not None and (memory.since is None or last > memory.since)
    if not came_back or not settings.recovery:
        return Memory(), None  # fresh because a limit was changed: nothing to celebrate
    want = Want(thread, Mark.RECOVERED, State.FRESH.value, memory.since, device=device)
    return memory, want


def _waits_for_apple(device: DeviceVerdict, verdict: Verdict) -> bool:
    """Nothing that the person does helps while iCloud Backup is down at Apple; it matters when it gets long."""
    main = device.causes[0] if device.causes else None
    return (
        device.state is State.STALE
        and main is not None
        and main.id == "apple-outage"
        and verdict.services.state in {"outage", "issue"}
    )


def _unseen(
    memory: Memory, thread: str, device: DeviceVerdict, settings: AlertSettings, now: datetime
) -> tuple[Memory, Want | None]:
    cause = device.causes[0] if device.state is State.UNKNOWN and device.causes else None
    unreadable = cause is not None and cause.certainty is Certainty.CERTAIN
    if not (unreadable or device.unseen_too_long):
        return (memory, None) if device.state in {State.UNSEEN, State.UNKNOWN} else (Memory(), None)
    seen = device.freshness.seen_at if device.state is State.UNSEEN else memory.since or now
    if device.state is State.UNSEEN and memory.since != seen and not (memory.told and memory.told.state != "unseen"):
        memory = Memory(since=seen, pending=memory.pending)
    memory = replace(memory, since=memory.since or seen)
    told = memory.told
    # A phone in a drawer is no emergency: the pause doubles from the longest one on.
    pause = settings.remind_after[-1] * 2 ** min(told.reminders, 8) if told and settings.remind_after else timedelta.max
    if told is not None and now - told.at < pause:
        return memory, None
    mark = Mark.REMINDER if told else Mark.UNSEEN
    first = told.first_at if told else None
    return memory, Want(thread, mark, device.state.value, memory.since, device=device, cause=cause, told_first=first)


def _deletion(
    memory: Memory, phone: Memory, thread: str, device: DeviceVerdict, now: datetime
) -> tuple[Memory, Want | None]:
    days = device.deletion_in_days
    if days is None:
        return Memory(), None
    memory = replace(memory, since=device.freshness.last_cloud)
    step = min((step for step in DELETION_STEPS if days <= step), default=None)
    if step is None or phone.told is None:
        return memory, None
    gap = max(SAID_FROM, DELETED_AFTER - timedelta(days=step + 1))
    reached = now if memory.since is None else memory.since + gap
    if reached <= phone.told.at and now - phone.told.at <= timedelta(days=1):  # the phone's own alert named the days
        return replace(memory, told=Told(str(step), None, phone.told.at, phone.told.first_at)), None
    if memory.told is not None and step >= int(memory.told.state):
        return memory, None
    return memory, Want(thread, Mark.DELETION, str(step), memory.since, device=device)


# -- the account and the watcher --------------------------------------------------------------------------------


def _quota(memory: Memory, verdict: Verdict, settings: AlertSettings, now: datetime) -> tuple[Memory, Want | None]:
    full_at = verdict.account.forecast_full_at
    if full_at is None or full_at - now > settings.warn_before_full:
        return _fading(memory, QUOTA_FORGET_AFTER, now) or Memory(), None
    memory = replace(memory, since=memory.since or now, gone_at=None)
    if memory.told is not None:
        return memory, None
    return memory, Want("quota", Mark.FORECAST, "filling", memory.since)


def _account(memory: Memory, verdict: Verdict) -> tuple[Memory, Want | None]:
    state = verdict.account.state
    if state in {"ok", "not-configured"}:
        return Memory(), None
    if state == "unreachable" or (memory.told is not None and memory.told.state == state):
        return memory, None
    memory = replace(memory, since=memory.since or verdict.account.checked_at)
    return memory, Want("account", Mark.ACCOUNT, state, memory.since)


def _watcher(memory: Memory, thread: str, problem: Problem, now: datetime) -> tuple[Memory, Want | None]:
    memory = replace(memory, since=memory.since or problem.since, gone_at=None)
    if memory.told is not None or now - problem.since < problem.tell_after:
        return memory, None
    return memory, Want(thread, Mark.WATCHER, problem.id, memory.since, problem=problem)


# -- putting it together ----------------------------------------------------------------------------------------


def _settle(
    stored: Mapping[str, Memory],
    after: dict[str, Memory | None],
    wants: list[Want],
    settings: AlertSettings,
    now: datetime,
) -> Decision:
    """Bundle the wants into messages, and withdraw whatever waits that nobody wants any more."""
    sends: list[Send] = []
    kept: set[str] = set()
    for group in _bundles(wants):
        ident = _group_id(group)
        waiting = [after_memory.pending for want in group if (after_memory := after[want.thread]) is not None]
        created = min((pending.created_at for pending in waiting if pending and pending.id == ident), default=now)
        thread = group[0].thread if len(group) == 1 else f"group:{ident}"
        sends.append(
            Send(ident, thread, group[0].mark, group, created, speak_at(now, settings.quiet_hours, settings.zone))
        )
        kept.add(ident)
        for want in group:
            cause = want.cause.id if want.cause else None
            pending = Pending(ident, want.mark.value, want.state, cause, created, want.turn)
            after[want.thread] = replace(after[want.thread] or Memory(), pending=pending)
    wanting = {want.thread for want in wants}
    withdrawn: set[str] = set()
    for thread, memory in after.items():
        if memory is not None and memory.pending is not None and thread not in wanting:
            after[thread] = replace(memory, pending=None)
    for memory in stored.values():
        if memory.pending is not None and memory.pending.id not in kept:
            withdrawn.add(memory.pending.id)
    changed = {
        thread: None if memory == Memory() else memory
        for thread, memory in after.items()
        if (memory or Memory()) != stored.get(thread, Memory())
    }
    return Decision(changed, tuple(sends), tuple(sorted(withdrawn)))


def _bundles(wants: list[Want]) -> list[tuple[Want, ...]]:
    """Several phones with one common cause, or several that recovered or vanished together, share a message."""
    groups: dict[tuple[str, ...], list[Want]] = defaultdict(list)
    for want in wants:
        shared = want.mark in {Mark.RECOVERED, Mark.UNSEEN} or (
            want.cause is not None and want.mark in {Mark.FIRST, Mark.WORSE, Mark.CAUSE, Mark.REMINDER, Mark.WARNING}
        )
        cause = want.cause.id if want.cause else ""
        groups[(want.mark, cause) if shared else (want.mark, cause, want.thread)].append(want)
    return [tuple(sorted(group, key=lambda want: want.thread)) for group in groups.values()]


def _group_id(group: tuple[Want, ...]) -> str:
    said = "\n".join(
        f"{want.thread} {want.mark} {want.state} {want.cause and want.cause.id} {want.since} {want.turn}"
        for want in group
    )
    return hashlib.sha256(said.encode()).hexdigest()[:20]


def _turn(memory: Memory, now: datetime) -> int:
    """What was told is the past: another message is known by when it was first wanted, in seconds since 1970."""
    return memory.pending.turn if memory.pending else int(now.timestamp())


def _pause(settings: AlertSettings, reminders: int) -> timedelta:
    """How long to stay silent after having told and reminded ``reminders`` times."""
    pauses = settings.remind_after
    return pauses[min(reminders, len(pauses) - 1)] if pauses else timedelta.max


def _fading(memory: Memory, patience: timedelta, now: datetime) -> Memory | None:
    """A reason that is gone: remembered for ``patience``, in case it only blinked."""
    if memory.told is None:
        return None
    gone_at = memory.gone_at or now
    return None if now - gone_at >= patience else replace(memory, gone_at=gone_at, pending=None)
