"""The phone's clock is off, so Apple's servers refuse it.

Several phones that are off by the same amount mean that this computer's own clock is wrong.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Final

from backupwatch.checks import MISSING
from backupwatch.facts import kinds
from backupwatch.facts.observation import Json
from backupwatch.facts.snapshot import as_number
from backupwatch.judge import about
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut, State
from backupwatch.wording import values, words

ID = "clock-wrong"
SOURCE = "https://support.apple.com/108366"
APPLIES = MISSING | {State.UNKNOWN}
NOTICED: Final = 300.0
"""Seconds: beyond five minutes signed requests begin to be refused (the usual tolerance of such protocols)."""
SURE: Final = 3_600.0
_ABSURD: Final = 1e10
_SAME: Final = 120.0
_APART: Final = timedelta(hours=6)
WORDS = words(
    ID,
    {
        "summary": "The clock of this {thing} is wrong",
        "summary-either": "The clock of this {thing} or of this computer is wrong",
        "behind": "Its clock is {off} behind this computer's",
        "ahead": "Its clock is {off} ahead of this computer's",
        "future": "The {thing} gives a date of its last backup that lies in the future",
        "right": "Its clock agrees with this computer's to within five minutes",
        "unread": "the {thing} has not said what time its clock shows",
        "computer": "{number} phones are off by the same amount, so it may be this computer's clock that is wrong",
        "fix-either.1": "Compare the clocks of the {thing} and of this computer with a third one",
        "fix-either.2": "If it is the {thing}'s, open {date_and_time} there and turn on Set Automatically",
        "fix-either.3": "If it is this computer's, set that right; the {thing} then needs nothing",
        "fix.1": "On the {thing} open {date_and_time} and turn on Set Automatically",
        "fix.2": "Check that the time zone shown there is the right one",
        "fix.3": "Leave it charging, locked and on Wi-Fi tonight",
        "fix.4": "It worked when {icloud_backup} shows a new time in the morning",
    },
)


def check(case: Case) -> Finding:
    """Compare the two clocks, and ask the other phones whose is wrong."""
    places = about.places(case)
    offset = about.from_phone(case.phone.number(kinds.CLOCK_OFFSET, -_ABSURD, _ABSURD), case)
    problem = case.phone.text(kinds.BACKUP_DATE_PROBLEM)
    if offset is None:
        if problem is not None and problem.value == "future":
            return _blamed(case, Certainty.LIKELY, (WORDS.say("future", **places),), 1.0)
        return NotChecked(ID, WORDS.say("unread", **places))
    if abs(offset.value) <= NOTICED:
        return RuledOut(ID, (WORDS.say("right"),))
    same = 1 + _others(case, lambda value: abs(value - offset.value) <= _SAME)
    if same >= 2:
        return NotChecked(ID, WORDS.say("computer", number=same))
    off = values.age(timedelta(seconds=abs(offset.value)))
    evidence = [WORDS.say("behind" if offset.value < 0 else "ahead", off=off)]
    if problem is not None and problem.value == "future":
        evidence.append(WORDS.say("future", **places))
    started = about.started(case.phone, kinds.CLOCK_OFFSET, _is_off) or offset.first_at
    witnessed = _others(case, lambda value: abs(value) <= NOTICED) > 0
    if not witnessed and not _on_two_days(case, started, offset.last_at):
        sure = Certainty.LIKELY if abs(offset.value) >= SURE else Certainty.POSSIBLE
        return _blamed(case, sure, tuple(evidence), about.share(case, started), kind="-either")
    sure = Certainty.CERTAIN if abs(offset.value) >= SURE else Certainty.POSSIBLE
    start = about.since(case.phone, kinds.CLOCK_OFFSET, _is_off)
    return _blamed(case, sure, tuple(evidence), about.share(case, start))


def _on_two_days(case: Case, first: datetime, last: datetime) -> bool:
    """Whether two readings a day apart agree: a computer that has just been started may not know the time yet."""
    return last - first >= _APART and first.astimezone(case.zone).date() != last.astimezone(case.zone).date()


def _is_off(value: Json) -> bool:
    offset = as_number(value, -_ABSURD, _ABSURD)
    return offset is not None and abs(offset) > NOTICED


def _others(case: Case, like: Callable[[float], bool]) -> int:
    """How many other phones say so of their clocks."""
    readings = (
        view.number(kinds.CLOCK_OFFSET, -_ABSURD, _ABSURD)
        for view in case.snapshot.phones.values()
        if view.subject != case.phone.subject
    )
    return sum(reading is not None and about.is_recent(reading, case) and like(reading.value) for reading in readings)


def _blamed(case: Case, sure: Certainty, evidence: tuple[str, ...], explains: float, *, kind: str = "") -> Blamed:
    places = about.places(case)
    return Blamed(
        ID,
        sure,
        WORDS.say(f"summary{kind}", **places),
        evidence,
        WORDS.steps(f"fix{kind}", **places),
        SOURCE,
        explains=explains,
        effort=2,
    )
