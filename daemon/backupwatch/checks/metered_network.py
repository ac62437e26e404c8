"""Low Data Mode, a hotspot, a metered Wi-Fi, a VPN or a filter holds the backup back.

iOS asks for an inexpensive network before it starts an automatic backup (``backupd`` of iOS 26.1); error 300 is a
connection that broke. All of it stands only in the phone's log.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final, TypeAlias

from backupwatch.facts.kinds import LogWord
from backupwatch.judge import about, nights, phone_log
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut
from backupwatch.wording import values, words

ID = "metered-network"
SOURCE = "https://support.apple.com/102433"
BROKEN: Final = frozenset({300})
EXPENSIVE: Final = frozenset({222})
_Nights: TypeAlias = tuple[tuple[datetime, datetime], ...]
_A_NIGHT: Final = timedelta(hours=9)
"""A line of the night that is not over yet counts too."""
_TIME_TO_START: Final = timedelta(hours=4)
"""On condition for this long without a start is more than the scheduler's ordinary delay."""
WORDS = words(
    ID,
    {
        "summary": "The network that the {thing} uses at night counts as limited, so backups wait",
        "summary-broken": "The network that the {thing} uses at night breaks off backups",
        "marked.one": "The {thing} reported on {moment} that its network is metered or in Low Data Mode",
        "marked.other": (
            "The {thing} reported {number} times, last on {moment}, that its network is metered or in Low Data Mode"
        ),
        "broken.one": "A backup failed on {moment} because the connection broke (error {code})",
        "broken.other": "{number} backups failed, last on {moment}, because the connection broke (error {code})",
        "waits.one": "On {number} night it was charging, locked and on Wi-Fi, and yet no backup was started",
        "waits.other": "On {number} nights it was charging, locked and on Wi-Fi, and yet no backup was started",
        "by-day": "the {thing}'s log has spoken of its network only by day",
        "free": "The {thing} reported on {moment} that its network is not limited",
        "silent": "the {thing}'s log has said nothing about its network",
        "unheard": "the {thing} tells this only in its log, which could not be heard",
        "fix.1": "On the {thing} open {wifi}, tap the (i) beside your network and turn Low Data Mode off",
        "fix.2": "If it is a hotspot, join another Wi-Fi; turn off any VPN or filter under {management} for a night",
        "fix.3": "Leave it charging, locked and on Wi-Fi tonight, or open {icloud_backup} and tap Back Up Now",
        "fix.4": "It worked when a new time stands under Back Up Now",
    },
)


def check(case: Case) -> Finding:
    """What the phone's log says of its network."""
    places = about.places(case)
    since = case.freshness.gap_since
    windows = tuple(nights.windows(since, case.now, case.zone)) if since is not None else ()
    heard = [
        (at, switches.get("expensive", False) or switches.get("constrained", False))
        for at, event in phone_log.said(case, LogWord.NETWORK)
        if (switches := phone_log.switches(event)).get("available", True)
    ]
    by_night = tuple(nights.windows(since, case.now + _A_NIGHT, case.zone)) if since is not None else ()
    told = [(at, is_marked) for at, is_marked in heard if _night(by_night, at) is not None]
    marked = [at for at, is_marked in told if is_marked]
    if marked and len(marked) * 2 >= len(told):
        line = WORDS.count("marked", len(marked), moment=values.minute(max(marked), case.zone), **places)
        number, known = (len({_night(by_night, at) for at in each}) for each in (marked, [at for at, _ in told]))
        sure = Certainty.CERTAIN if number >= 2 else Certainty.POSSIBLE
        return _blamed(case, "summary", sure, line, number / known)
    broken = phone_log.failure(case, BROKEN | EXPENSIVE)
    if broken is not None:
        moment = values.minute(broken.last_at, case.zone)
        line = WORDS.count("broken", broken.times, moment=moment, code=broken.code)
        lately = broken.nights >= 2 or case.now - broken.last_at <= about.STILL_TRUE
        sure = Certainty.LIKELY if broken.is_latest and lately else Certainty.POSSIBLE
        return _blamed(case, "summary-broken", sure, line, min(1.0, broken.nights / max(1, len(windows))))
    waits = _waits(case, windows)
    if waits >= 2:
        return _blamed(case, "summary", Certainty.LIKELY, WORDS.count("waits", waits), 1.0)
    if told:
        return RuledOut(ID, (WORDS.say("free", moment=values.minute(told[-1][0], case.zone), **places),))
    if heard:
        return NotChecked(ID, WORDS.say("by-day", **places))
    return NotChecked(ID, WORDS.say("silent" if phone_log.was_heard(case) else "unheard", **places))


def _night(windows: _Nights, at: datetime) -> datetime | None:
    """The beginning of the night in which a moment lies; what the network is like by day says nothing of it."""
    return next((starts for starts, ends in windows if starts <= at < ends), None)


def _waits(case: Case, windows: _Nights) -> int:
    """Nights in which the phone was on condition for long and nothing was started."""
    on = [at for at, _ in phone_log.said(case, LogWord.ON_CONDITION)]
    other = [
        at for at, _ in phone_log.said(case, LogWord.STARTED, LogWord.FAILURE, LogWord.COMPLETED, LogWord.OFF_CONDITION)
    ]
    return sum(_waited(on, other, starts, ends) for starts, ends in windows)


def _waited(on: list[datetime], other: list[datetime], starts: datetime, ends: datetime) -> bool:
    first = min((at for at in on if starts <= at < ends), default=None)
    if first is None:
        return False
    return not any(first <= at < ends for at in other) and ends - first >= _TIME_TO_START


def _blamed(case: Case, summary: str, sure: Certainty, line: str, explains: float) -> Blamed:
    places = about.places(case)
    return Blamed(
        ID,
        sure,
        WORDS.say(summary, **places),
        (line,),
        WORDS.steps("fix", **places),
        SOURCE,
        explains=explains,
        effort=3,
    )
