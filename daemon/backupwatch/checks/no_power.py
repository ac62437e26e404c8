"""The phone is not charging, or not left locked, when it should back up.

iOS starts an automatic backup on external power while locked; unlocking cancels a running one at once, unplugging
after 60 seconds (``backupd`` of iOS 26.1, cancel codes 218 and 219). Judged over nights, never over a moment.
"""

from __future__ import annotations

from typing import Final

from backupwatch.facts import kinds
from backupwatch.judge import about, nights, phone_log
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut
from backupwatch.judge.nights import Answer, Night
from backupwatch.wording import values, words

ID = "no-power"
SOURCE = "https://support.apple.com/108366"
POWER_LOST: Final = frozenset({219})
UNLOCKED: Final = frozenset({218})
DEFERRED: Final = frozenset({223})
WORDS = words(
    ID,
    {
        "summary": "The {thing} is not charging at night",
        "summary-locked": "The {thing} charges at night, but is not left locked",
        "summary-deferred": "The nights of the {thing} on its charger may be too short for a backup",
        "charged.one": "Charging on {met} of the {number} night that is known since the last backup",
        "charged.other": "Charging on {met} of the last {number} nights that are known",
        "locked.one": "Locked on {met} of the {number} night that is known since the last backup",
        "locked.other": "Locked on {met} of the last {number} nights that are known",
        "said.one": "The {thing} reported on {moment} that it was not on power at night",
        "said.other": "The {thing} reported {number} times, last on {moment}, that it was not on power at night",
        "lost.one": "A backup was broken off on {moment} because the {thing} was unplugged (code {code})",
        "lost.other": "{number} backups were broken off, last on {moment}, because it was unplugged (code {code})",
        "unlocked.one": "A backup was broken off on {moment} because the {thing} was unlocked (code {code})",
        "unlocked.other": "{number} backups were broken off, last on {moment}, because it was unlocked (code {code})",
        "deferred.one": "iOS broke a backup off on {moment} to do something else first (code {code})",
        "deferred.other": "iOS broke {number} backups off, last on {moment}, to do something else first (code {code})",
        "few.one": "charging on {met} of the {number} night that is known, which is too little to judge by",
        "few.other": "charging on {met} of the {number} nights that are known, which is too little to judge by",
        "no-night": "no whole night has passed since a backup was due",
        "unknown.one": "whether it was charging is not known for the night since the last backup",
        "unknown.other": "whether it was charging is not known for any of the {number} nights since the last backup",
        "fix.1": "Tonight put the {thing} on its charger before you go to sleep, and look for the charging sign",
        "fix.2": "Leave it locked and on Wi-Fi until morning; if it does not charge, try another cable or adapter",
        "fix.3": "It worked when {icloud_backup} shows a new time in the morning",
        "fix-locked.1": "Tonight leave the {thing} on its charger with the screen locked until morning",
        "fix-locked.2": "Unlocking it stops a backup at once, so give it a few hours",
        "fix-locked.3": "It worked when {icloud_backup} shows a new time in the morning",
        "fix-deferred.1": "Put the {thing} on its charger earlier in the evening, locked and on Wi-Fi, in a cool place",
        "fix-deferred.2": "If you do not want to wait, open {icloud_backup} and tap Back Up Now",
        "fix-deferred.3": "It worked when {icloud_backup} shows a new time in the morning",
    },
)


def check(case: Case) -> Finding:
    """Count the nights; the phone's own cancel codes come first."""
    missed = nights.missed(case)
    power = nights.tally(night.powered for night in missed)
    charged = WORDS.count("charged", power.known, met=power.met) if power.known else ""
    lost = phone_log.failure(case, POWER_LOST)
    if lost is not None and (lost.times > 1 or power.met == 0):
        moment = values.minute(lost.last_at, case.zone)
        line = WORDS.count("lost", lost.times, moment=moment, code=lost.code, **about.places(case))
        return _blamed(case, lost.certainty, tuple(filter(None, (line, charged))), lost.share)
    sure = nights.blame(power)
    if sure is not None:
        own = _said(case, missed)
        sure = Certainty.CERTAIN if own and sure is Certainty.LIKELY else sure
        return _blamed(case, sure, (charged, *own), power.share)
    never_locked = _never_locked(case, missed)
    if never_locked is not None:
        return never_locked
    deferred = phone_log.failure(case, DEFERRED)
    if deferred is not None and deferred.nights >= 2:
        moment = values.minute(deferred.last_at, case.zone)
        line = WORDS.count("deferred", deferred.times, moment=moment, code=deferred.code)
        evidence = tuple(filter(None, (line, charged)))
        return _blamed(case, Certainty.POSSIBLE, evidence, deferred.share, kind="-deferred")
    if nights.clears(power):
        return RuledOut(ID, (charged,))
    if power.known:
        return NotChecked(ID, WORDS.count("few", power.known, met=power.met))
    return NotChecked(ID, WORDS.count("unknown", len(missed)) if missed else WORDS.say("no-night"))


def _said(case: Case, missed: tuple[Night, ...]) -> tuple[str, ...]:
    """The phone's own lines in those nights that say that it was not on power."""
    at = nights.reported_off(case.phone, "onPower", missed)
    if not at:
        return ()
    return (WORDS.count("said", len(at), moment=values.minute(max(at), case.zone), **about.places(case)),)


def _never_locked(case: Case, missed: tuple[Night, ...]) -> Blamed | None:
    """Charging, yet unlocked: in the nights whose lock is known, or by the phone's own cancel code."""
    on_power = [night for night in missed if night.powered in {Answer.YES, Answer.PARTLY}]
    locked = nights.tally(night.locked for night in on_power)
    broken = phone_log.failure(case, UNLOCKED)
    evidence = [WORDS.count("locked", locked.known, met=locked.met)] if locked.known else []
    if broken is not None and broken.times >= 2:
        moment = values.minute(broken.last_at, case.zone)
        evidence.insert(0, WORDS.count("unlocked", broken.times, moment=moment, code=broken.code))
        return _blamed(case, broken.certainty, tuple(evidence), broken.share, kind="-locked")
    if nights.blame(locked) is Certainty.LIKELY and not _told_locked(case):
        return _blamed(case, Certainty.LIKELY, tuple(evidence), locked.share, kind="-locked")
    return None


def _told_locked(case: Case) -> bool:
    """Whether the phone was ever seen locked: one without a passcode always says that it is not."""
    return not any(span.value is True for span in case.phone.spans(kinds.LOCKED))


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
        effort=1,
    )
