"""A restore is still running, and backups wait for it (``managerStates`` of ``backupd``, set-up's RestoreState)."""

from __future__ import annotations

from datetime import datetime
from typing import Final

from backupwatch.facts import kinds
from backupwatch.facts.kinds import LogWord
from backupwatch.judge import about, phone_log
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut
from backupwatch.wording import values, words

ID = "restore-in-progress"
SOURCE = "https://support.apple.com/118105"
_RUNNING: Final = ("restoring", "progress", "downloading")
_OVER: Final = ("complete", "finish", "restored", "done", "none", "notneeded", "idle")
WORDS = words(
    ID,
    {
        "summary": "The {thing} is still restoring from a backup",
        "state": "The {thing} says since {moment} that it is restoring",
        "log": "The {thing} reported on {moment} that a restore is in progress",
        "over": "No restore is running on the {thing}",
        "unread": "the {thing} has not said whether a restore is running",
        "odd": "the {thing} describes its restore in a word that is not known",
        "fix.1": "Leave the {thing} charging and on Wi-Fi until its apps and photos are back; this may take days",
        "fix.2": "See how far it is under {icloud_backup}",
        "fix.3": "Backups start again by themselves in the night after the restore has finished",
    },
)


def check(case: Case) -> Finding:
    """The phone's word on its restore, now or in its log."""
    places = about.places(case)
    state = about.from_phone(case.phone.text(kinds.RESTORE_STATE), case)
    word = state.value.casefold().replace(" ", "") if state else ""
    over = any(sign in word for sign in _OVER)  # asked first: "DoneRestoring" has both
    if state is not None and not over and any(sign in word for sign in _RUNNING):
        line = WORDS.say("state", moment=values.minute(state.first_at, case.zone), **places)
        start = about.since(case.phone, kinds.RESTORE_STATE)
        return _blamed(case, Certainty.CERTAIN, line, about.share(case, start))
    said = _said(case)
    if said:
        line = WORDS.say("log", moment=values.minute(said[-1], case.zone), **places)
        return _blamed(case, Certainty.CERTAIN, line, 1.0)
    if over:
        return RuledOut(ID, (WORDS.say("over", **places),))
    return NotChecked(ID, WORDS.say("odd" if word else "unread", **places))


def _said(case: Case) -> list[datetime]:
    """When the log last spoke of a restore, unless its conditions have been told without one since."""
    running = [at for at, _ in phone_log.said(case, LogWord.RESTORING)]
    for at, event in phone_log.said(case, LogWord.ON_CONDITION, LogWord.OFF_CONDITION):
        if phone_log.switches(event).get("restoring"):
            running.append(at)
        elif running and at > max(running):
            running.clear()
    return sorted(at for at in running if case.now - at <= about.STILL_TRUE)


def _blamed(case: Case, sure: Certainty, line: str, explains: float) -> Blamed:
    places = about.places(case)
    return Blamed(
        ID,
        sure,
        WORDS.say("summary", **places),
        (line,),
        WORDS.steps("fix", **places),
        SOURCE,
        explains=explains,
        effort=0,
    )
