"""The verdict: what is true of every phone, the account and Apple at one moment. Pure: facts in, verdict out."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Set
from dataclasses import dataclass, replace
from datetime import datetime, timedelta, tzinfo
from typing import Final, Literal

from backupwatch import text
from backupwatch.facts import kinds
from backupwatch.facts.observation import BlindReason
from backupwatch.facts.snapshot import Snapshot, View
from backupwatch.judge.apple_events import BACKUP, Event, events
from backupwatch.judge.diagnosis import diagnose
from backupwatch.judge.finding import Blamed, Case, Freshness, NotChecked, RuledOut, State
from backupwatch.judge.forecast import full_at
from backupwatch.judge.freshness import freshness, is_current, missing_kind, overdue_again, unseen_too_long
from backupwatch.judge.limits import Limits
from backupwatch.judge.storage import Quota, quota
from backupwatch.wording import values, words

WORDS = words(
    "verdict",
    {
        "deletion.one": "Apple may delete this iCloud backup in {number} day, 180 days after it was last renewed",
        "deletion.other": "Apple may delete this iCloud backup in {number} days, 180 days after it was last renewed",
        "deleted": "Apple may have deleted this iCloud backup: it was last renewed on {day}, over 180 days ago",
        "deletion-unseen.one": (
            "If it was not renewed since the phone was last read, Apple may delete this iCloud backup in {number} day"
        ),
        "deletion-unseen.other": (
            "If it was not renewed since the phone was last read, Apple may delete this iCloud backup in {number} days"
        ),
        "hint": "Something on this iCloud account was backed up on {day}; whether it was this one is not known",
        "account-old": "The account was last read on {moment}",
        "services-old": "Apple's status page was last read on {moment}",
    },
)

DELETED_AFTER: Final = timedelta(days=180)
"""Apple deletes an iCloud backup this long after backups stop (iCloud User Guide, mm085db3a8d6)."""
SAID_FROM: Final = timedelta(days=150)
STATUS_LASTS: Final = timedelta(hours=24)
"""A status page read longer ago says nothing about now."""

WORST: Final = (
    State.NEVER, State.OVERDUE, State.STALE, State.UNKNOWN, State.UNSEEN, State.FRESH, State.IGNORED,
)  # fmt: skip
"""Worst first; overdue and never are equally bad for the document's state."""

_ACCOUNT_STATES: Final = frozenset({"ok", "sign-in-needed", "locked", "terms", "web-access-off", "unreachable"})
_UNREACHABLE: Final = frozenset(BlindReason) - {BlindReason.NOT_CONFIGURED, BlindReason.SIGN_IN}


@dataclass(frozen=True, slots=True)
class DeviceVerdict:
    """What is true of one phone.

    :ivar name: what the person calls it, else its own name, safe for a sentence.
    :ivar model: product type (``iPhone17,1``), or an empty text. :ivar os_version: likewise.
    :ivar age_seconds: of the newest backup that counts, whole seconds, None without one.
    :ivar connection: ``usb`` or ``wifi``: how it was last reached, or None.
    :ivar unseen_too_long: True when it was unseen or unreadable beyond its limit; a weekend away is no news.
    :ivar is_current: False when the state is that of an earlier reading, and may have changed unseen since.
    :ivar overdue_again: True when it was overdue on the day before its last reading too.
    :ivar deletion_in_days: days until Apple deletes the iCloud backup, from 30 on, never negative; else None.
    :ivar warnings: sentences beside the causes.
    :ivar missing: which kind of backup its state is about, ``icloud`` or ``local``; empty where any counts, or both
        are missing. iCloud's causes explain nothing of a missing local one.
    :ivar others_backed_up_at: when something on the account was last backed up, for a phone of which more is not known.
    """

    udid: str
    name: str
    model: str
    os_version: str
    state: State
    freshness: Freshness
    age_seconds: int | None
    connection: str | None
    seen_at: datetime | None
    unseen_too_long: bool
    causes: tuple[Blamed, ...] = ()
    ruled_out: tuple[RuledOut, ...] = ()
    not_checked: tuple[NotChecked, ...] = ()
    deletion_in_days: int | None = None
    warnings: tuple[str, ...] = ()
    is_current: bool = True
    overdue_again: bool = False
    missing: Literal["", "icloud", "local"] = ""
    others_backed_up_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class AccountVerdict:
    """What is true of the account; ``state`` in the contract's words, ``apple_id`` masked."""

    state: str
    apple_id: str | None
    checked_at: datetime | None
    quota: Quota | None
    forecast_full_at: datetime | None
    evidence: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class ServicesVerdict:
    """What Apple says of its services: ok, issue, outage or unknown; events that go on now."""

    state: str
    checked_at: datetime | None
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """The whole.

    :ivar devices: worst first, then by name.
    :ivar problems: sentences about the watcher itself: why it is blind.
    :ivar faults: mistakes of checks, for the log.
    """

    generated_at: datetime
    state: State
    devices: tuple[DeviceVerdict, ...]
    account: AccountVerdict
    services: ServicesVerdict
    problems: tuple[str, ...] = ()
    faults: tuple[str, ...] = ()


def judge(
    snapshot: Snapshot,
    limits_of: Callable[[str], Limits],
    ignored: Set[str],
    names: Mapping[str, str],
    now: datetime,
    zone: tzinfo,
) -> Verdict:
    """Judge everything at ``now`` (aware UTC).

    :param limits_of: a phone's limits, by UDID.
    :param ignored: UDIDs that are not watched.
    :param names: what the person calls a phone, by UDID.
    """
    account = _account(snapshot.account, now, zone)

    def case_of(udid: str, view: View) -> Case:
        limits, own_name = limits_of(udid), view.text(kinds.NAME)
        name = text.name(names.get(udid) or (own_name.value if own_name else ""))
        found = freshness(view, limits, now, zone)
        return Case(snapshot, view, found, limits, now, zone, name, account.forecast_full_at)

    judged = [
        _ignored(udid, case_of(udid, view)) if udid in ignored else _device(udid, case_of(udid, view))
        for udid, view in snapshot.phones.items()
        if not _is_stranger(view, limits_of(udid), now)
    ]
    devices = [device for device, _ in judged]
    devices.sort(key=lambda device: (WORST.index(device.state), device.name.casefold(), device.udid))
    watched = [device.state for device in devices if device.state is not State.IGNORED]
    return Verdict(
        generated_at=now,
        state=min(watched, key=WORST.index) if watched else State.UNKNOWN,
        devices=tuple(devices),
        account=account,
        services=_services(snapshot.status, now),
        problems=tuple(text.plain(blind.sentence, 400) for blind in snapshot.host.blinds),
        faults=tuple(dict.fromkeys(fault for _, faults in judged for fault in faults)),
    )


def _bare(udid: str, case: Case) -> DeviceVerdict:
    """What is true of a phone without asking why."""
    found, now = case.freshness, case.now
    model, version, connection = (case.phone.text(kind) for kind in (kinds.MODEL, kinds.OS_VERSION, kinds.CONNECTION))
    return DeviceVerdict(
        udid=udid,
        name=case.owner,
        model=text.plain(model.value) if model else "",
        os_version=text.plain(version.value) if version else "",
        state=found.state,
        freshness=found,
        age_seconds=max(0, int((now - found.last_backup).total_seconds())) if found.last_backup else None,
        connection=connection.value if connection and connection.value in {"usb", "wifi"} else None,
        seen_at=found.seen_at,
        unseen_too_long=unseen_too_long(found, case.limits, now),
        missing=missing_kind(found, case.limits),
        others_backed_up_at=_others(case),
        is_current=is_current(found, now),
        overdue_again=overdue_again(case.phone, found, case.limits),
    )


def _ignored(udid: str, case: Case) -> tuple[DeviceVerdict, tuple[str, ...]]:
    return replace(_bare(udid, case), state=State.IGNORED, unseen_too_long=False), ()


def _device(udid: str, case: Case) -> tuple[DeviceVerdict, tuple[str, ...]]:
    """The phone's verdict, and the faults of checks."""
    found, bare = diagnose(case), _bare(udid, case)
    left, warnings = _deletion(case.freshness, case.now, case.zone)
    if bare.others_backed_up_at is not None:
        warnings = (*warnings, WORDS.say("hint", day=values.day(bare.others_backed_up_at, case.zone)))
    if case.freshness.state is State.UNKNOWN and (blind := case.phone.blind("iphone")) is not None:
        warnings = (*warnings, text.plain(blind.sentence, 300))  # why nothing is known
    device = replace(
        bare,
        causes=found.causes,
        ruled_out=found.ruled_out,
        not_checked=found.not_checked,
        deletion_in_days=left,
        warnings=warnings,
    )
    return device, found.faults


def _deletion(found: Freshness, now: datetime, zone: tzinfo) -> tuple[int | None, tuple[str, ...]]:
    """Days left before Apple deletes the iCloud backup, once it has not been renewed for 150 days."""
    if found.last_cloud is None or found.state is State.FRESH or now - found.last_cloud < SAID_FROM:
        return None, ()
    left = (found.last_cloud + DELETED_AFTER - now).days
    if left < 0:
        return 0, (WORDS.say("deleted", day=values.day(found.last_cloud, zone)),)
    key = "deletion" if found.state in {State.STALE, State.OVERDUE, State.NEVER} else "deletion-unseen"
    return left, (WORDS.count(key, left),)


def _others(case: Case) -> datetime | None:
    """The account's one hint at backups: the day on which their share of its storage changed."""
    found = case.freshness
    changed = case.snapshot.account.moment(kinds.BACKUP_SHARE_CHANGED)
    if changed is None or found.state not in {State.UNSEEN, State.UNKNOWN} or case.limits.counts == "local":
        return None
    since = found.read_at or found.seen_at
    return changed.value if (since is None or changed.value > since) and changed.value <= case.now else None


def _is_stranger(view: View, limits: Limits, now: datetime) -> bool:
    """A phone that was never paired here and is long gone: a guest's, charged once."""
    trust = view.spans(kinds.TRUST)
    seen = [span.last_at for span in view.spans(kinds.CONNECTION)] + [span.last_at for span in view.spans(kinds.TRUST)]
    read = view.spans(kinds.LAST_CLOUD_BACKUP) or view.spans(kinds.CLOUD_BACKUP_ENABLED)
    only_ever = bool(trust) and all(span.value == "never" for span in trust)
    return only_ever and not read and now - max(seen) > limits.unseen_after


def _account(view: View, now: datetime, zone: tzinfo) -> AccountVerdict:
    state, apple_id, room = view.text(kinds.ACCOUNT_STATE), view.text(kinds.APPLE_ID_MASKED), quota(view)
    looks = [spans[-1].last_at for spans in view.tracks.values() if spans]
    word = state.value if state and state.value in _ACCOUNT_STATES else "not-configured"
    blind = max(view.blinds, key=lambda blind: blind.observed_at, default=None)
    if blind is not None and (state is None or blind.observed_at > state.last_at):
        if blind.reason is BlindReason.SIGN_IN:
            word = "sign-in-needed"
        elif blind.reason in _UNREACHABLE:
            word = "unreachable" if word in {"ok", "not-configured"} else word
    old = room is not None and now - room.last_at > STATUS_LASTS
    return AccountVerdict(
        state=word,
        apple_id=text.plain(apple_id.value) if apple_id else None,
        checked_at=min(max(looks), now) if looks else None,
        quota=room.value if room else None,
        forecast_full_at=full_at(view, now),
        evidence=(WORDS.say("account-old", moment=values.minute(room.last_at, zone)),) if room and old else (),
    )


def _services(view: View, now: datetime) -> ServicesVerdict:
    page, listed = view.newest(kinds.SERVICE_EVENTS), view.newest(kinds.SERVICES_LISTED)
    if page is None:
        return ServicesVerdict("unknown", None)
    current = tuple(event for event in events(view, now) if event.ends is None)
    checked = min(page.last_at, now)
    if now - checked > STATUS_LASTS:
        return ServicesVerdict("unknown", checked, current)
    if current:
        return ServicesVerdict(
            "outage" if any(event.kind == "outage" for event in current) else "issue", checked, current
        )
    names = listed.value if listed is not None and isinstance(listed.value, list | tuple) else ()
    known = BACKUP in {str(name).casefold() for name in names}
    return ServicesVerdict("ok" if known else "unknown", checked, current)
