"""The sentences of the views: the same words in a terminal, for a screen reader and on the page. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta, tzinfo
from typing import Final

from backupwatch.clock import age_words
from backupwatch.judge.finding import State
from backupwatch.judge.storage import Quota
from backupwatch.judge.verdict import AccountVerdict, DeviceVerdict, ServicesVerdict, Verdict
from backupwatch.text import name, plain, short_udid
from backupwatch.wording import values

STATE_WORDS: Final = {
    State.FRESH: "fresh",
    State.STALE: "STALE",
    State.OVERDUE: "OVERDUE",
    State.NEVER: "NEVER",
    State.UNSEEN: "not seen",
    State.UNKNOWN: "unknown",
    State.IGNORED: "ignored",
}
"""The word says it all; a colour only repeats it."""

NOT_BACKED_UP: Final = frozenset({State.STALE, State.OVERDUE, State.NEVER})
NOT_JUDGED: Final = frozenset({State.UNSEEN, State.UNKNOWN})
NO_PHONE: Final = "No iPhone is known yet. Connect one with a cable, unlock it and run: backupwatch pair"

ACCOUNT_WORDS: Final = {
    "sign-in-needed": "cannot be read until you sign in again. Run: backupwatch login",
    "locked": "is locked. Unlock it at https://iforgot.apple.com, then run: backupwatch login",
    "terms": "wants new terms accepted, on your iPhone or at https://www.icloud.com",
    "web-access-off": "does not allow its storage to be read on the web, so it cannot be watched",
    "unreachable": "could not be reached when it was last tried",
}
START_WORDS: Final = {
    "absent": "Start it with: backupwatch service install",
    "stopped": "Start it with: backupwatch service start",
    "running": "What its login service says: backupwatch service logs",
    "impossible": "There is no login service on this computer; keep this running: backupwatch run",
}
FUTURE: Final = timedelta(minutes=10)
"""Clocks never agree to the second; beyond this a moment is in the future."""


@dataclass(frozen=True, slots=True)
class Watching:
    """The watcher itself; moments are aware UTC, None where nobody noted them.

    :ivar runs: whether the daemon runs, None when that was not asked.
    :ivar since: when it was started. :ivar last: when it last looked. :ivar next: when it looks next.
    :ivar service: how the login service stands, where it does not run; a key of :data:`START_WORDS`.
    """

    runs: bool | None = None
    since: datetime | None = None
    last: datetime | None = None
    next: datetime | None = None
    service: str = "stopped"


def called(device: DeviceVerdict, limit: int = 60) -> str:
    """A phone's name for a table or a heading; the end of its UDID where there is none."""
    if device.name in {"", name("")}:
        return f"phone {short_udid(device.udid)}"
    return plain(device.name, limit)


def headline(verdict: Verdict) -> str:
    """The answer in one breath: is everything backed up, and if not, what is not."""
    watched = [device for device in verdict.devices if device.state is not State.IGNORED]
    if not watched:
        return "Every known phone is set to be ignored." if verdict.devices else NO_PHONE
    bad = [device for device in watched if device.state in NOT_BACKED_UP]
    dark = [device for device in watched if device.state in NOT_JUDGED]
    if not bad and not dark:
        if len(watched) == 1:
            return f"{called(watched[0])} is backed up."
        return f"All {len(watched)} phones are backed up."
    parts = []
    if bad:
        verb = "has" if len(bad) == 1 else "have"
        if len(watched) == 1:
            parts.append(f"{called(bad[0])} has no recent backup.")
        else:
            parts.append(f"{len(bad)} of {len(watched)} phones {verb} no recent backup: {_listed(bad)}.")
    if dark:
        parts.append(f"Cannot be judged now: {_listed(dark)}.")
    return " ".join(parts)


def _listed(devices: Sequence[DeviceVerdict]) -> str:
    names = [called(device, 30) for device in devices]
    return ", ".join(names) if len(names) <= 5 else f"{', '.join(names[:4])} and {len(names) - 4} more"


def ago(at: datetime | None, now: datetime, zone: tzinfo, *, nothing: str = "none known") -> str:
    """``2 days ago, Fri 02:11``; the date in place of the weekday beyond six days, the year beyond ten months."""
    if at is None:
        return nothing
    local = at.astimezone(zone)
    if at > now + FUTURE:
        return f"in the future, {local:%Y-%m-%d}"
    clock = f"{local.hour:02}:{local.minute:02}"
    _, number, month = values.day(at, zone).split()
    if now - at < timedelta(days=6):
        when = f"{values.day(at, zone)[:3]} {clock}"
    elif now - at < timedelta(days=300):
        when = f"{number} {month} {clock}"
    else:
        when = f"{number} {month} {local.year}"
    return f"{age_words(now - at)} ago, {when}"


def at_clock(at: datetime, now: datetime, zone: tzinfo) -> str:
    """``14:30`` for today, ``Mon 23 Nov, 14:30`` for another day."""
    local = at.astimezone(zone)
    today = local.date() == now.astimezone(zone).date()
    return f"{local.hour:02}:{local.minute:02}" if today else values.minute(at, zone)


def account_sentence(account: AccountVerdict, now: datetime, zone: tzinfo) -> str:
    """What is to be said of the account, beside its numbers; empty when it is not watched."""
    if account.state == "not-configured":
        return ""
    owner = f"iCloud account {plain(account.apple_id)}" if account.apple_id else "The iCloud account"
    if account.state in ACCOUNT_WORDS:
        return f"{owner} {ACCOUNT_WORDS[account.state]}"
    if account.checked_at is None:
        return f"{owner} has not been read yet"
    return f"{owner}: read {ago(account.checked_at, now, zone)}"


def storage_words(account: AccountVerdict, now: datetime, zone: tzinfo) -> str:
    """``4.6 of 5.0 GB used, full around Sat 12 Dec``; empty without a quota."""
    quota = account.quota
    if quota is None:
        return ""
    words = f"{values.gigabytes(quota.used)} of {values.gigabytes(quota.total)} GB used"
    full = account.forecast_full_at
    if reads_full(quota):
        return f"{words}, full"
    if full is not None and full > now:
        day = values.day(full, zone)
        year = full.astimezone(zone).year
        words += f", full around {day}" if year == now.astimezone(zone).year else f", full around {day} {year}"
    return words


def reads_full(quota: Quota) -> bool:
    """Whether no room is left that is worth a number."""
    return values.gigabytes(quota.available) == values.gigabytes(0)


def services_sentence(services: ServicesVerdict, zone: tzinfo) -> str:
    """What Apple says of its own services, only when something is wrong."""
    if services.state not in {"issue", "outage"} or not services.events:
        return ""
    event = services.events[0]
    more = f" and {len(services.events) - 1} more" if len(services.events) > 1 else ""
    return f"Apple reports trouble with {plain(event.service)}{more}, since {values.minute(event.starts, zone)}."


def watcher_sentences(watching: Watching, now: datetime, zone: tzinfo) -> Iterable[str]:
    """The watcher's own line: running since, last look, next look."""
    looked = "it has not looked yet" if watching.last is None else f"last look {ago(watching.last, now, zone)}"
    if watching.runs is None:
        return
    if not watching.runs:
        yield f"The watcher is not running; {looked}. {START_WORDS[watching.service]}"
        return
    since = f" since {at_clock(watching.since, now, zone)}" if watching.since is not None else ""
    line = f"Watching{since}; {looked}"
    if watching.next is not None:
        due = watching.next <= now
        line += "; the next look is due now" if due else f"; next look about {at_clock(watching.next, now, zone)}"
    yield f"{line}."
