"""Low Power Mode holds background work back (Energy Efficiency Guide, "React to Low Power Mode").

Only the account's Find My tells it. It switches itself off at 80 % charge, so a mode that is on by day and off in the
charging night holds nothing back; the nights count.
"""

from __future__ import annotations

from backupwatch.facts import kinds
from backupwatch.judge import about, nights
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut
from backupwatch.judge.nights import Answer, Tally
from backupwatch.wording import words

ID = "low-power-mode"
SOURCE = "https://support.apple.com/101604"
WORDS = words(
    ID,
    {
        "summary": "Low Power Mode is on at night on this {thing}",
        "on.one": "Low Power Mode was on in {on} of the {number} night that is known",
        "on.other": "Low Power Mode was on in {on} of the last {number} nights that are known",
        "off": "Low Power Mode was off when it was last known",
        "unread": "only the account's Find My tells whether Low Power Mode is on",
        "unknown": "Low Power Mode was on by day, but it is not known for enough nights",
        "fix.1": "On the {thing} open {low_power} and turn Low Power Mode off",
        "fix.2": "Leave it charging, locked and on Wi-Fi tonight",
        "fix.3": "It worked when {icloud_backup} shows a new time in the morning",
    },
)


def check(case: Case) -> Finding:
    """Count the nights in which the mode was on."""
    told = case.phone.flag(kinds.LOW_POWER_MODE)
    if told is None or not about.is_recent(told, case):
        return NotChecked(ID, WORDS.say("unread"))
    found = nights.answers(case, kinds.LOW_POWER_MODE)
    on = sum(answer is Answer.YES for answer in found)
    known = sum(answer is not Answer.UNKNOWN for answer in found)
    if known and on == 0:
        return RuledOut(ID, (WORDS.count("on", known, on=on),))
    sure = nights.blame(Tally(known, known - on, on, len(found)))
    if sure is not None:
        return _blamed(case, sure, (WORDS.count("on", known, on=on),), on / known)
    if not told.value:
        return RuledOut(ID, (WORDS.say("off"),))
    return NotChecked(ID, WORDS.say("unknown"))


def _blamed(case: Case, sure: Certainty, evidence: tuple[str, ...], explains: float) -> Blamed:
    places = about.places(case)
    return Blamed(
        ID,
        sure,
        WORDS.say("summary", **places),
        evidence,
        WORDS.steps("fix", **places),
        SOURCE,
        explains=explains,
        effort=1,
    )
