"""Long without a restart, and nothing better explains it: the first step of the ladder.

The codes are those of broken messages inside iOS and of errors without a name; a restart clears them.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Final

from backupwatch.facts import kinds
from backupwatch.judge import about, phone_log, tried
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut
from backupwatch.wording import values, words

ID = "restart-iphone"
SOURCE = "https://support.apple.com/guide/iphone/iph8dd1d4e1b"
STUCK: Final = frozenset({1, 2, 3, 4, 11, 14, 18, 19, 20, 310})
LONG: Final = timedelta(days=14)
"""A phone that ran for two weeks and misses its backups deserves a restart before anything dearer."""
WORDS = words(
    ID,
    {
        "summary": "The {thing} has not been restarted for a long time",
        "summary-try": "Restarting the {thing} may get its backups going again",
        "running.one": "Running for {number} day without a restart",
        "running.other": "Running for {number} days without a restart",
        "log.one": "A backup failed on {moment} inside iOS (error {code})",
        "log.other": "{number} backups failed, last on {moment}, inside iOS (error {code})",
        "tried": "Restarting on {day} did not help",
        "wait": "it was restarted on {day}; tonight's backup will show whether that helped",
        "unread": "the {thing} has not said when it was started",
        "fix.1": "On the {thing} open {shut_down} and switch it off",
        "fix.2": "Switch it on again and unlock it once with its passcode; before that nothing is backed up",
        "fix.3": "Leave it charging, locked and on Wi-Fi tonight",
        "fix.4": "It worked when {icloud_backup} shows a new time in the morning",
    },
)


def check(case: Case) -> Finding:
    """How long it has been running, and whether a restart was already tried."""
    places = about.places(case)
    session = case.phone.text(kinds.BOOT_SESSION)
    restarted = tried.restarted_at(case)
    if restarted is not None:
        if not tried.had_a_night(case, restarted):
            return NotChecked(ID, WORDS.say("wait", day=values.day(restarted, case.zone)))
        return RuledOut(ID, (WORDS.say("tried", day=values.day(restarted, case.zone)),))
    stuck = phone_log.failure(case, STUCK)
    running = _running(case)
    if stuck is not None:
        moment = values.minute(stuck.last_at, case.zone)
        line = WORDS.count("log", stuck.times, moment=moment, code=stuck.code)
        sure = Certainty.LIKELY if stuck.is_latest else Certainty.POSSIBLE
        return _blamed(case, sure, (line, *running), last_resort=False, explains=stuck.share)
    if session is None or not running:
        return NotChecked(ID, WORDS.say("unread", **places))
    sure = Certainty.LIKELY if _ran(case) >= LONG else Certainty.POSSIBLE
    return _blamed(case, sure, running, last_resort=True)


def _ran(case: Case) -> timedelta:
    """How long the last session is known to have run: a phone that was not met since may have been restarted."""
    session = case.phone.text(kinds.BOOT_SESSION)
    same = [span.first_at for span in case.phone.spans(kinds.BOOT_SESSION) if session and span.value == session.value]
    return min(case.now, session.last_at) - min([*same, session.last_at, case.now]) if session else timedelta(0)


def _running(case: Case) -> tuple[str, ...]:
    if case.phone.text(kinds.BOOT_SESSION) is None:
        return ()
    return (WORDS.count("running", max(1, values.days(_ran(case)))),)


def _blamed(
    case: Case, sure: Certainty, evidence: tuple[str, ...], *, last_resort: bool, explains: float = 1.0
) -> Blamed:
    places = about.places(case)
    long = _ran(case) >= LONG
    return Blamed(
        ID,
        sure,
        WORDS.say("summary" if long else "summary-try", **places),
        evidence,
        WORDS.steps("fix", **places),
        SOURCE,
        explains=explains,
        effort=3,
        last_resort=last_resort,
    )
