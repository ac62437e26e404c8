"""Apple's iCloud Backup or sign-in is down, and was during the missed nights.

An event blames Apple only for the nights that it covered: one that began this morning cannot explain nine days.
Source of the names and types: Apple's system status page (``statusType`` Outage, Issue, Performance, Maintenance).
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from backupwatch import text
from backupwatch.facts import kinds
from backupwatch.judge import about, nights, phone_log
from backupwatch.judge.apple_events import BACKUP, Event, events
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut
from backupwatch.wording import values, words

ID = "apple-outage"
SOURCE = "https://www.apple.com/support/systemstatus/"
SERVER_SIDE: Final = frozenset({13, 17, 301, 302, 304, 306})
"""The phone's errors for an Apple side that does not work (HTTP 423, too many requests, 4xx, 5xx, 503, 424)."""
_GOES_ON: Final = timedelta(hours=2)
"""How long after a reading of the page what it listed as going on is taken to go on: twice the default interval."""
WORDS = words(
    ID,
    {
        "summary": "Apple's {service} is not working",
        "summary-past": "Apple's {service} was not working",
        "summary-refused": "Apple's servers refused the {thing}'s backup",
        "ongoing": "Apple reports trouble with {service} since {start}",
        "reported": "On {moment} Apple reported trouble with {service} since {start}",
        "ended": "Apple reported trouble with {service} from {start} to {end}",
        "covers.one": "It covers {covered} of the {number} night without a backup",
        "covers.other": "It covers {covered} of the {number} nights without a backup",
        "log.one": "The {thing} reported on {moment} that Apple's servers refused (error {code})",
        "log.other": (
            "The {thing} reported {number} times, last on {moment}, that Apple's servers refused (error {code})"
        ),
        "fine": "Apple reports no trouble with iCloud Backup on the nights without a backup",
        "unread": "Apple's status page has not been read",
        "old": "Apple's status page was last read on {moment}",
        "unlisted": "Apple's status page does not list iCloud Backup",
        "fix.1": "Wait: only Apple can repair this; its state stands at apple.com/support/systemstatus",
        "fix.2": "Leave the {thing} charging, locked and on Wi-Fi at night as usual",
        "fix.3": "Backups should start again by themselves in the first night after Apple has repaired it",
        "fix-past.1": "Leave the {thing} charging, locked and on Wi-Fi tonight: it should back up by itself",
        "fix-past.2": "If you do not want to wait, open {icloud_backup} and tap Back Up Now",
        "fix-past.3": "It worked when a new time stands under Back Up Now",
    },
)


def check(case: Case) -> Finding:
    """The event that covers most of the missed nights, or the phone's own word."""
    page = case.snapshot.status.newest(kinds.SERVICE_EVENTS)
    windows = _windows(case)
    covered, event = max(
        (
            (sum(_covers(case, event, *window) for window in windows), event)
            for event in events(case.snapshot.status, case.now)
        ),
        key=lambda pair: (pair[0], pair[1].starts),
        default=(0, None),
    )
    failed = phone_log.failure(case, SERVER_SIDE)
    if event is not None and windows and covered * 2 >= len(windows):
        return _blamed(case, event, covered, len(windows), failed)
    if failed is not None:
        return _refused(case, failed, len(windows))
    if page is None:
        return NotChecked(ID, WORDS.say("unread"))
    if not case.now - page.last_at <= about.STILL_TRUE:
        return NotChecked(ID, WORDS.say("old", moment=values.minute(page.last_at, case.zone)))
    listed = case.snapshot.status.newest(kinds.SERVICES_LISTED)
    names = listed.value if listed is not None and isinstance(listed.value, list | tuple) else ()
    if BACKUP not in {str(name).casefold() for name in names}:
        return NotChecked(ID, WORDS.say("unlisted"))
    if event is None or not covered:
        return RuledOut(ID, (WORDS.say("fine"),))
    return RuledOut(ID, (_when(case, event), WORDS.count("covers", len(windows), covered=covered)))


def _windows(case: Case) -> tuple[tuple[datetime, datetime], ...]:
    since = case.freshness.gap_since
    return tuple(nights.windows(since, case.now, case.zone)) if since is not None else ()


def _covers(case: Case, event: Event, starts: datetime, ends: datetime) -> bool:
    """Whether the event took most of a night: an hour of trouble leaves the rest of it."""
    overlap = min(event.ends or _known_until(case), ends) - max(event.starts, starts)
    return overlap >= (ends - starts) / 2


def _known_until(case: Case) -> datetime:
    """Until when an event without an end is known to have gone on: the page may say otherwise since it was read."""
    page = case.snapshot.status.newest(kinds.SERVICE_EVENTS)
    return min(case.now, page.last_at + _GOES_ON) if page is not None else case.now


def _when(case: Case, event: Event) -> str:
    service, start = text.plain(event.service), values.minute(event.starts, case.zone)
    if event.ends is None:
        read = _known_until(case)
        if read < case.now:
            return WORDS.say("reported", service=service, start=start, moment=values.minute(read - _GOES_ON, case.zone))
        return WORDS.say("ongoing", service=service, start=start)
    return WORDS.say("ended", service=service, start=start, end=values.minute(event.ends, case.zone))


def _blamed(case: Case, event: Event, covered: int, number: int, failed: phone_log.Failure | None) -> Blamed:
    places = about.places(case)
    evidence = [_when(case, event), WORDS.count("covers", number, covered=covered)]
    if failed is not None:
        evidence.append(_own_word(case, failed))
    over = (event.ends or _known_until(case) + about.STILL_TRUE) <= case.now
    kind = "-past" if over else ""
    whole = covered == number and event.service.casefold() == BACKUP
    return Blamed(
        ID,
        Certainty.CERTAIN if (whole and event.kind == "outage") or failed is not None else Certainty.LIKELY,
        WORDS.say(f"summary{kind}", service=text.plain(event.service)),
        tuple(evidence),
        WORDS.steps(f"fix{kind}", **places),
        SOURCE,
        explains=covered / number,
        effort=0,
    )


def _refused(case: Case, failed: phone_log.Failure, number: int) -> Blamed:
    """No event on Apple's page, yet the phone says that the servers refused: that explains the nights of it alone."""
    places = about.places(case)
    page = case.snapshot.status.newest(kinds.SERVICE_EVENTS)
    denied = page is not None and case.now - page.last_at <= about.STILL_TRUE
    recent = failed.is_latest and case.now - failed.last_at <= timedelta(days=2)
    return Blamed(
        ID,
        Certainty.LIKELY if recent and not denied else Certainty.POSSIBLE,
        WORDS.say("summary-refused", **places),
        (_own_word(case, failed),),
        WORDS.steps("fix" if recent and not denied else "fix-past", **places),
        SOURCE,
        explains=min(1.0, failed.nights / max(1, number)),
        effort=0,
    )


def _own_word(case: Case, failed: phone_log.Failure) -> str:
    moment = values.minute(failed.last_at, case.zone)
    return WORDS.count("log", failed.times, moment=moment, code=failed.code, **about.places(case))
