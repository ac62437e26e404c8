"""Not unlocked since it started, so its files cannot be read (error 209: encryption keys missing)."""

from __future__ import annotations

from typing import Final

from backupwatch.checks import MISSING
from backupwatch.facts import kinds
from backupwatch.facts.kinds import LogWord
from backupwatch.judge import about, phone_log, tried
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut, State
from backupwatch.wording import values, words

ID = "locked-since-restart"
SOURCE = "https://support.apple.com/108366"
APPLIES = MISSING | {State.UNKNOWN}
KEYS_MISSING: Final = frozenset({209})
WORDS = words(
    ID,
    {
        "summary": "The {thing} has not been unlocked since it was restarted",
        "summary-past": "The {thing} had not been unlocked since it was restarted when it last tried",
        "locked": "It waits for its passcode since {moment} at the latest",
        "log.one": "A backup failed on {moment} because the {thing} had not been unlocked (error {code})",
        "log.other": "{number} backups failed, last on {moment}, because it had not been unlocked (error {code})",
        "line": "The {thing} reported on {moment} that files could not be read because it had not been unlocked",
        "unlocked": "It has been unlocked since it was started",
        "unread": "the {thing} has not said whether it was unlocked since it was started",
        "fix.1": "Unlock the {thing} once with its passcode",
        "fix.2": "Leave it charging, locked and on Wi-Fi tonight",
        "fix.3": "It worked when {icloud_backup} shows a new time in the morning",
    },
)


def check(case: Case) -> Finding:
    """The phone's own word, now or in its log."""
    places = about.places(case)
    unlocked = about.from_phone(case.phone.flag(kinds.UNLOCKED_SINCE_BOOT), case)
    if unlocked is not None and not unlocked.value:
        started = about.started(case.phone, kinds.UNLOCKED_SINCE_BOOT) or unlocked.first_at
        line = WORDS.say("locked", moment=values.minute(started, case.zone))
        sure = Certainty.CERTAIN if tried.had_a_night(case, started) else Certainty.POSSIBLE
        start = about.since(case.phone, kinds.UNLOCKED_SINCE_BOOT)
        return _blamed(case, sure, line, about.share(case, start))
    failed = phone_log.failure(case, KEYS_MISSING)
    if failed is not None:
        moment = values.minute(failed.last_at, case.zone)
        line = WORDS.count("log", failed.times, moment=moment, code=failed.code, **places)
        if unlocked is None or unlocked.last_at <= failed.last_at:
            return _blamed(case, failed.certainty, line, failed.share)
        if case.now - failed.last_at > about.STILL_TRUE or not failed.is_latest:
            return RuledOut(ID, (WORDS.say("unlocked"), line))
        return _blamed(case, Certainty.POSSIBLE, line, failed.share, kind="-past")
    said = phone_log.said(case, LogWord.MISSING_KEYS)
    if said and unlocked is None:
        return _blamed(
            case, Certainty.LIKELY, WORDS.say("line", moment=values.minute(said[-1][0], case.zone), **places)
        )
    if unlocked is None:
        return NotChecked(ID, WORDS.say("unread", **places))
    return RuledOut(ID, (WORDS.say("unlocked"),))


def _blamed(case: Case, sure: Certainty, line: str, explains: float = 1.0, *, kind: str = "") -> Blamed:
    places = about.places(case)
    return Blamed(
        ID,
        sure,
        WORDS.say(f"summary{kind}", **places),
        (line,),
        WORDS.steps("fix", **places),
        SOURCE,
        explains=explains,
        effort=0,
    )
