"""A newer iOS is out for this model. Old iOS is rarely the reason itself, so this is a step of the ladder.

Error 203 makes it the reason: the backup in iCloud was made by a newer iOS. A phone on the newest release of its
own major has its repairs; a model for which nothing newer exists is not outdated.
"""

from __future__ import annotations

from typing import Final

from packaging.version import Version

from backupwatch.facts import kinds
from backupwatch.judge import about, ios_versions, phone_log, tried
from backupwatch.judge.finding import Blamed, Case, Certainty, Finding, NotChecked, RuledOut
from backupwatch.judge.ios_versions import Releases
from backupwatch.wording import values, words

ID = "update-ios"
SOURCE = "https://support.apple.com/118575"
MADE_BY_NEWER: Final = frozenset({203})
WORDS = words(
    ID,
    {
        "summary": "A newer {system} is out for this {thing}",
        "summary-needed": "The backup in iCloud was made by a newer {system} than this {thing} has",
        "out": "{system} {installed}; {newest} is out",
        "out-since.one": "{system} {installed}; {newest} came out {number} day ago",
        "out-since.other": "{system} {installed}; {newest} came out {number} days ago",
        "own-major": "{system} {installed} is the newest of its line; {system} {newest} is a new line for this {thing}",
        "log": "The {thing} reported on {moment} that its iCloud backup needs a newer {system} (error {code})",
        "restarted": "Restarting on {day} did not help",
        "tried": "Updating to {system} {installed} on {day} did not help",
        "newest": "{system} {installed} is the newest for this {thing}",
        "wait": "it was updated to {system} {installed} on {day}; tonight's backup will show whether that helped",
        "no-version": "the {thing} has not said which {system} it runs",
        "no-list": "the list of {system} releases has not been read",
        "no-model": "the list of {system} releases does not name this model",
        "fix.1": "On the {thing} open {software_update} and install the update, on its charger and on Wi-Fi",
        "fix.2": "If you can, make a backup to a computer before",
        "fix.3": "Unlock it once after the update and leave it charging, locked and on Wi-Fi tonight",
        "fix.4": "It worked when {icloud_backup} shows a new time in the morning",
    },
)


def check(case: Case) -> Finding:
    """Compare the phone's version with the newest for its model."""
    places = about.places(case)
    failed = phone_log.failure(case, MADE_BY_NEWER)
    updated = tried.updated_at(case)
    if failed is not None and (updated is None or updated < failed.last_at):
        moment = values.minute(failed.last_at, case.zone)
        line = WORDS.say("log", moment=moment, code=failed.code, **places)
        return _blamed(case, "summary-needed", (line,), failed.certainty, last_resort=False, explains=failed.share)
    installed = ios_versions.installed(case)
    if installed is None:
        return NotChecked(ID, WORDS.say("no-version", **places))
    if updated is not None and not tried.had_a_night(case, updated):
        return NotChecked(ID, WORDS.say("wait", installed=installed, day=values.day(updated, case.zone), **places))
    out = ios_versions.releases(case)
    if out is None:
        listed = case.snapshot.releases.newest(kinds.IOS_RELEASES) is not None
        return NotChecked(ID, WORDS.say("no-model" if listed else "no-list", **places))
    done = (WORDS.say("tried", installed=installed, day=values.day(updated, case.zone), **places),) if updated else ()
    if installed >= out.newest:
        return RuledOut(ID, (WORDS.say("newest", installed=installed, **places), *done))
    evidence = (_out(case, installed, out), *done, *_restarted(case))
    return _blamed(case, "summary", evidence, Certainty.POSSIBLE, last_resort=True)


def _restarted(case: Case) -> tuple[str, ...]:
    """What the cheaper step of the ladder brought."""
    restarted = tried.restarted_at(case)
    if restarted is None or not tried.restart_failed(case):
        return ()
    return (WORDS.say("restarted", day=values.day(restarted, case.zone)),)


def _out(case: Case, installed: Version, out: Releases) -> str:
    if out.own_major is not None and installed >= out.own_major and out.own_major.major != out.newest.major:
        return WORDS.say("own-major", installed=installed, newest=out.newest, **about.places(case))
    if out.released_at is None:
        return WORDS.say("out", installed=installed, newest=out.newest, **about.places(case))
    since = values.days(case.now - out.released_at)
    return WORDS.count("out-since", since, installed=installed, newest=out.newest, **about.places(case))


def _blamed(
    case: Case, summary: str, evidence: tuple[str, ...], sure: Certainty, *, last_resort: bool, explains: float = 1.0
) -> Blamed:
    places = about.places(case)
    return Blamed(
        ID,
        sure,
        WORDS.say(summary, **places),
        evidence,
        WORDS.steps("fix", **places),
        SOURCE,
        explains=explains,
        effort=30,
        last_resort=last_resort,
    )
